"""A layer by itself in a registry: one form, and nothing believed that does not fit together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.reference import is_tag
from imagekit.oci.kept import (
    ARTIFACT_TYPE,
    EMPTY_CONFIG,
    FACTS,
    is_kept_tag,
    kept_layer,
    kept_tag,
    read_kept,
)

RECIPE = Digest.of(b"recipe")
RECORD = LayerRecord(
    fingerprint=RECIPE,
    diff_id=Digest.of(b"tar"),
    digest=Digest.of(b"blob"),
    size_bytes=10,
    unzipped_bytes=20,
    tar_bytes=30,
    files=2,
    glibc="2.28",
    checks=1,
)


def manifest(**changed: Any) -> dict[str, Any]:
    """The document, with other values at its top level."""
    return {**json.loads(kept_layer(RECORD).manifest), **changed}


def layer(**changed: Any) -> list[dict[str, Any]]:
    """Its one layer, with other values."""
    return [{**manifest()["layers"][0], **changed}]


def test_what_is_put_is_read_back() -> None:
    """All that is known of the layer."""
    assert read_kept(kept_layer(RECORD).manifest, RECIPE) == RECORD


def test_the_form_is_the_one_of_the_specification() -> None:
    """image-spec, manifest.md, "Guidelines for Artifact Usage": the empty config, its own type."""
    found = manifest()

    assert str(EMPTY_CONFIG.digest).startswith("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe")
    assert found["config"] == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": str(EMPTY_CONFIG.digest),
        "size": 2,
    }
    assert found["artifactType"] == ARTIFACT_TYPE
    assert found["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert list(found["annotations"]) == [FACTS]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (manifest(artifactType="application/x"), "no layer that imagekit kept"),
        (manifest(layers=[]), "has 0 layers"),
        (manifest(layers=layer() * 2), "has 2 layers"),
        (manifest(layers=layer(mediaType="application/x")), "its layer is application/x"),
        (manifest(layers=layer(digest=str(RECIPE))), "not about its blob"),
        (manifest(annotations={}), "not about its blob"),
        (manifest(annotations={FACTS: "{"}), "not about its blob"),
        (manifest(layers=layer(annotations={})), "in one place and None in another"),
        (
            manifest(layers=layer(annotations={"containerd.io/uncompressed": str(RECIPE)})),
            f"and {RECIPE} in another",
        ),
    ],
)
def test_what_does_not_fit_together_is_not_used(broken: dict[str, Any], why: str) -> None:
    """Each in words."""
    with pytest.raises(ValueError, match=why):
        read_kept(json.dumps(broken).encode(), RECIPE)


def test_another_recipe_is_another_layer() -> None:
    """A tag that somebody moved."""
    with pytest.raises(ValueError, match="of the recipe"):
        read_kept(kept_layer(RECORD).manifest, Digest.of(b"other"))


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_a_refusal(data: bytes) -> None:
    """Whatever a registry answers."""
    with pytest.raises(ValueError):
        read_kept(data, RECIPE)


@pytest.mark.parametrize("checks", [1, 99, 10_000])
def test_its_tag_is_one(checks: int) -> None:
    """Within 128 characters, never one that builds move, and known again."""
    tag = kept_tag(RECIPE, checks)

    assert is_tag(tag)
    assert RECIPE.hex in tag
    assert not tag.startswith("imagekit-")
    assert is_kept_tag(tag)


@pytest.mark.parametrize("tag", ["layer-v1", f"layer-{'0' * 64}", f"x-layer-{'0' * 64}-rules1"])
def test_other_tags_are_not(tag: str) -> None:
    """What people call their images."""
    assert not is_kept_tag(tag)
