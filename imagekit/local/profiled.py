"""What the probe found out becomes a profile: attributed, summed up, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from msgspec import Struct

from imagekit.local.attribution import NO_LAYERS, Layers, attributed, owner_of
from imagekit.local.lazy import lazy_imports
from imagekit.local.probed import Module, Probed, Run
from imagekit.model.startup import BytecodeEffect, CompiledModule, ImportProfile, Spread


class Subject(Struct, frozen=True, kw_only=True):
    """What was measured."""

    function: str
    artefact: str
    architecture: str
    packaging: str
    module: str
    """The handler's, as Python names it: `scoring.app`."""
    emulated: bool = False


def profile_of(subject: Subject, probed: Probed, layers: Layers = NO_LAYERS) -> ImportProfile:
    """The run nearest to the median, attributed; and what all runs say together."""
    runs = probed.of("asis")
    shown = _nearest(runs)
    return ImportProfile(
        function=subject.function,
        artefact=subject.artefact,
        architecture=subject.architecture,
        packaging=subject.packaging,
        python=probed.python,
        emulated=subject.emulated,
        imports=attributed(shown.measured.imports, probed, layers),
        measured_us=Spread.of(run.wall_us for run in runs),
        total_us=shown.wall_us,
        interpreter_us=shown.measured.interpreter_us,
        lazy=lazy_imports(shown.measured.imports, probed, subject.module),
        bytecode=_effect(probed),
        compiled=tuple(_compiled(probed, layers)),
    )


def _nearest(runs: Sequence[Run]) -> Run:
    middle = median(run.wall_us for run in runs)
    return min(runs, key=lambda run: abs(run.wall_us - middle))


def _with(probed: Probed) -> tuple[Run, ...]:
    """Runs that had all bytecode: the artefact's own, or what was made while measuring."""
    return probed.of("asis" if probed.shipped == "all" else "cached")


def _effect(probed: Probed) -> BytecodeEffect:
    return BytecodeEffect(
        with_us=Spread.of(run.wall_us for run in _with(probed)),
        without_us=Spread.of(run.wall_us for run in probed.of("source")),
        shipped=probed.shipped,
    )


def _compiled(probed: Probed, layers: Layers) -> Iterator[CompiledModule]:
    """Modules that have bytecode or could have it, the greatest saving per byte first."""
    fast, slow = _self_us(_with(probed)), _self_us(probed.of("source"))
    found = [
        CompiledModule(
            path=module.file,
            owner=owner_of(module.file, probed, layers),
            bytecode_bytes=size,
            self_us=fast[name],
            saved_us=max(0, slow[name] - fast[name]),
        )
        for name, module, size in _with_sizes(probed)
        if module.file is not None and name in fast and name in slow
    ]
    yield from sorted(found, key=lambda one: (-one.saved_us / one.bytecode_bytes, one.path))


def _with_sizes(probed: Probed) -> Iterator[tuple[str, Module, int]]:
    for name, module in probed.modules.items():
        made = probed.cached.get(name)
        size = module.bytecode_bytes or (made.bytecode_bytes if made else None)
        if size and module.file and not module.file.startswith(probed.stdlib):
            yield name, module, size


def _self_us(runs: Sequence[Run]) -> Mapping[str, int]:
    times: dict[str, list[int]] = {}
    for run in runs:
        for one in run.measured.imports:
            times.setdefault(one.module, []).append(one.self_us)
    return {name: int(median(found)) for name, found in times.items()}
