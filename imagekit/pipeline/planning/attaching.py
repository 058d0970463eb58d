"""A ZIP's plan whose packages are Lambda layers: which, and whether there is room for them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from imagekit.model.base import SHARED_ROOT
from imagekit.model.errors import ConfigError, Problem
from imagekit.model.lambda_layer import MOST_LAYERS, LambdaLayer, layer_name
from imagekit.pipeline.planning.unpacking import pieces_of
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.lambda_layers import Shelf, shelved
from imagekit.plan.recipe import packages_fingerprint
from imagekit.project.config import FunctionConfig
from imagekit.store import Store

_KIND = "lambda-layer"


def attaching(plan: BuildPlan, function: FunctionConfig, store: Store) -> BuildPlan:
    """The plan of a `zip-layers`: packages in Lambda layers, stable ones first, the rest in the
    ZIP. ConfigError where layers of others leave no room (lambda_rules Z5)."""
    theirs = function.settings.layers or ()
    if len(theirs) >= MOST_LAYERS:
        what = f"names {len(theirs)} layers, and a function has at most {MOST_LAYERS} in all"
        raise ConfigError(
            problems=(Problem(f"{function.where}.lambda.layers", f"{what}"),),
            hint='leave one of them out, or write `packaging = "zip-nested"`',
        )
    pieces = tuple(pieces_of(plan, store))
    shelves = shelved(function.name, pieces, MOST_LAYERS - len(theirs))
    by_name = {layer.name: layer for layer in plan.layers}
    inside = [by_name[piece.name] for shelf in shelves for piece in shelf.pieces]
    stay = (layer for layer in plan.layers if layer not in inside)
    return replace(
        plan,
        layers=(*(_elsewhere(layer, plan) for layer in inside), *stay),
        attaches=tuple(_layer(shelf, plan) for shelf in shelves),
        others_bytes=others_bytes(theirs, store),
    )


def others_bytes(arns: Iterable[str], store: Store) -> int:
    """Unzipped bytes of Lambda layers of others, as far as a deployment has seen them."""
    return sum(known_bytes(arn, store) or 0 for arn in arns)


def known_bytes(arn: str, store: Store) -> int | None:
    """Unzipped bytes of a layer's version, which never changes; None where nobody looked."""
    match store.record(_KIND, _key(arn)):
        case {"unzipped_bytes": int(size)}:
            return size
    return None


def keep_bytes(arn: str, unzipped_bytes: int, store: Store) -> None:
    """Remember what a version of a layer unpacks to."""
    store.put_record(_KIND, _key(arn), {"unzipped_bytes": unzipped_bytes})


def _key(arn: str) -> str:
    return arn.replace(":", "-")


def _elsewhere(layer: LayerPlan, plan: BuildPlan) -> LayerPlan:
    """The same packages where Lambda unpacks layers: bytecode says where its source lies."""
    return replace(
        layer,
        root=SHARED_ROOT,
        fingerprint=packages_fingerprint(layer.packages, root=SHARED_ROOT, bytecode=plan.bytecode),
    )


def _layer(shelf: Shelf, plan: BuildPlan) -> LambdaLayer:
    target = plan.target
    return LambdaLayer(
        name=layer_name(shelf.label, target.python, target.architecture),
        parts=tuple(piece.name for piece in shelf.pieces),
        unzipped_bytes=shelf.unzipped_bytes,
        size_bytes=shelf.packed_bytes,
    )
