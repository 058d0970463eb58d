"""`imagekit plan` says what is in an artefact, and what would change its packaging."""

from __future__ import annotations

import argparse
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

MB = 1_000_000


def plan(project: Project, *arguments: str) -> dict[str, Any]:
    done = succeeded(project.run("plan", "--json", *arguments))
    return dict(json.loads(done.stdout)["functions"][0])


def heavy(project: Project, wheels: Path, index: Index) -> None:
    """A pyarrow of which more than the limit of a ZIP lies in its Flight client's company."""
    files = {
        "pyarrow/__init__.py": b"",
        "pyarrow/libarrow.so.2600": bytes(240 * MB),
        "pyarrow/libarrow_flight.so.2600": bytes(30 * MB),
    }
    make_wheel(wheels, "pyarrow", "26.0.1", files)
    write_pylock(project.folder, wheels.glob("*.whl"), index)


def test_a_plan_counts_what_a_build_then_makes(zipped: Project) -> None:
    """Category by category, from directories alone: no wheel was fetched."""
    foreseen = plan(zipped)["footprint"]
    zipped.build()

    made = json.loads(succeeded(zipped.run("inspect", "app", "--json")).stdout)

    assert foreseen["categories"] == made["categories"]
    assert foreseen["unzipped_bytes"] == made["unzipped_bytes"]
    assert "own code" in succeeded(zipped.run("plan")).stdout


@pytest.mark.parametrize("packaging", ["zip", "zip-layers", "zip-s3"])
def test_a_zips_plan_foresees_what_a_build_tells(
    zipped: Project, wheels: Path, index: Index, packaging: str
) -> None:
    """With bytecode, and the loader where there is one: within a per cent before, to the byte
    after; layers and what imagekit adds make up the whole."""
    zipped.replace("bytecode = false", 'bytecode = true\nbucket = "team"')
    body = inspect.getsource(argparse).encode()
    files = {"more/__init__.py": body, "more/data.bin": bytes(2 * MB)}
    make_wheel(wheels, "more", "1.0", files)
    write_pylock(zipped.folder, wheels.glob("*.whl"), index)

    before, text = plan(zipped, "--packaging", packaging), zipped.run("plan").stdout
    built = zipped.build("--packaging", packaging)
    after = plan(zipped, "--packaging", packaging)

    assert before["estimated"] == ["unzipped_bytes"]
    assert "estimated" not in after
    assert "  size      about 2." in text
    made = built["unzipped_bytes"]
    assert abs(before["unzipped_bytes"] - made) < made / 100
    assert after["unzipped_bytes"] == made
    sizes = [[layer["unzipped_bytes"] for layer in one["layers"]] for one in (before, built, after)]
    assert sizes[1] == sizes[2]
    for told, layers in zip((before, built, after), sizes, strict=True):
        stay = sum(layers[-1:] if packaging == "zip-s3" else layers)
        assert stay + told.get("added_bytes", 0) == told["unzipped_bytes"]


def test_a_plan_foresees_bytecode_until_it_was_made(imaged: Project) -> None:
    """Within a few per cent before, to the byte after, as the layer's record tells."""
    imaged.replace("bytecode = false", "bytecode = true")

    before = plan(imaged)["footprint"]
    built = imaged.build()
    after = plan(imaged)["footprint"]

    assert before["estimated"] == ["bytecode"]
    assert "estimated" not in after
    assert after["unzipped_bytes"] == built["unzipped_bytes"]
    assert abs(before["unzipped_bytes"] - after["unzipped_bytes"]) < after["unzipped_bytes"] / 100


def test_an_image_for_its_size_says_what_would_make_it_a_zip(
    imaged: Project, wheels: Path, index: Index
) -> None:
    """What is advised holds: written into the configuration, the verdict is another one."""
    imaged.replace('packaging = "image"', 'packaging = "auto"')
    heavy(imaged, wheels, index)

    found = plan(imaged)
    again = plan(imaged)

    assert found["packaging"] == "image"
    way = found["ways"][0]
    assert (way["fits"], way["costs"]) == (True, "pyarrow.flight")
    assert again["ways"] == found["ways"]

    imaged.replace("[functions.app]", f"{way['write'][0]}\n[functions.app]")
    succeeded(imaged.run("lock", "--repackage"))
    followed = plan(imaged)
    assert followed["packaging"] == "zip"
    assert followed["unzipped_bytes"] == way["total_bytes"]


def test_a_zip_that_no_longer_fits_says_what_would_make_it_fit(
    zipped: Project, wheels: Path, index: Index
) -> None:
    """Where the build stops, with the pattern to type."""
    heavy(zipped, wheels, index)

    done = zipped.run("build")

    assert done.returncode == 1
    assert "without its Flight client" in done.stderr
    assert 'drop = ["pyarrow/libarrow_flight.so*"' in done.stderr


def test_a_verdict_that_is_kept_is_told_in_todays_numbers(
    zipped: Project, wheels: Path, index: Index
) -> None:
    """The packages grew since `imagekit.lock` decided: the verdict stays, its number is today's."""
    zipped.replace('packaging = "zip"\n', "")
    zipped.build()
    make_wheel(wheels, "more", "1.0", {"more/__init__.py": b"", "more/data.bin": bytes(3 * MB)})
    write_pylock(zipped.folder, wheels.glob("*.whl"), index)

    assert plan(zipped)["why"].startswith("3 MB unzipped without bytecode, 1% of the ZIP limit")


def test_what_was_asked_for_has_no_verdict_to_change(imaged: Project) -> None:
    """Nor has a small ZIP."""
    assert "ways" not in plan(imaged)
    assert "ways" not in plan(imaged, "--packaging", "zip")


@pytest.mark.parametrize("packaging", ["zip", "image"])
def test_the_forecast_of_scoring_is_within_a_per_cent(scoring: Project, packaging: str) -> None:
    """pandas, numpy, pyarrow and boto3 on Debian, bytecode included, before any wheel is fetched;
    of an image to the byte once its layers were made."""
    before = plan(scoring, "--packaging", packaging)["footprint"]
    made = scoring.build("--packaging", packaging)["unzipped_bytes"]

    assert before["estimated"] == ["bytecode"]
    assert abs(before["unzipped_bytes"] - made) < made / 100
    if packaging == "image":
        assert plan(scoring, "--packaging", packaging)["footprint"]["unzipped_bytes"] == made
