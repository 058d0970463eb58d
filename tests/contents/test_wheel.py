"""Members of a wheel: read where they lie, checked each time."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagekit.contents.directory import directory
from imagekit.contents.wheel import LocalFile, RandomAccess, WheelMember
from imagekit.model.errors import BadWheel
from tests.contents.support import Counting, raw_zip
from tests.services.wheels import claim, corrupt, make_wheel

TEXT = b"def answer():\n    return 42\n" * 200


def member(path: Path, name: str, source: RandomAccess | None = None) -> WheelMember:
    found = {one.path: one for one in directory(LocalFile(path), "pkg 1.0")}
    return WheelMember("pkg 1.0", source or LocalFile(path), found[name])


def wheel(tmp_path: Path, *, compress: bool = True) -> Path:
    return make_wheel(tmp_path, "pkg", "1.0", {"a.py": TEXT, "e": b""}, compress=compress)


@pytest.mark.parametrize("compress", [True, False])
def test_a_member_reads_back_as_it_went_in(tmp_path: Path, compress: bool) -> None:
    """Stored and deflated, empty ones too."""
    path = wheel(tmp_path, compress=compress)

    assert member(path, "a.py").read() == TEXT
    assert member(path, "e").read() == b""


def test_the_deflate_stream_is_handed_on_as_it_lies(tmp_path: Path) -> None:
    """A ZIP can take the stream over instead of compressing anew."""
    ready = member(wheel(tmp_path), "a.py").deflated()

    assert ready is not None
    assert zlib.decompress(ready.data, -zlib.MAX_WBITS) == TEXT
    assert (ready.crc32, ready.size_bytes) == (zlib.crc32(TEXT), len(TEXT))


def test_a_stored_member_has_no_stream(tmp_path: Path) -> None:
    """Then the ZIP compresses it itself."""
    assert member(wheel(tmp_path, compress=False), "a.py").deflated() is None


def test_a_damaged_member_is_refused_whichever_way_it_is_read(tmp_path: Path) -> None:
    """Also where its stream would only be handed on."""
    damaged = member(corrupt(wheel(tmp_path), "a.py"), "a.py")

    with pytest.raises(BadWheel, match=r"a\.py"):
        damaged.read()
    with pytest.raises(BadWheel, match=r"a\.py"):
        damaged.deflated()


def test_a_damaged_stored_member_is_refused(tmp_path: Path) -> None:
    """Its CRC tells."""
    damaged = member(corrupt(wheel(tmp_path, compress=False), "a.py"), "a.py")

    with pytest.raises(BadWheel, match="CRC"):
        damaged.read()


@pytest.mark.parametrize("size", [len(TEXT) - 1, len(TEXT) + 1])
def test_a_member_of_another_size_than_it_declares_is_refused(tmp_path: Path, size: int) -> None:
    """Larger or smaller: no more than the declared size is ever unpacked."""
    path = claim(wheel(tmp_path), "a.py", size_bytes=size)

    with pytest.raises(BadWheel, match="declares"):
        member(path, "a.py").read()


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    """The stream is whole, but it is not what the directory promised."""
    with pytest.raises(BadWheel, match="CRC"):
        member(claim(wheel(tmp_path), "a.py", crc32=1), "a.py").read()


@pytest.mark.parametrize(
    ("offset", "width", "value"),
    [(0, "<I", 0), (8, "<H", 0), (6, "<H", 1), (14, "<I", 7), (18, "<I", 7), (22, "<I", 7)],
    ids=["signature", "method", "encrypted", "crc", "compressed", "size"],
)
def test_a_local_header_that_disagrees_is_refused(
    tmp_path: Path, offset: int, width: str, value: int
) -> None:
    """Tools that trust the one or the other would unpack different files."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": TEXT})
    raw = bytearray(path.read_bytes())
    struct.pack_into(width, raw, offset, value)
    path.write_bytes(raw)

    with pytest.raises(BadWheel, match="local header"):
        member(path, "a.py").read()


def test_another_name_in_the_local_header_is_refused(tmp_path: Path) -> None:
    """The same, for names."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": TEXT})
    path.write_bytes(path.read_bytes().replace(b"a.py", b"b.py", 1))

    with pytest.raises(BadWheel, match="local header"):
        member(path, "a.py").read()


def test_a_member_that_the_file_ends_in_is_refused(tmp_path: Path) -> None:
    """A wheel that was cut after its directory was read."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": TEXT})
    whole = member(path, "a.py")
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(BadWheel, match="ends before its size"):
        whole.read()
    path.write_bytes(b"PK")
    with pytest.raises(BadWheel, match="no local header"):
        whole.read()


def test_streamed_and_zip64_members_are_read(tmp_path: Path) -> None:
    """Their local headers leave sizes out, and have extra fields."""
    path = tmp_path / "x.whl"

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: int) -> int:
            raise OSError

    streamed = Pipe()
    with (
        zipfile.ZipFile(streamed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.py", "w", force_zip64=True) as file,
    ):
        file.write(TEXT)
    path.write_bytes(streamed.getvalue())

    assert member(path, "a.py").read() == TEXT


def test_the_start_is_read_without_the_rest(tmp_path: Path) -> None:
    """Whether a 30 MB program begins with `#!python` is told by its first kilobyte."""
    big = b"#!python\n" + os.urandom(1_000_000)
    for name, compress in (("stored", False), ("deflated", True)):
        path = make_wheel(tmp_path / name, "pkg", "1.0", {"run": big}, compress=compress)
        source = Counting(path)

        assert member(path, "run", source).peek(8) == b"#!python"
        assert source.read_bytes < 2000


def test_a_start_that_does_not_unpack_is_refused(tmp_path: Path) -> None:
    """A corrupt stream is not taken for a program without a shebang."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": TEXT})
    raw = bytearray(path.read_bytes())
    raw[34:40] = b"\xff" * 6
    path.write_bytes(raw)

    with pytest.raises(BadWheel, match="does not unpack"):
        member(path, "a.py").peek(8)


def test_members_are_read_from_many_threads(tmp_path: Path) -> None:
    """Layers are made in parallel, each from its own place of the same files."""
    files = {f"m{number}.py": f"{number}".encode() * 1000 for number in range(50)}
    path = make_wheel(tmp_path, "pkg", "1.0", files)
    members = [member(path, name) for name in files]

    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda one: one.read(), members * 4))

    assert read == list(files.values()) * 4
