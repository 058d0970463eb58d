"""Measurements of starts that stay on this machine: the last one of each function and packaging."""

from __future__ import annotations

from pathlib import Path

from imagekit.model.comparison import Start
from imagekit.model.digest import Digest
from imagekit.model.startup import StartSeries
from imagekit.plan.build_plan import BuildPlan
from imagekit.store import Store

_KIND = "starts"


def keep_start(store: Store, root: Path, plan: BuildPlan, series: StartSeries) -> None:
    """Keep what was measured of the artefact that this plan became; `root` is the folder whose
    configuration names the function."""
    value: dict[str, object] = {
        "inputs": inputs_of(plan).hex,
        "median_ms": round(series.start_ms.median, 3),
        "count": len(series.starts),
        "memory_limit_mb": series.memory_limit_mb,
    }
    store.put_record(_KIND, _key(root, plan), value)


def kept_start(store: Store, root: Path, plan: BuildPlan) -> Start | None:
    """What was measured last of the function in this packaging; None where nothing was kept."""
    match store.record(_KIND, _key(root, plan)):
        case {
            "inputs": str(inputs),
            "median_ms": int() | float() as median_ms,
            "count": int(count),
            "memory_limit_mb": int(memory),
        }:
            return Start(
                median_ms=float(median_ms),
                count=count,
                memory_limit_mb=memory,
                current=inputs == inputs_of(plan).hex,
            )
    return None


def inputs_of(plan: BuildPlan) -> Digest:
    """Of all that an artefact is made of; what was measured of other inputs may start otherwise."""
    parts = [plan.packaging, plan.handler, str(plan.base.digest) if plan.base else ""]
    parts += [str(extension.digest) for extension in plan.extensions]
    parts += [layer.fingerprint.hex for layer in plan.layers]
    return Digest.of("\n".join(parts).encode())


def _key(root: Path, plan: BuildPlan) -> str:
    place = Digest.of(str(root).encode()).short
    return f"{plan.function}-{plan.target.architecture}-{plan.packaging}-{place}"
