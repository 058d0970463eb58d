"""Reading tar headers as they are spelt, by whoever wrote them."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from imagekit.check.content import Lookout
from imagekit.check.entries import Entry, plain_path
from imagekit.check.stream import BrokenLayer, TarStream, UnreadLayer
from imagekit.check.tar import read_entries
from tests.check.make import Member, folder, link, tar

LONG = "/".join(["folder" * 8] * 6) + "/name.txt"


def entries(data: bytes) -> list[Entry]:
    stream = TarStream(io.BytesIO(data))
    return list(read_entries(stream, Lookout(inspect=lambda _: True), place="x", ours=False))


@pytest.mark.parametrize(
    "format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids="ugp".__getitem__
)
def test_every_format_is_read(format: int) -> None:
    """POSIX's prefix, GNU's long names, PAX records: the same entries."""
    long = LONG if format != tarfile.USTAR_FORMAT else "a" * 90 + "/" + "b" * 90
    members = [
        folder("a"),
        Member(name="a/b", data=b"x" * 700, mode=0o755, mtime=1_700_000_000),
        Member(name=long, data=b"1"),
        link("c", "a/b"),
        Member(name="d", kind=tarfile.LNKTYPE, link="a/b"),
        Member(name="e", kind=tarfile.FIFOTYPE),
    ]
    read = entries(tar(members, format))

    assert [entry.path for entry in read] == ["a", "a/b", long, "c", "d", "e"]
    assert [entry.kind for entry in read] == [
        *("folder", "file", "file", "symlink", "hardlink", "other")
    ]
    assert (read[1].mode, read[1].size_bytes, read[1].mtime) == (0o755, 700, 1_700_000_000)
    assert (read[3].link, read[4].link) == ("a/b", "a/b")


def test_spelling_is_kept() -> None:
    """`tarfile` would strip what a rule is about."""
    names = ["./a/", "/b", "c//d", "e/./f"]
    read = entries(tar([Member(name=name) for name in names]))

    assert [entry.raw for entry in read] == names
    assert [entry.path for entry in read] == ["a", "b", "c/d", "e/f"]


@pytest.mark.parametrize(
    ("raw", "plain"),
    [("", ""), (".", ""), ("./", ""), ("/", ""), ("a", "a"), (".hidden", ".hidden"), ("..", "..")],
)
def test_plain_paths(raw: str, plain: str) -> None:
    """The root is empty; a name that begins with a dot is a name."""
    assert plain_path(raw) == plain


def test_pax_records_for_all_members() -> None:
    """A global header holds until the archive ends, and a member's own wins."""
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"mtime": "7"}
    ) as archive:
        archive.addfile(tarfile.TarInfo("a"))
        own = tarfile.TarInfo("b")
        own.pax_headers = {"mtime": "9.5"}
        archive.addfile(own)
    read = entries(out.getvalue())

    assert [entry.mtime for entry in read] == [7, 9]
    assert [entry.oddities for entry in read] == [(), ("fraction",)]


def test_attributes_are_named() -> None:
    """Capabilities and what libarchive writes."""
    pax = {"SCHILY.xattr.security.capability": "x", "LIBARCHIVE.xattr.user.a": "x"}
    (entry,) = entries(tar([Member(name="a", pax=pax)]))

    assert sorted(entry.oddities) == [
        "xattr LIBARCHIVE.xattr.user.a",
        "xattr xattr.security.capability",
    ]


def test_large_numbers() -> None:
    """Owners, times and sizes that octal digits cannot hold: GNU writes them in base 256."""
    read = entries(tar([Member(name="a", mtime=2**40)], tarfile.GNU_FORMAT))

    assert read[0].mtime == 2**40


def header(kind: bytes, size: int = 0, *, at: dict[int, bytes] | None = None) -> bytes:
    """A header with some bytes changed and its checksum made right."""
    info = tarfile.TarInfo("sparse")
    info.size = size
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[156:157] = kind
    for place, value in (at or {}).items():
        block[place : place + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_sparse_files_are_passed_over() -> None:
    """GNU's map may go on in blocks of its own before the data."""
    more = bytes(504) + b"\1" + bytes(7)
    data = header(b"S", 512, at={482: b"\1"}) + more + bytes(512) + b"D" * 512
    read = entries(data + tar([Member(name="next")]))

    assert [(entry.path, entry.kind) for entry in read] == [("sparse", "other"), ("next", "file")]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (header(b"0")[:200], "ends early"),
        (header(b"0", 100), "ends early"),
        (header(b"0", at={124: b"not octal"}), "number"),
        (header(b"x", 512) + b"no records".ljust(512), "PAX"),
        (header(b"x", 512) + b"20 size=much0000000\n".ljust(512, b"\0"), "PAX"),
        (header(b"x", 17 << 20), "16 MiB"),
        (b"\1" + header(b"0")[1:], "checksum"),
    ],
)
def test_damage_is_named(data: bytes, what: str) -> None:
    """And never read past."""
    with pytest.raises(BrokenLayer, match=what):
        entries(data)


def test_the_archive_may_end_without_its_mark() -> None:
    """Some writers leave the two empty blocks out."""
    assert [entry.path for entry in entries(header(b"0"))] == ["sparse"]
    assert entries(b"") == []


def test_a_layer_is_read_in_bounded_memory() -> None:
    """64 MiB of zeros from a blob of 64 KB: a megabyte at a time."""
    import tracemalloc

    data = gzip.compress(tar([Member(name="zeros", data=bytes(64 << 20))]), 1, mtime=0)
    tracemalloc.start()
    try:
        read = entries(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert read[0].size_bytes == 64 << 20
    assert peak < 8 << 20


def test_nothing_is_read_beyond_ten_gib() -> None:
    """A small blob may unpack to anything; the limit is smaller here."""
    data = gzip.compress(bytes(64 << 20), 1, mtime=0)
    stream = TarStream(io.BytesIO(data), max_bytes=4 << 20)

    with pytest.raises(UnreadLayer, match="10 GiB"):
        stream.skip(64 << 20)
    assert stream.tar_bytes <= 5 << 20
