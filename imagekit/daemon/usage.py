"""What takes an engine's disk, from the answer of `GET /system/df`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from imagekit.model.sizes import size


def usage_of(answer: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Kind and size for people: images, containers, volumes, build cache; what is empty left out.

    docs.docker.com/reference/api/engine, "SystemDataUsage".
    """
    found = {
        "images": _number(answer.get("LayersSize")),
        "containers": _sum(answer, "Containers", "SizeRw"),
        "volumes": sum(
            max(0, _number(cast("Mapping[str, object]", one.get("UsageData") or {}).get("Size")))
            for one in _each(answer, "Volumes")
        ),
        "build cache": _sum(answer, "BuildCache", "Size"),
    }
    return tuple((kind, size(size_bytes)) for kind, size_bytes in found.items() if size_bytes > 0)


def _sum(answer: Mapping[str, object], kind: str, key: str) -> int:
    return sum(_number(one.get(key)) for one in _each(answer, kind))


def _each(answer: Mapping[str, object], kind: str) -> list[Mapping[str, object]]:
    return cast("list[Mapping[str, object]]", answer.get(kind) or [])


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
