"""Which Lambda layers a function is to have: others' as they are, and those of its packages. Pure.

Layers of others come first: where both have a file, Lambda's later layer wins, and what was built
and checked with the function is its own.
"""

from __future__ import annotations

from imagekit.deploy.configuration import Change
from imagekit.deploy.wanted import Wanted
from imagekit.model.function import FunctionState, Observed
from imagekit.model.lambda_layer import LambdaLayer, is_ours
from imagekit.model.packaging import key_of
from imagekit.model.release import Code

DIRECT_LIMIT_BYTES = 52_428_800
"""An archive that is sent without a bucket (lambda_rules Z2)."""


def of_others(function: FunctionState | None, wanted: Wanted) -> tuple[str, ...]:
    """ARNs of layers that are no packages of ours: as the configuration says, else as they are."""
    if wanted.settings.layers is not None:
        return wanted.settings.layers
    attached = function.layers if function else ()
    return tuple(arn for arn, _ in attached if not is_ours(arn))


def wanted_layers(observed: Observed, wanted: Wanted) -> tuple[str, ...] | None:
    """The whole list; None where it stays as it is. A layer that is still to be published stands
    there by its name."""
    function = observed.function
    attached = tuple(arn for arn, _ in function.layers) if function else ()
    if not wanted.layers and not any(map(is_ours, attached)):
        return wanted.settings.layers
    if wanted.package != "zip":
        return wanted.settings.layers
    arns = dict(observed.published)
    return (
        *of_others(function, wanted),
        *(arns.get(layer.name, layer.name) for layer in wanted.layers),
    )


def only_removes(change: Change) -> bool:
    """Whether a list becomes shorter, and nothing is added to it."""
    before, after = change.before, change.after
    return isinstance(before, tuple) and isinstance(after, tuple) and set(after) < set(before)


def through(wanted: Wanted, size_bytes: int) -> str | None:
    """The bucket that an archive of this size goes through; None: it is sent directly."""
    return wanted.bucket if size_bytes > DIRECT_LIMIT_BYTES else None


def layer_code(wanted: Wanted, layer: LambdaLayer) -> Code:
    """Where Lambda gets the layer's archive; ValueError where it is not on this disk."""
    if layer.path is None or layer.digest is None:
        raise ValueError(f"the layer {layer.name} is not here")
    bucket = through(wanted, layer.size_bytes)
    if bucket is None:
        return Code(file=layer.path)
    return Code(bucket=bucket, key=key_of(layer.digest))
