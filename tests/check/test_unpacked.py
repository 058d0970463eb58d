"""ZIPs that unpack at start: the loader runs first, and what it unpacks is judged like the rest."""

from __future__ import annotations

import io
import zipfile

import pytest
from msgspec.structs import replace

from imagekit.check.archive import check_zip
from imagekit.check.opened import OpenZip
from tests.check.make import (
    APP,
    BEHIND,
    DOOR,
    LOADER,
    S3,
    SOURCE,
    archive,
    bundle,
    encrypted,
    made_zip,
    packed,
    zip_info,
)
from tests.contents.test_elf import AARCH64, elf

DEMO = (zip_info("demo/__init__.py"), b"ANSWER = 42\n")
REST = packed(DEMO)
IN_S3 = bundle(REST, bucket="packages", key="imagekit/rest.zip")
NESTED = (DOOR, BEHIND, LOADER, bundle(REST), archive(REST))
FETCHED = (DOOR, BEHIND, LOADER, S3, IN_S3)


def found(made: OpenZip) -> list[tuple[str, str]]:
    return [(finding.rule, finding.place) for finding in check_zip(made).findings]


def without(members: tuple[tuple[zipfile.ZipInfo, bytes], ...], name: str) -> OpenZip:
    return made_zip(*(one for one in members if one[0].filename != name))


def test_a_sound_one_trips_no_rule() -> None:
    """What is unpacked lies in the ZIP, or beside it where it goes into a bucket."""
    assert found(made_zip(*NESTED)) == []
    assert found(replace(made_zip(*FETCHED), rest=io.BytesIO(REST))) == []


def test_what_lies_in_a_bucket_is_unseen() -> None:
    """It is said, and is no reason to refuse the ZIP."""
    report = check_zip(made_zip(*FETCHED))

    assert report.unseen == ("s3://packages/imagekit/rest.zip",)
    assert report.findings == ()


@pytest.mark.parametrize("name", ["start.py", "bundle.json", "packages.zip"])
def test_each_piece_of_the_loader_is_needed(name: str) -> None:
    """Without it the handler's imports fail at the first event."""
    path = f"imagekit_loader/{name}"

    assert found(without(NESTED, path)) == [("U1", path)]


def test_a_bucket_needs_its_reader() -> None:
    """`s3.py` is part of the loader only where something is fetched."""
    path = "imagekit_loader/s3.py"

    assert found(without(FETCHED, path)) == [("U1", path)]


def test_a_handler_that_runs_before_the_loader() -> None:
    """Another tool put the module itself back: nothing would be unpacked."""
    assert found(made_zip(APP, *NESTED[1:])) == [("U1", "the handler")]


def test_bytecode_of_the_module_itself_hides_the_door() -> None:
    """Unchecked bytecode runs whatever its source says, so the door would never be read."""
    cached = (zip_info("__pycache__/app.cpython-313.pyc"), b"\xf3\r\r\n" + bytes(12) + b"code")

    assert ("U1", "the handler") in found(made_zip(*NESTED, cached))


def test_files_that_are_unpacked_are_judged_too() -> None:
    """A shared object for another machine is found wherever it lies."""
    rest = packed(DEMO, (zip_info("demo/_fast.so"), elf(AARCH64, None)))
    made = made_zip(DOOR, BEHIND, LOADER, bundle(rest), archive(rest))

    assert found(made) == [("R1", "demo/_fast.so")]


def test_the_archive_counts_compressed() -> None:
    """That is what it is for: Lambda counts a member of the ZIP, whatever is in it."""
    rest = packed((zip_info("zeros.bin"), bytes(262_144_000)))

    assert found(made_zip(DOOR, BEHIND, LOADER, bundle(rest), archive(rest))) == []


def test_a_description_that_says_something_else() -> None:
    """It is read as data: nothing of it is taken on trust."""
    for text in (b"{}", b"[]", b"not json", b'{"digest": 1}'):
        described = (zip_info("imagekit_loader/bundle.json"), text)
        made = made_zip(DOOR, BEHIND, LOADER, described, archive(REST))

        assert found(made) == [("U1", "imagekit_loader/bundle.json")], text
    secret = encrypted(made, "imagekit_loader/bundle.json")
    assert ("U1", "imagekit_loader/bundle.json") in found(secret)


def test_what_is_no_archive_at_all() -> None:
    """The same digest of the wrong bytes: the loader would find no members."""
    junk = b"no archive"
    described = bundle(REST)
    text = described[1].replace(b'"parts": [[0', b'"parts": [], "were": [[0')
    made = made_zip(DOOR, BEHIND, LOADER, (described[0], text), archive(junk))

    assert found(made) == [("U1", "imagekit_loader/packages.zip")]


def test_the_handler_is_looked_for_behind_its_door() -> None:
    """The module's name is the door's; the code beside it has a name that nobody imports."""
    assert found(made_zip((zip_info("other.py"), SOURCE), *NESTED[1:])) == [
        ("U1", "the handler"),
        ("Z7", "the handler"),
    ]
