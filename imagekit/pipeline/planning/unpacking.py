"""A ZIP's plan that unpacks to `/tmp` at start what does not fit, or what lies in a bucket."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.facts import WheelFacts, wheel_facts
from imagekit.model.errors import ConfigError, Problem, TooLarge
from imagekit.model.package import Package
from imagekit.model.packaging import Unpacks
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.door import door_of
from imagekit.plan.packaging import bytecode_bytes, source_size
from imagekit.plan.unpacking import (
    Piece,
    check_storage,
    in_bucket,
    nested,
    outer_bytes,
)
from imagekit.project.config import FunctionConfig
from imagekit.store import Store

_BLOCK = 4096
"""Of `/tmp`'s file system."""
_PACKED_PERCENT = 38
"""Of a wheel whose size nobody says, and of bytecode: what deflate leaves, measured on pandas,
numpy, pyarrow and botocore."""


def unpacking(plan: BuildPlan, function: FunctionConfig, store: Store) -> BuildPlan:
    """The plan of a `zip-nested` or `zip-s3`, with what is unpacked at start.

    ConfigError for what such a ZIP cannot do without; TooLarge where it does not fit either, or
    `/tmp` is too small.
    """
    pieces = tuple(pieces_of(plan, store))
    if plan.packaging == "zip-s3":
        unpacks = in_bucket(pieces, _bucket(function))
    else:
        unpacks = nested(pieces, plan.limit_bytes)
    if not unpacks.layers:
        return plan
    _require_door(plan, function, store)
    _require_room(plan, pieces, unpacks)
    check_storage(unpacks, function.settings.storage)
    return replace(plan, unpacks=unpacks)


def _bucket(function: FunctionConfig) -> str:
    if function.bucket is None:
        what = 'packaging = "zip-s3" puts the packages there, and nothing names it'
        problem = Problem(f"{function.where}.bucket", what)
        raise ConfigError(problems=(problem,), hint='add `bucket = "NAME"`')
    return function.bucket


def _require_door(plan: BuildPlan, function: FunctionConfig, store: Store) -> None:
    paths = {entry.path for layer in plan.layers for entry in layer.files or ()}
    if door_of(paths, plan.handler) is None:
        for package in plan.packages:
            facts = wheel_facts(package, store)
            paths |= {file.path for file in facts.files} if facts else set()
    if door_of(paths, plan.handler) is None:
        what = f"{plan.handler!r} is no Python source, so nothing can run before it"
        raise ConfigError(
            problems=(Problem(f"{function.where}.handler", what),),
            hint="write a module in Python that imports it, and name that as `handler`",
        )


def _require_room(plan: BuildPlan, pieces: tuple[Piece, ...], unpacks: Unpacks) -> None:
    """What stays must fit; bytecode gives way first, as in any ZIP."""
    stay = [layer for layer in plan.layers if layer.name not in unpacks.layers]
    plain = sum(layer.unzipped_bytes for layer in stay)
    plain += 0 if unpacks.bucket else unpacks.packed_bytes
    if min(plain, outer_bytes(pieces, unpacks)) < plan.limit_bytes:
        return
    heavy = sorted(((layer.unzipped_bytes, layer.name) for layer in stay), reverse=True)
    raise TooLarge(
        what="the ZIP, with what it unpacks at start,",
        limit_bytes=plan.limit_bytes,
        actual_bytes=plain,
        biggest=tuple((name, size_bytes) for size_bytes, name in heavy[:5]),
        hint='write `packaging = "image"`'
        if unpacks.bucket
        else 'write `packaging = "zip-s3"` and `bucket = "NAME"`, or `packaging = "image"`',
    )


def pieces_of(plan: BuildPlan, store: Store) -> Iterator[Piece]:
    """The plan's layers, as they would lie somewhere else than in the ZIP: foreseen sizes."""
    source = next(layer for layer in plan.layers if layer.files is not None)
    mine = {entry.path.partition("/")[0] for entry in source.files or ()}
    first = plan.handler.replace("/", ".").partition(".")[0]
    fixed = frozenset(mine | {first, f"{first}.py"})
    for layer in plan.layers:
        if layer.files is not None:
            yield _source(layer, plan)
        else:
            yield _Sizes.of(layer, plan, store).piece(layer, fixed)


def _source(layer: LayerPlan, plan: BuildPlan) -> Piece:
    files = layer.files or ()
    code = sum(source_size(one.path, one.size_bytes) for one in files)
    return Piece(
        name=layer.name,
        unzipped_bytes=layer.unzipped_bytes + _bytecode(code, plan),
        packed_bytes=0,
        disk_bytes=0,
        tops=frozenset(one.path.partition("/")[0] for one in files),
        movable=False,
    )


class _Sizes(Struct, frozen=True, kw_only=True):
    bytecode: int
    packed: int
    disk: int
    tops: frozenset[str]

    @classmethod
    def of(cls, layer: LayerPlan, plan: BuildPlan, store: Store) -> _Sizes:
        found = [(package, wheel_facts(package, store)) for package in layer.packages]
        facts = [(package, one) for package, one in found if one is not None]
        files = [file for _, one in facts for file in one.files]
        sources = [
            source_size(file.path, file.size_bytes) for file in files if file.path.endswith(".py")
        ]
        bytecode = _bytecode(sum(sources), plan)
        compiled = bytecode + len(sources) * _BLOCK // 2 if bytecode else 0
        return cls(
            bytecode=bytecode,
            packed=sum(_packed(*one) for one in facts) + bytecode * _PACKED_PERCENT // 100,
            disk=sum(-(-file.size_bytes // _BLOCK) * _BLOCK for file in files) + compiled,
            tops=frozenset(top for _, one in facts for top in one.tops),
        )

    def piece(self, layer: LayerPlan, fixed: frozenset[str]) -> Piece:
        own = any(package.own for package in layer.packages)
        return Piece(
            name=layer.name,
            unzipped_bytes=layer.unzipped_bytes + self.bytecode,
            packed_bytes=self.packed,
            disk_bytes=self.disk,
            tops=self.tops,
            movable=self.tops.isdisjoint(fixed),
            own=own,
        )


def packed_bytes(unzipped_bytes: int) -> int:
    """About what deflate leaves of so many bytes of code."""
    return unzipped_bytes * _PACKED_PERCENT // 100


def _packed(package: Package, facts: WheelFacts) -> int:
    """About what the wheel's members take compressed, without what is left out of them."""
    kept, gone = facts.unzipped_bytes, sum(one.size_bytes for one in facts.dropped)
    whole = package.wheel.size_bytes or (kept + gone) * _PACKED_PERCENT // 100
    return min(kept, whole * kept // max(kept + gone, 1))


def _bytecode(source_bytes: int, plan: BuildPlan) -> int:
    return bytecode_bytes(source_bytes, plan.target.python) if plan.bytecode else 0
