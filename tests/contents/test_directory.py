"""What a hostile or broken index may serve: refused by name, before a byte is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from imagekit.contents.directory import directory, unsafe_path
from imagekit.contents.wheel import LocalFile
from imagekit.model.errors import BadWheel
from tests.contents.support import raw_zip
from tests.services.wheels import claim, make_wheel, truncate

LINK = (stat.S_IFLNK | 0o777) << 16
FIFO = (stat.S_IFIFO | 0o644) << 16


def refusal(path: Path) -> str:
    with pytest.raises(BadWheel) as found:
        directory(LocalFile(path), "bad 1.0")
    assert found.value.wheel == "bad 1.0"
    return found.value.what


@pytest.mark.parametrize(
    "name",
    [
        "../escaped.py",
        "pkg/../../escaped.py",
        "/etc/passwd",
        "C:/Windows/x.dll",
        "c:x",
        "pkg\\..\\x.py",
        "\\\\host\\share\\x",
        "pkg//x.py",
        "./x.py",
        "pkg/.",
        "..",
        "../",
        "/",
    ],
)
def test_a_name_that_could_leave_its_root_is_refused(tmp_path: Path, name: str) -> None:
    """On no system may a member be written outside its root, folders included."""
    what = refusal(raw_zip(tmp_path / "x.whl", {"fine.py": b"", name: b"x"}))

    assert repr(name) in what
    assert "outside its root" in what


def test_a_name_with_a_null_byte_is_refused(tmp_path: Path) -> None:
    """zipfile cuts names at NUL, others do not: nobody may be told two stories."""
    path = raw_zip(tmp_path / "x.whl", {"fine_py_tail": b"x"})
    path.write_bytes(path.read_bytes().replace(b"fine_py_tail", b"fine.py\0tail"))

    assert "outside its root" in refusal(path)


@pytest.mark.parametrize("name", ["a", "a/b.py", "a b/ünï.py", "a..b/c.", "..a/b", "ab:c", "C/x"])
def test_an_ordinary_name_is_not_refused(name: str) -> None:
    """Dots, spaces, colons and other alphabets are fine where they mean nothing."""
    assert not unsafe_path(name)


def test_links_are_refused(tmp_path: Path) -> None:
    """A symbolic link could lead a later member anywhere; wheels have none."""
    wheel = make_wheel(tmp_path, "bad", "1.0", {"a.py": b""}, links={"link": "/etc"})

    assert refusal(wheel) == "'link' is a link"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """Pipes and devices too."""
    what = refusal(raw_zip(tmp_path / "x.whl", {"pipe": b""}, external_attr=FIFO))

    assert what == "'pipe' is not a regular file"


def test_a_name_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two counts differs from tool to tool."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": b"1", "b.py": b"2"})
    path.write_bytes(path.read_bytes().replace(b"b.py", b"a.py"))

    assert refusal(path) == "'a.py' stands there twice"


def test_encryption_is_refused(tmp_path: Path) -> None:
    """There is no password to ask for."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": b"1"})
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    struct.pack_into("<H", raw, central + 8, 1)
    path.write_bytes(raw)

    assert refusal(path) == "'a.py' is encrypted"


def test_other_methods_than_deflate_are_refused(tmp_path: Path) -> None:
    """The wheel specification knows stored and deflated members."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": b"1" * 99}, compress_type=zipfile.ZIP_BZIP2)

    assert refusal(path) == "'a.py' is compressed by method 12, not deflate"


def test_a_member_that_declares_more_than_deflate_can_hold_is_refused(tmp_path: Path) -> None:
    """A few bytes that claim gigabytes are refused before memory is taken for them."""
    wheel = make_wheel(tmp_path, "bad", "1.0", {"bomb.bin": b"x" * 100})

    assert refusal(claim(wheel, "bomb.bin", size_bytes=3_000_000_000)) == (
        "'bomb.bin' declares more than it can hold"
    )


def test_a_stored_member_of_another_size_is_refused(tmp_path: Path) -> None:
    """Stored means the same size inside and out."""
    wheel = make_wheel(tmp_path, "bad", "1.0", {"a.bin": b"x" * 100}, compress=False)

    assert "stored in another size" in refusal(claim(wheel, "a.bin", size_bytes=99))


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """Else one deflate stream, named often, unpacks to any size."""
    path = raw_zip(tmp_path / "x.whl", {"a.py": b"1", "b.py": b"2"})
    raw = bytearray(path.read_bytes())
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
    struct.pack_into("<I", raw, second + 42, 10)
    path.write_bytes(raw)

    assert "overlaps" in refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_truncated_wheel_is_refused(tmp_path: Path, share: float) -> None:
    """A download that broke off, wherever it did."""
    wheel = make_wheel(tmp_path, "bad", "1.0", {f"m{n}.py": b"x" * n for n in range(50)})

    assert "not a readable zip" in refusal(truncate(wheel, int(wheel.stat().st_size * share)))


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    """A proxy's login page, for one."""
    path = tmp_path / "x.whl"
    path.write_bytes(b"<html>please log in</html>" * 100)

    assert "not a readable zip" in refusal(path)


def test_a_name_that_is_not_utf8_though_it_says_so_is_refused(tmp_path: Path) -> None:
    """No guess what it might have been."""
    path = raw_zip(tmp_path / "x.whl", {"naïve.py": b""})
    path.write_bytes(path.read_bytes().replace("ï".encode(), b"\xff\xff"))

    assert "not a readable zip" in refusal(path)


def test_the_files_come_in_the_order_of_the_directory_without_folders(tmp_path: Path) -> None:
    """Folders need no entry of their own: every file names its own."""
    wheel = make_wheel(tmp_path, "ok", "1", {"z/b.py": b"", "a.py": b""}, directories=["z", "e"])

    found = [member.path for member in directory(LocalFile(wheel), "ok 1")]

    assert found[:2] == ["z/b.py", "a.py"]
    assert all(not path.endswith("/") for path in found)


def test_sizes_modes_and_checksums_are_those_of_the_directory(tmp_path: Path) -> None:
    """What plans are made from."""
    path = raw_zip(tmp_path / "x.whl", {"a.sh": b"echo " * 100}, external_attr=0o100755 << 16)

    (member,) = directory(LocalFile(path), "ok 1")

    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("a.sh")
    assert (member.size_bytes, member.compressed_bytes) == (500, info.compress_size)
    assert (member.crc32, member.method, member.executable) == (info.CRC, 8, True)


def test_names_without_the_utf8_flag_are_read_as_the_format_says(tmp_path: Path) -> None:
    """APPNOTE.TXT, appendix D: code page 437."""
    path = raw_zip(tmp_path / "x.whl", {"na_ve.py": b"x"})
    path.write_bytes(path.read_bytes().replace(b"na_ve.py", b"na\x8bve.py"))

    (member,) = directory(LocalFile(path), "ok 1")

    assert member.path == "naïve.py"


def test_zip64_and_bytes_before_the_archive_are_read(tmp_path: Path) -> None:
    """Sizes in extra fields, and offsets that count from the archive's start."""
    path = tmp_path / "x.whl"
    archive_bytes = io.BytesIO()
    with (
        zipfile.ZipFile(archive_bytes, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("big.bin", "w", force_zip64=True) as member_file,
    ):
        member_file.write(b"x" * 1000)
    path.write_bytes(b"#!/bin/sh\n" + archive_bytes.getvalue())

    (member,) = directory(LocalFile(path), "ok 1")

    assert (member.size_bytes, member.header_offset) == (1000, 10)
