"""What a person asks for: words that are known, and that do not contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import UsageError
from imagekit.model.packaging import PACKAGINGS
from imagekit.pipeline.request import Outputs, Request


def test_a_request_is_read_once() -> None:
    """Inside, only words that are known."""
    found = Request.of(["a"], "zip", "arm64", "locked")

    assert (found.functions, found.packaging, found.architecture) == (("a",), "zip", "arm64")
    assert found.lock_mode == "locked"


@pytest.mark.parametrize("packaging", PACKAGINGS)
def test_every_packaging_can_be_asked_for(packaging: str) -> None:
    """The option knows the same words as the key."""
    assert Request.of(None, packaging, None, "write").packaging == packaging


def test_an_image_goes_to_a_folder_unless_it_goes_elsewhere() -> None:
    """With `--push` a layout is written only where `--output` is given."""
    assert Outputs().writes_files
    assert not Outputs(push=True).writes_files
    assert not Outputs(load=True).writes_files
    assert Outputs(push=True, folder=Path("out")).writes_files


@pytest.mark.parametrize(
    ("outputs", "option"),
    [
        (Outputs(complete=True), "--complete"),
        (Outputs(format="docker-archive"), "--format docker-archive"),
    ],
)
def test_a_form_of_images_is_refused_where_only_zips_are_made(
    outputs: Outputs, option: str
) -> None:
    """A ZIP would be made as if nothing had been asked for."""
    Outputs().require_images(["app"])

    with pytest.raises(UsageError) as refused:
        outputs.require_images(["app"])

    assert refused.value.what == f"{option} is about images, and app is a ZIP"
    assert refused.value.hint == f"leave `{option}` out, or add `--packaging image`"


@pytest.mark.parametrize("outputs", [{"to": "r.example/a"}, {"tags": ("x",)}])
def test_where_to_push_needs_a_push(outputs: dict[str, object]) -> None:
    """A forgotten `--push` must not look like success."""
    make: type = Outputs
    with pytest.raises(UsageError) as refused:
        make(**outputs)

    assert refused.value.hint == "add `--push`"
