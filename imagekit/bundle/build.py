"""A plan as a ZIP: all layers in one archive, with as much bytecode as the limit allows.

What is unpacked to `/tmp` at start is an archive of its own, in the ZIP or in a bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict, replace

from imagekit.bundle.keeping import chosen, kept_of
from imagekit.bundle.parts import Part
from imagekit.bundle.rest import (
    LOADER_FORMAT,
    OWNER,
    Rest,
    known_rest,
    loader_entries,
    record_of,
    rest_of,
)
from imagekit.bundle.zip import write_zip
from imagekit.contents.trees import Compiler, packages_tree
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, TooLarge
from imagekit.model.lambda_layer import LambdaLayer
from imagekit.model.package import Package
from imagekit.model.packaging import ARCHIVE
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.bytecode import ORDER_FORMAT, Choice, Kept
from imagekit.plan.door import behind, behind_bytecode, door_of, door_source
from imagekit.store import Store

_KIND = "zip"


class MadeZip(Struct, frozen=True, kw_only=True):
    """A ZIP in the store."""

    digest: Digest
    size_bytes: int
    unzipped_bytes: int
    bytecode: Kept | None = None
    """How much of it fits below the limit; None where there is none."""
    rest: Rest | None = None
    """What is unpacked at start."""
    layer_bytes: tuple[int, ...] = ()
    """Unzipped and with the bytecode that fits, of each layer of the plan, in their order."""
    attached: tuple[LambdaLayer, ...] = ()
    """Its Lambda layers, in the store under their digests."""
    new: bool = True
    """It was made in this run, not found."""


def make_zip(
    plan: BuildPlan,
    store: Store,
    wheel_path: Callable[[Package], Path],
    compiler: Compiler | None,
) -> MadeZip:
    """The ZIP of a plan, made unless the store has it. PathCollisions, BadWheel, CannotBuild."""
    key = _key(plan)
    if known := _known(store, key):
        return known

    def parts(layers: Iterable[LayerPlan]) -> list[Part]:
        return [Part.of(layer, store, wheel_path, compiler) for layer in layers]

    rest = _rest(plan, store, parts)
    front = tuple(loader_entries(rest, store, compiler)) if rest else ()
    stay = parts(layer for layer in plan.layers if layer.name not in _away(plan))
    plain = sum(part.plain.size_bytes for part in stay) + sum(one.size_bytes for one in front)
    if rest is not None:
        _require_room(plan, stay, plain)
    choice = chosen(
        plan,
        [(part.layer, part.bytecode) for part in stay],
        plan.limit_bytes - 1 - plain,
        _sources(plan, stay, wheel_path, store),
    )
    entries = [one for part in stay for one in part.entries(choice)]
    tree = Tree.of((*_behind_door(plan, entries), *front) if rest else entries)
    with store.folder() as folder:
        facts = write_zip(tree, folder / "made.zip", stored=(ARCHIVE,))
        store.adopt(folder / "made.zip", facts.digest)
    made = MadeZip(
        digest=facts.digest,
        size_bytes=facts.size_bytes,
        unzipped_bytes=facts.unzipped_bytes,
        bytecode=choice.kept if choice.kept.total_bytes else None,
        rest=rest,
        layer_bytes=_layer_bytes(plan, stay, choice, rest),
    )
    _keep(store, key, made)
    return made


def known_zip(plan: BuildPlan, store: Store) -> MadeZip | None:
    """The ZIP of a plan where the store has it."""
    return _known(store, _key(plan))


def _away(plan: BuildPlan) -> tuple[str, ...]:
    """Names of the layers that are unpacked at start."""
    return plan.unpacks.layers if plan.unpacks else ()


def _rest(
    plan: BuildPlan, store: Store, parts: Callable[[Iterable[LayerPlan]], list[Part]]
) -> Rest | None:
    away = [layer for layer in plan.layers if layer.name in _away(plan)]
    if plan.unpacks is None or not away:
        return None

    def trees() -> list[Tree]:
        return [Tree.of(part.entries()) for part in parts(away)]

    fingerprints = (layer.fingerprint for layer in away)
    return rest_of(fingerprints, trees, store, plan.unpacks.bucket)


def _layer_bytes(
    plan: BuildPlan, stay: Sequence[Part], choice: Choice, rest: Rest | None
) -> tuple[int, ...]:
    away = zip(_away(plan), rest.layer_bytes if rest else (), strict=False)
    found = {part.name: part.unzipped_bytes(choice) for part in stay} | dict(away)
    return tuple(found[layer.name] for layer in plan.layers)


def _sources(
    plan: BuildPlan, stay: Sequence[Part], wheel_path: Callable[[Package], Path], store: Store
) -> Iterator[FileEntry]:
    """All that the handler may import: what is unpacked at start may import what stays."""
    for part in stay:
        yield from part.plain
    for layer in plan.layers:
        if layer.name in _away(plan):
            yield from packages_tree(layer.packages, wheel_path, store)


def _key(plan: BuildPlan) -> str:
    order = f"bytecode {ORDER_FORMAT} below {plan.limit_bytes}"
    recipe = [order, plan.handler, *map(repr, plan.gains)]
    recipe += [layer.fingerprint.hex for layer in plan.layers]
    if plan.unpacks is not None:
        away = ",".join(plan.unpacks.layers)
        recipe += [f"loader {LOADER_FORMAT}", plan.handler, away, plan.unpacks.bucket or ""]
    return Digest.of("\n".join(recipe).encode()).hex


def _require_room(plan: BuildPlan, stay: Sequence[Part], plain: int) -> None:
    """What was foreseen of compressed sizes may have been too little."""
    if plain < plan.limit_bytes:
        return
    heavy = sorted(((part.plain.size_bytes, part.name) for part in stay), reverse=True)
    raise TooLarge(
        what="the ZIP, with what it unpacks at start,",
        limit_bytes=plan.limit_bytes,
        actual_bytes=plain,
        biggest=tuple((name, size_bytes) for size_bytes, name in heavy[:5]),
        hint='write `packaging = "zip-s3"` and `bucket = "NAME"`, or `packaging = "image"`',
    )


def _behind_door(plan: BuildPlan, entries: Iterable[FileEntry]) -> Iterator[FileEntry]:
    """The entries, with the door in front of the handler's module."""
    by_path = {entry.path: entry for entry in entries}
    door = door_of(by_path, plan.handler)
    if door is None:
        raise CannotBuild(
            what=f"the module of {plan.handler} is no Python source, so nothing can run before it",
            hint="write a module in Python that imports it, and name that as `handler`",
        )
    for path, entry in by_path.items():
        yield replace(entry, path=behind(door) if path == door else behind_bytecode(path, door))
    text = door_source(door)
    yield FileEntry(path=door, size_bytes=len(text), owner=OWNER, content=Bytes(text))


def _known(store: Store, key: str) -> MadeZip | None:
    found = store.record(_KIND, key)
    match found:
        case {
            "digest": str(digest),
            "size_bytes": int(size),
            "unzipped_bytes": int(unzipped),
            "bytecode": dict() | None as bytecode,
            "layer_bytes": list(layer_bytes),
        } if store.has_blob(Digest(digest), size):
            told = found.get("rest") if found else None
            rest = known_rest(told if isinstance(told, dict) else None, store)
            if told is not None and rest is None:
                return None
            return MadeZip(
                digest=Digest(digest),
                size_bytes=size,
                unzipped_bytes=unzipped,
                bytecode=kept_of(bytecode) if bytecode else None,
                rest=rest,
                layer_bytes=tuple(map(int, layer_bytes)),
                new=False,
            )
    return None


def _keep(store: Store, key: str, made: MadeZip) -> None:
    value: dict[str, object] = {
        "digest": made.digest.hex,
        "size_bytes": made.size_bytes,
        "unzipped_bytes": made.unzipped_bytes,
        "bytecode": asdict(made.bytecode) if made.bytecode else None,
        "layer_bytes": list(made.layer_bytes),
    }
    if made.rest is not None:
        value["rest"] = record_of(made.rest)
    store.put_record(_KIND, key, value)
