"""ZIPs that need more than themselves: an archive unpacked at start, and Lambda layers."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.check.inventory.difference import Change, Difference, difference
from imagekit.check.inventory.footprint import footprint_of, largest_files, limits_of
from imagekit.check.inventory.parts import Inventory
from imagekit.check.inventory.read import Reader
from imagekit.check.opened import OpenZip
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.footprint import LayerFootprint
from tests.check.inventory.kit import installed, weights
from tests.check.make import APP, LOADER, archive, layered, made_zip, packed, zip_info

NESTED, BUCKET = "packages in the ZIP", "packages in s3://wheels"


def wheel(version: str, root: str = "") -> bytes:
    """An archive of `demo` as it is installed."""
    members = installed("demo", version, {"demo/data.bin": b"x" * 5000}, root)
    return packed(*((zip_info(one.name.lstrip("/")), one.data) for one in members))


ONE, TWO = wheel("1.0"), wheel("1.1")


def said(rest: bytes, **more: str) -> tuple[zipfile.ZipInfo, bytes]:
    """What a build writes about `rest`, whatever that became since."""
    found = {
        "digest": Digest.of(rest).hex,
        "size_bytes": len(rest),
        "unpacked_bytes": 6_000,
        "parts": [],
    }
    return zip_info("imagekit_loader/bundle.json"), json.dumps(found | more).encode()


def nested(rest: bytes) -> OpenZip:
    return made_zip(APP, LOADER, said(rest), archive(rest))


def in_s3(rest: bytes) -> OpenZip:
    return with_rest(rest)


def alone(opened: OpenZip) -> OpenZip:
    """Nothing lies beside it."""
    return replace(opened, rest=None, layers=())


def read(opened: OpenZip) -> Inventory:
    return Reader(content=True).read(opened)


def layers_of(opened: OpenZip) -> list[LayerFootprint]:
    return list(footprint_of(Reader().read(opened)).layers)


def limits(opened: OpenZip) -> dict[str, tuple[int, int]]:
    return {one.rule: (one.used, one.limit) for one in limits_of(read(opened))}


def file_sizes(data: bytes) -> dict[str, int]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {info.filename: info.file_size for info in opened.infolist()}


def own(opened: OpenZip) -> dict[str, int]:
    """Files of the ZIP itself."""
    assert isinstance(opened.source, io.BytesIO)
    return file_sizes(opened.source.getvalue())


def spoilt(data: bytes) -> bytes:
    """A byte in the middle is another one."""
    return data[:46] + bytes([data[46] ^ 0xFF]) + data[47:]


def encrypted(data: bytes) -> bytes:
    """Every member says that it needs a password."""
    made = bytearray(data)
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = made.find(magic)
        while at >= 0:
            (flags,) = struct.unpack_from("<H", made, at + offset)
            struct.pack_into("<H", made, at + offset, flags | 1)
            at = made.find(magic, at + 4)
    return bytes(made)


@pytest.mark.parametrize(
    ("made", "data", "kind", "name"),
    [
        (nested, ONE, "unpacked", NESTED),
        (in_s3, ONE, "unpacked", BUCKET),
        (layered, wheel("1.0", "python"), "lambda-layer", "imagekit-0-python3-13-x86_64"),
    ],
)
def test_what_a_zip_needs_is_told_by_package(
    made: Callable[[bytes], OpenZip], data: bytes, kind: str, name: str
) -> None:
    """As a part of its own beside the ZIP's, wherever it lies."""
    zipped, part = layers_of(made(data))

    assert (zipped.kind, zipped.name) == ("zip", "made.zip")
    assert (part.kind, part.name, part.unread) == (kind, name, None)
    assert [one.label for one in part.packages] == ["demo 1.0"]
    assert "demo 1.0" not in [one.label for one in zipped.packages]


def test_the_nested_archive_is_counted_once() -> None:
    """File by file, not also as the file that it is; its packed size is the ZIP's already."""
    opened = nested(ONE)
    zipped, part = layers_of(opened)

    outside = own(opened)
    assert part.packed_bytes == outside.pop("imagekit_loader/packages.zip") == len(ONE)
    assert zipped.amount.unzipped_bytes == sum(outside.values())
    assert part.amount.unzipped_bytes == sum(file_sizes(ONE).values())
    assert part.size_bytes is None
    assert read(opened).size_bytes == zipped.size_bytes
    assert "imagekit_loader/packages.zip" not in [
        one.path for one in largest_files(read(opened), 50)
    ]


def test_what_lies_elsewhere_is_part_of_the_whole_size() -> None:
    """The archive in the bucket and each layer: all that has to reach AWS."""
    layer = wheel("1.0", "python")
    for opened, more in ((in_s3(ONE), ONE), (layered(layer), layer)):
        zipped, part = layers_of(opened)

        assert (part.size_bytes, part.packed_bytes) == (len(more), None)
        assert read(opened).size_bytes == (zipped.size_bytes or 0) + len(more)


def test_lambda_counts_the_nested_archive_as_one_file() -> None:
    """Z1 is what Lambda unzips: not what the loader unpacks later, which P6 has, in blocks."""
    opened = nested(ONE)
    blocks = sum(-(-size // 4096) * 4096 for size in file_sizes(ONE).values())

    found = limits(opened)

    assert found["Z1"][0] == sum(own(opened).values())
    assert found["P6"] == (blocks, 512 * 1024**2)


def test_lambda_does_not_count_what_lies_in_a_bucket() -> None:
    """Neither unzipped nor as sent; the function's own `/tmp` is the limit."""
    opened = replace(in_s3(ONE), storage=1024)

    found = limits(opened)

    assert found["Z1"][0] == sum(own(opened).values())
    assert found["Z2"][0] == layers_of(opened)[0].size_bytes
    assert found["P6"][1] == 1024 * 1024**2


def test_lambda_counts_layers_with_the_zip() -> None:
    """Unzipped; what is sent without S3 is the function's ZIP alone."""
    layer = wheel("1.0", "python")
    opened = layered(layer)

    found = limits(opened)

    assert found["Z1"][0] == sum(own(opened).values()) + sum(file_sizes(layer).values())
    assert found["Z2"][0] == layers_of(opened)[0].size_bytes
    assert "P6" not in found


def test_what_is_not_here_is_known_by_what_the_zip_says() -> None:
    """Its sum counts, in totals and limits; its files are nobody's."""
    layer = wheel("1.0", "python")
    for opened, rule in ((alone(in_s3(ONE)), "P6"), (alone(layered(layer)), "Z1")):
        zipped, part = layers_of(opened)

        assert "neither in the store nor" in str(part.unread)
        assert part.packages == ()
        assert part.amount.unzipped_bytes > 0
        others = zipped.amount.unzipped_bytes if rule == "Z1" else 0
        assert limits(opened)[rule][0] == part.amount.unzipped_bytes + others


def test_the_store_is_asked_by_digest_and_size(tmp_path: Path) -> None:
    """Without a file beside the ZIP, and before it."""
    (tmp_path / "blob").write_bytes(ONE)
    asked: list[tuple[Digest, int]] = []

    def find(digest: Digest, size_bytes: int) -> Path:
        asked.append((digest, size_bytes))
        return tmp_path / "blob"

    found = footprint_of(Reader(find=find).read(alone(in_s3(ONE))))

    assert asked == [(Digest.of(ONE), len(ONE))]
    assert "demo 1.0" in weights(found)


def test_layers_are_known_by_their_content_not_their_place() -> None:
    """One that is missing leaves the others readable."""
    layers = (wheel("1.0", "python"), wheel("1.1", "python"))
    opened = layered(*layers)

    first, second = layers_of(replace(opened, layers=opened.layers[1:]))[1:]

    assert "neither in the store nor" in str(first.unread)
    assert [one.label for one in second.packages] == ["demo 1.1"]


def test_other_bytes_under_the_name_are_not_believed() -> None:
    """A later build's archive lies beside an older ZIP: it is not what that one loads."""
    opened = replace(in_s3(ONE), rest=io.BytesIO(TWO))

    (part,) = layers_of(opened)[1:]

    assert "as it was built" in str(part.unread)
    assert part.digest == str(Digest.of(ONE))


@pytest.mark.parametrize(
    "broken",
    [b"", b"PK garbage", ONE[:-30], spoilt(ONE), encrypted(ONE)],
    ids=["empty", "no ZIP", "cut off", "spoilt", "encrypted"],
)
@pytest.mark.parametrize("made", [nested, in_s3, layered])
def test_an_archive_that_cannot_be_read_is_said(
    made: Callable[[bytes], OpenZip], broken: bytes
) -> None:
    """What can be read is told all the same, and two of them can be compared."""
    opened = made(broken)

    found = footprint_of(read(opened))
    zipped, part = found.layers

    assert str(part.unread).startswith("it cannot be read: ")
    assert part.packages == ()
    assert "source" in weights(found)
    assert found.amount.unzipped_bytes >= sum(own(opened).values())
    assert zipped.unread is None
    assert difference(read(opened), read(opened)).push_bytes == 0


def test_bytes_that_changed_in_the_zip_break_it_whole() -> None:
    """The nested archive is a member as any other where content is compared: exit 1, no more."""
    opened = nested(ONE)
    assert isinstance(opened.source, io.BytesIO)
    data = opened.source.getvalue()
    at = data.find(ONE) + 46
    broken = replace(opened, source=io.BytesIO(data[:at] + b"\xff" + data[at + 1 :]))

    assert "CRC" in str(layers_of(broken)[1].unread)
    with pytest.raises(CannotBuild) as raised:
        read(broken)
    assert raised.value.hint == "imagekit check made.zip"


@pytest.mark.parametrize(
    "member",
    [
        (zip_info("imagekit_layers.json"), b"{"),
        (zip_info("imagekit_loader/bundle.json"), b"{"),
        said(ONE, bucket="wheels", key="k", digest="../../../etc/passwd"),
    ],
    ids=["layers", "bundle", "digest"],
)
def test_a_description_that_cannot_be_read_is_no_traceback(
    member: tuple[zipfile.ZipInfo, bytes],
) -> None:
    """Nothing is looked for by a name that is no digest."""
    asked: list[Digest] = []

    def find(digest: Digest, _size_bytes: int) -> None:
        asked.append(digest)

    found = Reader(find=find).read(made_zip(APP, member))

    assert all("not what imagekit writes" in str(part.unread) for part in found.parts[1:])
    assert asked == []


def test_the_loader_is_not_your_code() -> None:
    """It is named as what it is."""
    found = footprint_of(read(made_zip(APP, (zip_info("imagekit_loader/start.py"), b"12345"))))

    assert weights(found)["imagekit's loader"] == (5, 1)
    assert weights(found)["source"] == (len(APP[1]), 1)


def test_a_member_without_a_name_is_no_traceback() -> None:
    """The library makes such entries of damaged directories, and trips over them."""
    nameless = bytearray(packed((zip_info("a"), b"")))
    nameless[nameless.rfind(b"PK\1\2") + 46] = 0
    nameless[30] = 0

    assert "a member has no name" in str(layers_of(nested(bytes(nameless)))[1].unread)


def test_names_that_climb_out_are_read_as_they_are() -> None:
    """Nothing is written anywhere."""
    opened = nested(packed((zip_info("../../etc/passwd"), b"12345")))

    assert "other files" in weights(footprint_of(read(opened)))


@pytest.mark.parametrize("made", [nested, in_s3, layered])
def test_packages_are_compared_over_all_parts(made: Callable[[bytes], OpenZip]) -> None:
    """Whatever holds them."""
    found = difference(read(made(ONE)), read(made(TWO)))

    assert found.packages == (Change(name="demo", before="1.0", after="1.1"),)
    assert found.unread == ()


def test_files_are_compared_where_they_end_up() -> None:
    """`/tmp` and `/opt`: another packaging of the same is the same packages elsewhere."""
    plain = made_zip(APP, *members(ONE))
    moved = {
        "tmp/imagekit/demo/data.bin": difference(read(plain), read(nested(ONE))),
        "opt/python/demo/data.bin": difference(read(plain), read(layered(wheel("1.0", "python")))),
    }

    for path, found in moved.items():
        assert found.packages == ()
        assert sizes(found)[path] == (None, 5000)
        assert sizes(found)["var/task/demo/data.bin"] == (5000, None)
        assert "var/task/imagekit_loader/packages.zip" not in sizes(found)


def test_only_archives_that_are_new_are_sent() -> None:
    """A change of your code sends your code, not the packages in the bucket or in a layer."""
    layer = wheel("1.0", "python")
    for made in (partial(with_rest, ONE), partial(with_layer, layer)):
        before, after = read(made()), read(made((zip_info("b.py"), b"b")))

        found = difference(before, after)

        assert found.push_bytes == after.parts[0].size_bytes
        assert found.size_bytes == after.size_bytes
        assert found.layers_kept == 1


def test_what_lay_in_a_zip_is_not_in_the_bucket_yet() -> None:
    """From nested to S3, the same archive has to go there."""
    after = read(in_s3(ONE))

    found = difference(read(nested(ONE)), after)

    assert found.push_bytes == after.size_bytes


def test_an_archive_that_nobody_has_is_said_where_it_differs() -> None:
    """And left out where both have the same one."""
    missing = read(alone(in_s3(ONE)))

    assert difference(missing, missing).same
    assert "neither in the store" in difference(missing, read(alone(in_s3(TWO)))).unread[0]


@pytest.mark.parametrize("made", [nested, in_s3, layered])
def test_what_may_still_be_there_is_not_said_to_be_gone(
    made: Callable[[bytes], OpenZip],
) -> None:
    """Of an archive that only one side can read, nothing is told but that."""
    known, unknown = read(made(ONE)), read(made(TWO[:-30]))

    for found in (difference(known, unknown), difference(unknown, known)):
        assert found.packages == ()
        assert not [one for one in found.files if "demo" in one.path]
        assert "it cannot be read" in found.unread[0]


def test_a_shared_archive_is_read_once() -> None:
    """Packages in a bucket that two builds share are not streamed twice."""
    asked: list[Digest] = []
    reader = Reader(content=True, find=lambda digest, _: asked.append(digest))
    reader.read(in_s3(ONE))
    reader.read(alone(in_s3(ONE)))

    assert asked == [Digest.of(ONE)]


def members(data: bytes) -> list[tuple[zipfile.ZipInfo, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return [(info, opened.read(info)) for info in opened.infolist()]


def sizes(found: Difference) -> dict[str, tuple[int | None, int | None]]:
    return {one.path: (one.before_bytes, one.after_bytes) for one in found.files}


def with_rest(rest: bytes, *more: tuple[zipfile.ZipInfo, bytes]) -> OpenZip:
    made = made_zip(APP, LOADER, said(rest, bucket="wheels", key="k"), *more)
    return replace(made, rest=io.BytesIO(rest))


def with_layer(layer: bytes, *more: tuple[zipfile.ZipInfo, bytes]) -> OpenZip:
    return layered(layer, code=(APP, *more))
