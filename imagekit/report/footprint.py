"""What an artefact weighs, in words and as JSON: by category, layer, package, file and limit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from imagekit.check.inventory.footprint import LargeFile
from imagekit.model.footprint import (
    WORDS,
    Footprint,
    LayerFootprint,
    LayerKind,
    Limit,
    PackageFootprint,
    footprint_json,
)
from imagekit.model.sizes import size
from imagekit.report.bars import Row, table
from imagekit.report.plan import categories_line
from imagekit.report.text import percent, used_of

SCHEMA = 1

_INDENT = 2
_PLACES: Final[dict[LayerKind, str]] = {
    "unpacked": "unpacked to /tmp: ",
    "lambda-layer": "Lambda layer: ",
}
_PACKAGES = 15
_FILES = 10
_CATEGORIES = 3
"""As many are shown in full; the JSON has all."""


def inspection_lines(
    footprint: Footprint,
    limits: Sequence[Limit],
    files: Sequence[LargeFile],
    *,
    size_bytes: int | None,
    columns: int | None,
) -> Iterator[str]:
    """Everything about one artefact; `columns` of the terminal, None where there is none."""
    amount = footprint.amount
    inner = None if columns is None else columns - _INDENT
    compressed = f", {size(size_bytes)} compressed" if size_bytes is not None else ""
    yield (
        f"{footprint.name}  {footprint.packaging}  {size(amount.unzipped_bytes)}"
        f"{_of_base(footprint)}{compressed}"
    )
    if footprint.packaging == "image" or len(footprint.layers) > 1:
        yield ""
        yield "layers" if footprint.packaging == "image" else "parts"
        yield from _indented(table(list(_layers(footprint)), inner))
    yield ""
    yield "packages"
    yield from _indented(table(list(_packages(footprint)), inner))
    hidden = len(footprint.packages) - _PACKAGES
    if hidden > 0:
        yield f"  and {hidden} more; --json lists them all"
    yield ""
    yield "categories"
    yield from _indented(table(list(_categories(footprint)), inner))
    yield ""
    yield "largest files"
    yield from _indented(table(list(_files(files, amount.unzipped_bytes)), inner))
    yield ""
    yield "limits"
    yield from _indented(table([_limit(limit) for limit in limits], inner))


def inspection_json(
    footprint: Footprint,
    limits: Sequence[Limit],
    files: Sequence[LargeFile],
    *,
    size_bytes: int | None,
) -> str:
    """The same as one JSON document."""
    found = {
        "schema": SCHEMA,
        **footprint_json(footprint),
        **({"size_bytes": size_bytes} if size_bytes is not None else {}),
        "limits": [
            {"rule": one.rule, "what": one.what, "used": one.used, "limit": one.limit}
            for one in limits
        ],
        "largest_files": [
            {
                "path": one.path,
                "unzipped_bytes": one.unzipped_bytes,
                "layer": one.layer,
                "package": one.package,
            }
            for one in files
        ],
    }
    return json.dumps(found, indent=2)


def _of_base(footprint: Footprint) -> str:
    """What the sum has of layers that nobody read, or has not."""
    of_base = f", {size(footprint.base_bytes)} of it the base" if footprint.base_bytes else ""
    if not footprint.missing:
        return of_base
    layers = "1 layer" if footprint.missing == 1 else f"{footprint.missing} layers"
    return f"{of_base} without {layers} that could not be read"


def _layers(footprint: Footprint) -> Iterator[Row]:
    whole = footprint.amount.unzipped_bytes
    for layer in footprint.layers:
        cells = (size(layer.amount.unzipped_bytes), _compressed(layer), _inside(layer))
        yield Row(layer.name, _share(layer.amount.unzipped_bytes, whole), cells)


def _compressed(layer: LayerFootprint) -> str:
    if layer.packed_bytes is not None:
        return f"{size(layer.packed_bytes)} in the ZIP"
    return f"{size(layer.size_bytes)} compressed" if layer.size_bytes is not None else ""


def _inside(layer: LayerFootprint) -> str:
    if layer.unread:
        return f"unread: {layer.unread}"
    if layer.kind in ("base", "extension", "other"):
        return layer.kind
    place = _PLACES.get(layer.kind, "")
    named = [one.label for one in layer.packages if one.label != layer.name]
    return place + ", ".join(named[:_CATEGORIES]) + (", …" if len(named) > _CATEGORIES else "")


def _packages(footprint: Footprint) -> Iterator[Row]:
    whole = footprint.amount.unzipped_bytes
    for package in footprint.packages[:_PACKAGES]:
        yield Row(
            package.label,
            _share(package.amount.unzipped_bytes, whole),
            (
                size(package.amount.unzipped_bytes),
                _count(package),
                categories_line(package.categories, shown=_CATEGORIES),
            ),
        )


def _count(package: PackageFootprint) -> str:
    files = package.amount.files
    return f"{files:,} file{'' if files == 1 else 's'}"


def _categories(footprint: Footprint) -> Iterator[Row]:
    whole = footprint.amount.unzipped_bytes
    for name, amount in sorted(footprint.categories, key=lambda one: -one[1].unzipped_bytes):
        share = _share(amount.unzipped_bytes, whole)
        yield Row(WORDS[name], share, (size(amount.unzipped_bytes), f"{amount.files:,} files"))


def _files(files: Sequence[LargeFile], whole: int) -> Iterator[Row]:
    for one in files[:_FILES]:
        share = _share(one.unzipped_bytes, whole)
        yield Row(size(one.unzipped_bytes), share, (f"{one.path} ({one.package})",))


def _limit(limit: Limit) -> Row:
    words = (used_of(limit), percent(limit.share))
    return Row(f"{limit.rule} {limit.what}", min(limit.share, 1), words)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
