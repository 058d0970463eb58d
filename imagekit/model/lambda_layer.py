"""Lambda layers that imagekit makes of a function's packages: their names, and who says which."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from imagekit.model.digest import Digest

ATTACHED = "imagekit_layers.json"
"""At the root of a ZIP whose packages are Lambda layers: which they are."""
LAYERS_ROOT = "/opt"
"""Where Lambda unpacks layers, one over the other (lambda_rules Z6)."""
MOST_LAYERS = 5
"""As many as a function may have, those of others included (lambda_rules Z5)."""

_LABEL = 90
"""A layer's name has at most 140 characters (botocore, lambda/2015-03-31, LayerName)."""
_NAME = re.compile(r"imagekit-[\w-]+-python(3)-(\d+)-(x86_64|arm64)")


class LambdaLayer(Struct, frozen=True, kw_only=True):
    """A Lambda layer of packages; sizes are foreseen, and exact once it was made."""

    name: str
    """As it is published."""
    parts: tuple[str, ...]
    """The plan's layers that it holds, by name and in their order."""
    unzipped_bytes: int
    """With bytecode."""
    size_bytes: int
    """Of its ZIP."""
    digest: Digest | None = None
    """Of its ZIP, once it was made."""
    path: Path | None = None
    """Where it was written."""

    @property
    def made_for(self) -> tuple[str, str]:
        """Lambda's runtime and the architecture, as its name says; ValueError for another name."""
        found = _NAME.fullmatch(self.name)
        if found is None:
            raise ValueError(f"no layer of imagekit's is called {self.name}")
        return f"python{found[1]}.{found[2]}", found[3]


def is_ours(arn: str) -> bool:
    """Whether imagekit published the layer that this version's ARN names."""
    name = arn.partition(":layer:")[2].partition(":")[0]
    return _NAME.fullmatch(name) is not None


def layer_name(label: str, python: str, architecture: str) -> str:
    """What a layer is called: the same packages of two functions are versions of one layer."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", label)[:_LABEL]
    return f"imagekit-{plain}-python{python.replace('.', '-')}-{architecture}"


def layer_path(archive: Path, number: int) -> Path:
    """Where a build writes a Lambda layer: beside the ZIP, `NAME.layer-1.zip` and so on."""
    return archive.with_suffix(f".layer-{number}.zip")


def layer_document(layer: LambdaLayer) -> dict[str, object]:
    """The value for a JSON document; keys of what is not known are left out."""
    return {
        "name": layer.name,
        "parts": list(layer.parts),
        "unzipped_bytes": layer.unzipped_bytes,
        "size_bytes": layer.size_bytes,
        **({"digest": layer.digest.hex} if layer.digest else {}),
        **({"path": str(layer.path)} if layer.path else {}),
    }


def read_layer(value: Mapping[str, Any]) -> LambdaLayer:
    """What `layer_document` wrote of a layer that was made; ValueError, KeyError, TypeError."""
    name = str(value["name"])
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    return LambdaLayer(
        name=name,
        parts=tuple(map(str, value["parts"])),
        unzipped_bytes=int(value["unzipped_bytes"]),
        size_bytes=int(value["size_bytes"]),
        digest=Digest(str(value["digest"])),
    )


def description(layers: tuple[LambdaLayer, ...]) -> bytes:
    """What a ZIP says of its layers, for whoever deploys it."""
    value = {"layers": [layer_document(layer) for layer in layers]}
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def attached_of(text: bytes) -> tuple[LambdaLayer, ...] | None:
    """The layers that a ZIP says it needs, as `description` wrote it; None where it is broken."""
    try:
        return tuple(read_layer(one) for one in json.loads(text)["layers"])
    except (ValueError, KeyError, TypeError):
        return None
