"""ZIP or image: decided from the footprint, before anything is built (decision 8)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imagekit.model.errors import TooLarge
from imagekit.model.footprint import category
from imagekit.model.packaging import PackageType
from imagekit.model.sizes import size

ZIP_LIMIT_BYTES = 262_144_000
"""Code and packages must stay *below* it (lambda_rules Z1: 262,144,000 itself is refused)."""

IMAGE_LIMIT_BYTES = 10 * 1024**3
"""All layers uncompressed, deletions included (lambda_rules T6)."""

NEAR = 0.9
"""A ZIP this full is worth a word: the next bump may stop the build."""

_COMPILED = {"3.11": 119, "3.12": 112}
_COMPILED_ELSE = 107
"""Bytecode in percent of its sources: compiled by 3.11.7, 3.12.1 and 3.13.0 from 86 MB of sources
of 90 packages (pandas, scipy, scikit-learn, matplotlib, plotly, botocore, google APIs and what they
need), their tests left out; of single packages 99 to 128 on 3.13."""

_TESTS = 140
"""Tests compile to so many percent of what other sources of their size do: 44 MB of them."""


class Footprint(Struct, frozen=True, kw_only=True):
    """What a ZIP would hold, unzipped and without bytecode."""

    weights: tuple[tuple[str, int], ...]
    """Label and unzipped bytes of every package, and of the source."""

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return sum(weight for _, weight in self.weights)

    def biggest(self, count: int = 3) -> tuple[tuple[str, int], ...]:
        """The heaviest first."""
        return tuple(sorted(self.weights, key=lambda weight: (-weight[1], weight[0]))[:count])


class Verdict(Struct, frozen=True, kw_only=True):
    """What `auto` takes, and why, in words for a person."""

    packaging: PackageType
    why: str


def decide(footprint: Footprint | None, missing: tuple[str, ...] = ()) -> Verdict:
    """The verdict of `auto`; `missing` names packages without a wheel for the managed runtime."""
    if footprint is None:
        names = ", ".join(missing)
        return Verdict(packaging="image", why=f"no wheel fits Lambda's managed runtime for {names}")
    total = footprint.total_bytes
    if total < ZIP_LIMIT_BYTES:
        return Verdict(packaging="zip", why=room_words(total))
    biggest = ", ".join(f"{label} {size(weight)}" for label, weight in footprint.biggest(3))
    limit = f"the ZIP limit is {size(ZIP_LIMIT_BYTES)}"
    why = f"{size(total)} unzipped without bytecode; {limit} ({biggest})"
    return Verdict(packaging="image", why=why)


def decided_by_extensions(names: Sequence[str]) -> Verdict:
    """The verdict of `auto` for a function with extensions, whatever it weighs."""
    return Verdict(packaging="image", why=f"extensions are layers of an image: {', '.join(names)}")


def room_words(total: int) -> str:
    """Why it is a ZIP: so many bytes, unzipped and without bytecode, are below the limit."""
    share = total / ZIP_LIMIT_BYTES
    near = "; near the limit" if share >= NEAR else ""
    of_it = f"{share:.0%} of the ZIP limit of {size(ZIP_LIMIT_BYTES)}"
    return f"{size(total)} unzipped without bytecode, {of_it}{near}"


def check_zip(footprint: Footprint) -> None:
    """A ZIP that was decided on must stay one: raise TooLarge instead of flipping to an image."""
    if footprint.total_bytes >= ZIP_LIMIT_BYTES:
        raise TooLarge(
            what="the ZIP",
            limit_bytes=ZIP_LIMIT_BYTES,
            actual_bytes=footprint.total_bytes,
            biggest=footprint.biggest(5),
            hint="a function's package type can never change: shrink it, "
            "or make a new function with `imagekit lock --repackage`",
        )


def check_layers(footprint: Footprint, others_bytes: int) -> None:
    """Lambda layers count together with the code, those of others too: TooLarge (Z1)."""
    if footprint.total_bytes + others_bytes >= ZIP_LIMIT_BYTES:
        theirs = (("Lambda layers of others", others_bytes),) if others_bytes else ()
        raise TooLarge(
            what="the ZIP, with its Lambda layers,",
            limit_bytes=ZIP_LIMIT_BYTES,
            actual_bytes=footprint.total_bytes + others_bytes,
            biggest=(*theirs, *footprint.biggest(5)),
            hint='write `packaging = "zip-nested"`, or `"zip-s3"` with `bucket = "NAME"`',
        )


def check_image(footprint: Footprint, base_bytes: int) -> None:
    """Known before anything is fetched: raise TooLarge for what Lambda refuses (T6)."""
    total = base_bytes + footprint.total_bytes
    if total > IMAGE_LIMIT_BYTES:
        raise TooLarge(
            what="the image, its base included,",
            limit_bytes=IMAGE_LIMIT_BYTES,
            actual_bytes=total,
            biggest=footprint.biggest(5),
            hint="leave the largest packages out, or fetch their data at run time",
        )


def fitting(
    plain_bytes: int, bytecode: Sequence[tuple[str, int]], limit_bytes: int = ZIP_LIMIT_BYTES
) -> frozenset[str]:
    """Which parts of a ZIP keep their bytecode, by name: near the limit bytecode gives way first.

    `bytecode` gives the size of each part's; small ones first, so that as many parts as possible
    start without compiling.
    """
    kept: list[str] = []
    left = limit_bytes - 1 - plain_bytes
    for name, weight in sorted(bytecode, key=lambda part: (part[1], part[0])):
        if weight > left:
            break
        kept.append(name)
        left -= weight
    return frozenset(kept)


def bytecode_bytes(source_bytes: int, python: str) -> int:
    """About how much a minor version makes of so many bytes of sources, as `source_size` counts
    them: together to a few per cent, single packages 15 % either way."""
    return source_bytes * _COMPILED.get(python, _COMPILED_ELSE) // 100


def source_size(path: str, size_bytes: int) -> int:
    """For how many bytes of Python the file at `path` counts when bytecode is foreseen."""
    if not path.endswith(".py"):
        return 0
    return size_bytes * _TESTS // 100 if category(path) == "tests" else size_bytes


def most_bytecode_bytes(size_bytes: int, python: str) -> int:
    """As much bytecode as so many bytes of anything could give."""
    return bytecode_bytes(size_bytes * _TESTS // 100, python)


def crowded_out(
    plain_bytes: int, bytecode: Sequence[tuple[str, int]], limit_bytes: int = ZIP_LIMIT_BYTES
) -> tuple[str, ...]:
    """The parts that `fitting` leaves without bytecode, in the order in which they are given."""
    kept = fitting(plain_bytes, bytecode, limit_bytes)
    return tuple(name for name, weight in bytecode if weight and name not in kept)
