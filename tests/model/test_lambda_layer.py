"""Lambda layers of packages: names that say what they are made for, and what a ZIP says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.lambda_layer import (
    LambdaLayer,
    attached_of,
    description,
    is_ours,
    layer_name,
    layer_path,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer"


def test_a_name_says_what_it_is_made_for() -> None:
    """Characters that Lambda does not take become dashes, and 140 of them are the limit."""
    name = layer_name("my.function packages", "3.13", "arm64")
    layer = LambdaLayer(name=name, parts=(), unzipped_bytes=1, size_bytes=1)

    assert name == "imagekit-my-function-packages-python3-13-arm64"
    assert layer.made_for == ("python3.13", "arm64")
    assert len(layer_name("x" * 200, "3.13", "x86_64")) <= 140


@pytest.mark.parametrize(
    ("arn", "ours"),
    [
        (f"{ARN}:{layer_name('numpy', '3.12', 'x86_64')}:7", True),
        (f"{ARN}:imagekit-tools:1", False),
        (f"{ARN}:not-imagekit-numpy-python3-13-arm64:1", False),
        ("imagekit-numpy-python3-13-arm64", False),
    ],
)
def test_ours_are_told_from_those_of_others(arn: str, ours: bool) -> None:
    """Those of others are never taken off a function."""
    assert is_ours(arn) is ours


def test_what_a_zip_says_is_read_again() -> None:
    """The same bytes each time; where it was written is nobody's business elsewhere."""
    layer = LambdaLayer(
        name=layer_name("numpy", "3.13", "x86_64"),
        parts=("numpy",),
        unzipped_bytes=30,
        size_bytes=10,
        digest=Digest.of(b"numpy"),
    )

    assert attached_of(description((layer,))) == (layer,)
    assert description((layer,)) == description((layer,))


@pytest.mark.parametrize("text", [b"", b"[]", b'{"layers": [{"name": "numpy"}]}', b'{"layers": 7}'])
def test_what_is_broken_is_nothing(text: bytes) -> None:
    """Somebody else's file of that name, or half of ours."""
    assert attached_of(text) is None


def test_layers_lie_beside_their_zip() -> None:
    """Numbered in the order in which Lambda unpacks them."""
    assert layer_path(Path("dist/app.zip"), 2) == Path("dist/app.layer-2.zip")
