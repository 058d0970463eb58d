"""Facts on a label: read back, and believed of the very layers that they were written for."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from imagekit.bases.compare import compare
from imagekit.bases.label import LABEL, label_of, labelled_facts
from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.image import ImageConfig

LAYERS = (Digest.of(b"debian"), Digest.of(b"packages"))
FACTS = BaseFacts(
    python="3.13.5",
    glibc="2.41",
    interpreter="/usr/bin/python3.13",
    runtime_client=False,
    unzipped_bytes=164_000_000,
    packages=(("numpy", "2.4.6"), ("pandas", "3.1.0")),
    package_bytes=(("numpy", 52_800_000),),
    shared=("numpy",),
)
CONFIG = ImageConfig(
    architecture="amd64", diff_ids=LAYERS, labels=(label_of(FACTS, LAYERS), ("team", "data"))
)


def test_what_a_comparison_needs_is_read_back() -> None:
    """Nothing seems to differ from the facts that were read from the layers."""
    found = labelled_facts(CONFIG)

    assert found is not None
    assert compare(FACTS, found).nothing
    assert found.package_bytes == ()


def test_the_label_is_the_same_bytes_every_time() -> None:
    """It is part of the image's digest."""
    key, value = label_of(FACTS, LAYERS)

    assert key == LABEL
    assert json.dumps(json.loads(value), sort_keys=True, separators=(",", ":")) == value


@pytest.mark.parametrize(
    "diff_ids", [(*LAYERS, Digest.of(b"more")), LAYERS[:1], LAYERS[::-1], ()], ids=str
)
def test_an_image_made_of_it_inherits_no_facts(diff_ids: tuple[Digest, ...]) -> None:
    """What `FROM` such a base adds, the label does not know of."""
    assert labelled_facts(replace(CONFIG, diff_ids=diff_ids)) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"layers": 1}', "{"])
def test_what_is_no_label_of_ours(text: str) -> None:
    """Is passed over: the layers are read instead."""
    assert labelled_facts(replace(CONFIG, labels=((LABEL, text),))) is None
    assert labelled_facts(replace(CONFIG, labels=())) is None
