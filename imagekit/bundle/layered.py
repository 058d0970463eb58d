"""A plan as a ZIP and Lambda layers: packages below `/opt/python`, your code in `/var/task`.

A layer's bytes follow from its packages alone, so that a change of your code sends your code alone.
Where not all bytecode fits, room is kept for your code in steps of a MiB: only past such a step,
or when the handler imports something else, does a layer's bytecode change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict, replace

from imagekit.bundle.build import MadeZip
from imagekit.bundle.keeping import chosen, kept_of
from imagekit.bundle.parts import Part
from imagekit.bundle.zip import write_zip
from imagekit.contents.trees import Compiler
from imagekit.model.base import SHARED_ROOT
from imagekit.model.digest import Digest
from imagekit.model.lambda_layer import (
    ATTACHED,
    LAYERS_ROOT,
    LambdaLayer,
    description,
    layer_document,
    read_layer,
)
from imagekit.model.package import Package
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.bytecode import ORDER_FORMAT, Choice, Kept
from imagekit.store import Store

LAYERED_FORMAT = 1
"""Raised when the same plan gives other bytes."""

_ZIP, _LAYER = "layered", "lambda-layer-zip"
_OWNER = "imagekit"
_FOLDER = SHARED_ROOT.removeprefix(f"{LAYERS_ROOT}/")
_STEP = 1024 * 1024


def make_layered(
    plan: BuildPlan,
    store: Store,
    wheel_path: Callable[[Package], Path],
    compiler: Compiler | None,
) -> MadeZip:
    """The ZIP of a plan and its Lambda layers, made unless the store has them.

    PathCollisions, BadWheel, CannotBuild.
    """
    key = _key(plan)
    if known := _known(store, key):
        return known
    parts = [Part.of(layer, store, wheel_path, compiler) for layer in plan.layers]
    # All layers become one folder, and nothing in them may hide another's.
    Tree.of(entry for part in parts for entry in part.plain)
    names = {name for layer in plan.attaches for name in layer.parts}
    split = _Split(
        plan=plan,
        away=[part for part in parts if part.name in names],
        stay=[part for part in parts if part.name not in names],
    )
    away = split.of_layers()
    stay = split.of_code(away)
    attached = tuple(_layer(layer, split.away, away, store) for layer in plan.attaches)
    entries = [one for part in split.stay for one in part.entries(stay)]
    tree = Tree.of((*entries, *_description(attached)))
    with store.folder() as folder:
        facts = write_zip(tree, folder / "made.zip")
        store.adopt(folder / "made.zip", facts.digest)
    made = MadeZip(
        digest=facts.digest,
        size_bytes=facts.size_bytes,
        unzipped_bytes=facts.unzipped_bytes,
        bytecode=_both(away.kept, stay.kept),
        layer_bytes=tuple(
            part.unzipped_bytes(away if part.name in names else stay) for part in parts
        ),
        attached=attached,
    )
    _keep(store, key, made)
    return made


def known_layered(plan: BuildPlan, store: Store) -> MadeZip | None:
    """The ZIP of a plan and its layers, where the store has all of them."""
    return _known(store, _key(plan))


class _Split(Struct, frozen=True, kw_only=True):
    """What goes into layers, and what stays with your code."""

    plan: BuildPlan
    away: Sequence[Part]
    stay: Sequence[Part]

    def of_layers(self) -> Choice:
        """The bytecode that layers have room for."""
        here = _plain(self.stay) + _compiled(self.stay)
        room = self._room - -(-here // _STEP) * _STEP
        return self._chosen(self.away, room)

    def of_code(self, away: Choice) -> Choice:
        """That of the rest: all of it, but for the last few bytes below the limit."""
        room = self._room - away.kept.size_bytes - _plain(self.stay)
        return self._chosen(self.stay, room)

    @property
    def _room(self) -> int:
        """Below the limit, beside the packages and the layers of others."""
        return self.plan.limit_bytes - 1 - self.plan.others_bytes - _plain(self.away)

    def _chosen(self, parts: Sequence[Part], room: int) -> Choice:
        sources = (entry for part in (*self.away, *self.stay) for entry in part.plain)
        layers = [(part.layer, part.bytecode) for part in parts]
        return chosen(self.plan, layers, max(room, 0), sources)


def _plain(parts: Sequence[Part]) -> int:
    return sum(part.plain.size_bytes for part in parts)


def _compiled(parts: Sequence[Part]) -> int:
    return sum(entry.size_bytes for part in parts for entry in part.bytecode)


def _both(one: Kept, other: Kept) -> Kept | None:
    total = one.total_bytes + other.total_bytes
    if not total:
        return None
    known = [kept.saved_ms for kept in (one, other) if kept.saved_ms is not None]
    return Kept(
        size_bytes=one.size_bytes + other.size_bytes,
        total_bytes=total,
        cut=(*one.cut, *other.cut),
        reached_bytes=one.reached_bytes + other.reached_bytes,
        reached_kept_bytes=one.reached_kept_bytes + other.reached_kept_bytes,
        saved_ms=sum(known) if known else None,
    )


def _layer(layer: LambdaLayer, away: Sequence[Part], choice: Choice, store: Store) -> LambdaLayer:
    """The layer's ZIP, found or made: what the packages and their bytecode say is all it takes."""
    parts = [part for part in away if part.name in layer.parts]
    entries = [entry for part in parts for entry in part.entries(choice)]
    names = "\n".join(sorted(entry.path for entry in entries))
    recipe = [f"layer {LAYERED_FORMAT}", *(part.layer.fingerprint.hex for part in parts), names]
    key = Digest.of("\n".join(recipe).encode()).hex
    match store.record(_LAYER, key):
        case {"digest": str(digest), "size_bytes": int(size), "unzipped_bytes": int(unzipped)}:
            if store.has_blob(Digest(digest), size):
                return replace(
                    layer, digest=Digest(digest), size_bytes=size, unzipped_bytes=unzipped
                )
    tree = Tree.of(replace(entry, path=f"{_FOLDER}/{entry.path}") for entry in entries)
    with store.folder() as folder:
        facts = write_zip(tree, folder / "layer.zip")
        store.adopt(folder / "layer.zip", facts.digest)
    made = replace(
        layer,
        digest=facts.digest,
        size_bytes=facts.size_bytes,
        unzipped_bytes=facts.unzipped_bytes,
    )
    store.put_record(_LAYER, key, layer_document(made))
    return made


def described_bytes(layers: Sequence[LambdaLayer]) -> int:
    """About what telling of these layers, not made yet, takes in the ZIP."""
    nobody = Digest("0" * 64)
    return len(description(tuple(replace(layer, digest=nobody) for layer in layers)))


def _description(attached: Sequence[LambdaLayer]) -> Iterator[FileEntry]:
    """What the ZIP says of its layers, for whoever deploys it."""
    if attached:
        text = description(tuple(attached))
        yield FileEntry(path=ATTACHED, size_bytes=len(text), owner=_OWNER, content=Bytes(text))


def _key(plan: BuildPlan) -> str:
    order = f"bytecode {ORDER_FORMAT} below {plan.limit_bytes - plan.others_bytes}"
    recipe = [f"layered {LAYERED_FORMAT}", order, plan.handler, *map(repr, plan.gains)]
    recipe += [f"{layer.name} {','.join(layer.parts)}" for layer in plan.attaches]
    recipe += [layer.fingerprint.hex for layer in plan.layers]
    return Digest.of("\n".join(recipe).encode()).hex


def _known(store: Store, key: str) -> MadeZip | None:
    match store.record(_ZIP, key):
        case {
            "digest": str(digest),
            "size_bytes": int(size),
            "unzipped_bytes": int(unzipped),
            "bytecode": dict() | None as bytecode,
            "layer_bytes": list(layer_bytes),
            "layers": list(layers),
        } if store.has_blob(Digest(digest), size):
            attached = tuple(read_layer(one) for one in layers)
            if not all(_is_here(layer, store) for layer in attached):
                return None
            return MadeZip(
                digest=Digest(digest),
                size_bytes=size,
                unzipped_bytes=unzipped,
                bytecode=kept_of(bytecode) if bytecode else None,
                layer_bytes=tuple(map(int, layer_bytes)),
                attached=attached,
                new=False,
            )
    return None


def _is_here(layer: LambdaLayer, store: Store) -> bool:
    return layer.digest is not None and store.has_blob(layer.digest, layer.size_bytes)


def _keep(store: Store, key: str, made: MadeZip) -> None:
    value: dict[str, object] = {
        "digest": made.digest.hex,
        "size_bytes": made.size_bytes,
        "unzipped_bytes": made.unzipped_bytes,
        "bytecode": asdict(made.bytecode) if made.bytecode else None,
        "layer_bytes": list(made.layer_bytes),
        "layers": [layer_document(layer) for layer in made.attached],
    }
    store.put_record(_ZIP, key, value)
