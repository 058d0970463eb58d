"""`imagekit inspect` and `imagekit diff` over what a build made, and over what others made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import Done, succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel


def answer(done: Done) -> dict[str, Any]:
    return dict(json.loads(succeeded(done).stdout))


def bumped(project: Project, wheels: Path, index: Index) -> None:
    """Another version of `demo` in the lock."""
    (wheels / "demo-1.0-py3-none-any.whl").unlink()
    make_wheel(wheels, "demo", "1.1", {"demo/__init__.py": b"ANSWER = 43\n"})
    write_pylock(project.folder, wheels.glob("*.whl"), index)


def test_a_built_zip_weighs_what_the_build_said(zipped: Project) -> None:
    """To the byte: packages by their RECORD, the rest is the project's own."""
    built = zipped.build()

    found = answer(zipped.run("inspect", "app", "--json"))

    assert found["unzipped_bytes"] == built["unzipped_bytes"]
    assert found["size_bytes"] == (zipped.folder / "dist" / "app.zip").stat().st_size
    (layer,) = found["layers"]
    assert {one["name"]: one["own"] for one in layer["packages"]} == {"demo": False, "source": True}
    assert found["categories"]["own"]["files"] == 1


def test_a_built_image_is_told_layer_by_layer(imaged: Project) -> None:
    """Layers under the names that imagekit gave them; the base, which is not here, as such."""
    imaged.build()

    found = answer(imaged.run("inspect", "app", "--json"))
    text = succeeded(imaged.run("inspect", "dist/app.oci")).stdout

    kinds = [(one["name"], one["kind"]) for one in found["layers"]]
    assert kinds[-2:] == [("demo", "packages"), ("source", "source")]
    assert kinds[0][1] == "base"
    assert "unread" in found["layers"][0]
    assert "demo 1.0" in text
    assert "limits" in text


def test_a_base_that_is_not_here_weighs_what_the_lock_says(imaged: Project, tmp_path: Path) -> None:
    """The whole image as the build told it; where nobody knows the base, that it is left out."""
    succeeded(imaged.run("lock"))
    built = imaged.build()
    elsewhere = imaged.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty"))
    whole = [answer(one.run("inspect", "app", "--json")) for one in (imaged, elsewhere)]
    text = succeeded(elsewhere.run("inspect", "app")).stdout
    (imaged.folder / "imagekit.lock").unlink()
    unknown = answer(elsewhere.run("inspect", "app", "--json"))
    said = succeeded(elsewhere.run("inspect", "app")).stdout

    for found in whole:
        assert found["base_bytes"] > found["unzipped_bytes"] / 2
        assert 0 <= built["unzipped_bytes"] - found["unzipped_bytes"] < 20_000, "padding of tars"
        assert found["limits"][0]["used"] >= found["base_bytes"]
        assert "uncounted_layers" not in found
    assert " of it the base, " in text.splitlines()[0]
    assert unknown["uncounted_layers"] > 0
    assert "that could not be read" in said.splitlines()[0]
    assert "T6 layers as tars, without" in said


def test_a_foreign_image_in_a_registry_is_read_where_it_lies(aws_base: str, tmp_path: Path) -> None:
    """Nothing is known of how it was made: every layer is read."""
    project = Project(folder=tmp_path)

    found = answer(project.run("inspect", aws_base, "--json"))

    assert {one["kind"] for one in found["layers"]} == {"other"}
    assert found["unzipped_bytes"] > 0
    assert found["limits"][0]["rule"] == "T6"


def test_a_bump_is_told_as_package_layer_bytes_and_files(
    imaged: Project, wheels: Path, index: Index
) -> None:
    """What a person reads before it goes out, without the base, which both have."""
    imaged.build("--output", "one")
    bumped(imaged, wheels, index)
    imaged.build("--output", "two")

    found = answer(imaged.run("diff", "one/app.oci", "two/app.oci", "--json"))
    text = succeeded(imaged.run("diff", "one/app.oci", "two/app.oci")).stdout

    assert found["packages"] == [{"name": "demo", "before": "1.0", "after": "1.1"}]
    assert [one["name"] for one in found["layers"]["added"]] == ["demo"]
    assert 0 < found["push_bytes"] < found["size_bytes"]
    assert "var/task/demo/__init__.py" in [one["path"] for one in found["files"]]
    assert found["chunks"]["new_at_most"] == 1
    assert "demo 1.0→1.1" in text


def test_the_same_build_differs_in_nothing(zipped: Project) -> None:
    """Reproducible, and said in one line."""
    zipped.build()

    text = succeeded(zipped.run("diff", "app", "dist/app.zip")).stdout

    assert text.splitlines()[-1] == "  nothing differs"


@pytest.fixture(params=["zip-nested", "zip-s3", "zip-layers"])
def apart(request: pytest.FixtureRequest, zipped: Project, wheels: Path, index: Index) -> Project:
    """`demo`, and a package that needs room, in each way around the limit of a ZIP."""
    files = {"heavy/__init__.py": b"", "heavy/model.bin": bytes(270_000_000)}
    if request.param == "zip-nested":
        make_wheel(wheels, "heavy", "1.0", files)
        write_pylock(zipped.folder, wheels.glob("*.whl"), index)
    zipped.replace('packaging = "zip"', f'packaging = "{request.param}"\nbucket = "wheels"')
    return zipped


def test_what_a_zip_needs_is_told_by_package_and_compared(
    apart: Project, wheels: Path, index: Index, tmp_path: Path
) -> None:
    """To the byte what the build said, from the store and from beside the ZIP; then a bump."""
    built = apart.build("--output", "one")
    found = answer(apart.run("inspect", "one/app.zip", "--json"))
    elsewhere = apart.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty"))

    assert answer(elsewhere.run("inspect", "one/app.zip", "--json")) == found
    zipped, part = found["layers"]
    moved = "heavy" if built["packaging"] == "zip-nested" else "demo"
    assert moved in [one["name"] for one in part["packages"]]
    assert moved not in [one["name"] for one in zipped["packages"]]
    assert found["unzipped_bytes"] == sum(one["unzipped_bytes"] for one in found["layers"])
    assert found["size_bytes"] == sum(one.get("size_bytes", 0) for one in found["layers"])
    used = {limit["rule"]: limit["used"] for limit in found["limits"]}
    assert used["Z1"] == built["unzipped_bytes"]
    assert used["Z2"] == (apart.folder / "one" / "app.zip").stat().st_size
    assert ("P6" in used) == ("unpacks" in built)

    bumped(apart, wheels, index)
    apart.build("--output", "two")
    differs = answer(apart.run("diff", "one/app.zip", "two/app.zip", "--json"))

    assert differs["packages"] == [{"name": "demo", "before": "1.0", "after": "1.1"}]
    assert differs["unread"] == []


@pytest.mark.parametrize(
    ("packaging", "file"), [("zip-s3", "app.packages.zip"), ("zip-layers", "app.layer-1.zip")]
)
def test_what_is_neither_stored_nor_beside_the_zip_is_said(
    zipped: Project, tmp_path: Path, packaging: str, file: str
) -> None:
    """The store is enough; without it the sum alone is known, and nothing fails."""
    zipped.replace('packaging = "zip"', f'packaging = "{packaging}"\nbucket = "wheels"')
    zipped.build()
    whole = answer(zipped.run("inspect", "app", "--json"))
    (zipped.folder / "dist" / file).unlink()
    elsewhere = zipped.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty"))

    assert answer(zipped.run("inspect", "app", "--json")) == whole
    found = answer(elsewhere.run("inspect", "app", "--json"))
    text = succeeded(elsewhere.run("inspect", "app")).stdout

    assert "neither in the store nor" in found["layers"][1]["unread"]
    assert found["unzipped_bytes"] == whole["unzipped_bytes"]
    assert found["limits"][:2] == whole["limits"][:2]
    assert "unread: it is neither in the store nor" in text
    assert succeeded(elsewhere.run("diff", "app", "app")).stdout.endswith("nothing differs\n")


def test_parts_of_a_zip_say_where_they_go(zipped: Project) -> None:
    """For people: what is unpacked to `/tmp`, out of which bucket, against which limit."""
    zipped.replace('packaging = "zip"', 'packaging = "zip-s3"\nbucket = "wheels"')
    zipped.build()

    lines = [
        line.split() for line in succeeded(zipped.run("inspect", "app")).stdout.splitlines() if line
    ]

    assert ["parts"] in lines
    (part,) = [line for line in lines if line[:3] == ["packages", "in", "s3://wheels"]]
    assert part[-5:] == ["unpacked", "to", "/tmp:", "demo", "1.0"]
    (limit,) = [line for line in lines if line[0] == "P6"]
    assert limit[1:4] == ["unpacked", "to", "/tmp"]


@pytest.mark.parametrize("command", [("inspect", "nothing-there"), ("diff", "app", "no/such.oci")])
def test_what_is_no_artefact_is_exit_2(zipped: Project, command: tuple[str, ...]) -> None:
    """With what an artefact may be; nothing on stdout."""
    zipped.build()

    done = zipped.run(*command)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "error: " in done.stderr


def test_a_function_that_was_not_built_says_how(zipped: Project) -> None:
    """The command to type first."""
    done = zipped.run("inspect", "app")

    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: imagekit build app" in done.stderr


def test_a_damaged_zip_is_exit_1(tmp_path: Path) -> None:
    """It says that, and which command tells more."""
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and then nothing")

    done = Project(folder=tmp_path).run("inspect", "broken.zip")

    assert done.returncode == 1
    assert "hint: imagekit check broken.zip" in done.stderr
