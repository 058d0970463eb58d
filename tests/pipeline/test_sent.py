"""ZIPs that a person names for deploying: read as data, whoever made them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from imagekit.check.opened import OpenZip
from imagekit.model.errors import UsageError
from imagekit.model.lambda_layer import ATTACHED
from imagekit.model.packaging import DESCRIPTION
from imagekit.pipeline.deploying.sent import read_archive
from tests.check.make import APP, encrypted, made_zip, zip_info

BUNDLE = (zip_info(DESCRIPTION), b"not json")
LAYERS = (zip_info(ATTACHED), b"{}")


@pytest.mark.parametrize(
    "made",
    [
        made_zip(APP, BUNDLE),
        encrypted(made_zip(APP, BUNDLE), DESCRIPTION),
        made_zip(APP, LAYERS),
        encrypted(made_zip(APP, LAYERS), ATTACHED),
    ],
    ids=["bundle", "encrypted bundle", "layers", "encrypted layers"],
)
def test_a_description_that_nobody_can_read_is_wrong_input(made: OpenZip, tmp_path: Path) -> None:
    """Exit 2 with the file's name; never a traceback."""
    assert isinstance(made.source, io.BytesIO)
    path = tmp_path / "app.zip"
    path.write_bytes(made.source.getvalue())

    with pytest.raises(UsageError, match=r"app\.zip is no ZIP"):
        read_archive(path)


def test_a_zip_of_others_is_measured(tmp_path: Path) -> None:
    """Without a description it stands for itself."""
    made = made_zip(APP)
    assert isinstance(made.source, io.BytesIO)
    path = tmp_path / "app.zip"
    path.write_bytes(made.source.getvalue())
    found = read_archive(path)

    assert found.unzipped_bytes == len(APP[1])
    assert (found.rest, found.layers) == (None, ())
