"""What Lambda makes of a ZIP."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.bundle.zip import write_zip
from imagekit.check.archive import check_zip
from imagekit.check.opened import OpenZip
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from tests.check.broken import pyc
from tests.check.make import APP, NATIVE, SOURCE, made_zip, sound_zip, zip_info
from tests.contents.test_elf import AARCH64, X86_64, elf


def found(archive: OpenZip) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in check_zip(archive).findings]


def zeros(size_bytes: int, method: int = zipfile.ZIP_DEFLATED) -> tuple[zipfile.ZipInfo, bytes]:
    info = zip_info("zeros.bin")
    info.compress_type = method
    return info, bytes(size_bytes)


def raw(made: OpenZip) -> bytes:
    assert isinstance(made.source, io.BytesIO)
    return made.source.getvalue()


def changed(made: OpenZip, data: bytes) -> OpenZip:
    return replace(made, source=io.BytesIO(data))


@pytest.mark.parametrize(("over", "rules"), [(0, [("Z1", "error")]), (-1, [])])
def test_the_unzipped_limit_is_exact(over: int, rules: list[tuple[str, str]]) -> None:
    """Smaller than 262,144,000 bytes, as recorded from AWS; a function's layers count."""
    left = 262_144_000 - len(SOURCE) - 200_000_000
    archive = replace(sound_zip(zeros(left + over)), attached_layer_bytes=200_000_000)

    assert found(archive) == rules


@pytest.mark.parametrize(("over", "rules"), [(0, []), (1, [("Z2", "warning")])])
def test_the_upload_limit_is_exact(over: int, rules: list[tuple[str, str]]) -> None:
    """At most 52,428,800 bytes go with the request; more goes through a bucket."""
    around = len(raw(sound_zip(zeros(0, zipfile.ZIP_STORED))))
    archive = sound_zip(zeros(52_428_800 - around + over, zipfile.ZIP_STORED))

    assert found(archive) == rules
    assert found(replace(archive, ours=True)) == rules


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"PK\5\6" + bytes(18), b"\x1f\x8b" + bytes(50), raw(sound_zip())[:-30]],
    ids=["nothing", "start", "empty", "gzip", "cut"],
)
def test_what_is_no_zip_is_said_so(data: bytes) -> None:
    """Lambda could not unzip it either."""
    assert found(changed(sound_zip(), data)) == [("Z11", "error")]


def test_damage_in_a_member_is_found() -> None:
    """The directory is whole, and a member's bytes are not what its CRC says."""
    info = zip_info("data.txt")
    info.compress_type = zipfile.ZIP_STORED
    made = sound_zip((info, b"these bytes will change"))
    (finding,) = check_zip(changed(made, raw(made).replace(b"bytes", b"Bytes"))).findings

    assert (finding.rule, finding.place) == ("Z11", "data.txt")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_nobody_tried(method: int) -> None:
    """Only stored and deflated members are known to work; an error on ours."""
    archive = sound_zip(zeros(10, method))

    assert found(archive) == [("Z14", "warning")]
    assert found(replace(archive, ours=True)) == [("Z14", "error")]


def test_an_encrypted_member_is_refused() -> None:
    """Nobody gives Lambda the password; the flag alone, in both headers, is enough."""
    made = sound_zip((zip_info("secret.bin"), b"hidden"))
    data = bytearray(raw(made))
    for mark, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.rindex(mark) + offset] |= 1

    assert found(changed(made, bytes(data))) == [("Z14", "error")]


def test_zip64_is_known_by_its_extra_field() -> None:
    """And by the locator before the directory's end."""
    made = sound_zip()
    out = io.BytesIO(raw(made))
    with zipfile.ZipFile(out, "a") as archive:
        with archive.open(zip_info("data.txt"), "w", force_zip64=True) as member:
            member.write(b"data")
        archive.filelist[-1].extra = struct.pack("<HHQ", 1, 8, 4)
    located = raw(made)
    end = located.rindex(b"PK\5\6")
    zip64_end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, *_directory(located))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)

    assert found(replace(made, source=out)) == [("Z14", "warning")]
    more = located[:end] + zip64_end + locator + located[end:]
    assert found(changed(made, more)) == [("Z14", "warning")]


def _directory(data: bytes) -> tuple[int, int]:
    size, start = struct.unpack_from("<II", data, data.rindex(b"PK\5\6") + 12)
    return size, start


@pytest.mark.parametrize("name", ["../app.py", "/etc/app.py", "a/../../b", "a\\b.py", "a//b"])
def test_names_that_are_no_plain_paths(name: str) -> None:
    """They climb out, or come from a packer that knows no folders."""
    assert found(sound_zip((zip_info(name), b""))) == [("Z14", "error")]


@pytest.mark.parametrize(
    ("mode", "rules"),
    [
        (0o100600, [("P2", "error")]),
        (0o100640, [("P2", "error")]),
        (0o100750, [("P2", "error")]),
        (0o100744, [("P2", "error")]),
        (0o100644, []),
        (0o100755, []),
        (0o100444, []),
    ],
)
def test_files_must_be_open_to_others(mode: int, rules: list[tuple[str, str]]) -> None:
    """Whoever made the ZIP: Lambda opens folders by itself, and files it leaves."""
    assert found(sound_zip((zip_info("data.txt", mode), b""))) == rules


def test_folders_are_opened_by_lambda() -> None:
    """P4."""
    assert found(sound_zip((zip_info("pkg/", 0o040700), b""))) == []


def test_what_writestr_stores_is_closed() -> None:
    """Python's own `ZipFile.writestr(name, data)` stores 0600 (Z8)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", SOURCE)

    assert ("P2", "error") in found(replace(sound_zip(), source=out))


@pytest.mark.parametrize(
    ("target", "rules"),
    [
        ("app.py", []),
        ("pkg", []),
        ("./pkg/../app.py", []),
        ("/opt/python/boto3", []),
        ("../../opt/lib/x.so", []),
        ("/var/task/app.py", []),
        ("missing.py", [("Z10", "warning")]),
        ("/var/task/missing.py", [("Z10", "warning")]),
    ],
)
def test_links(target: str, rules: list[tuple[str, str]]) -> None:
    """They may lead into the ZIP, to a layer's files and to the runtime's."""
    members = ((zip_info("link", 0o120777), target.encode()), (zip_info("pkg/a.py"), b""))

    assert found(sound_zip(*members)) == rules


@pytest.mark.parametrize(
    ("handler", "rules"),
    [
        (None, []),
        ("app.handler", []),
        ("pkg.mod.handler", []),
        ("pkg/mod.handler", []),
        ("pkg.handler", []),
        ("native.handler", []),
        ("other.handler", [("Z7", "error")]),
        ("handler", [("M22", "error")]),
        ("sys.handler", [("M22", "error")]),
        ("app.hand ler", [("M22", "error")]),
        ("a" * 130 + ".handler", [("M22", "error")]),
    ],
)
def test_the_handler_is_at_the_root(handler: str | None, rules: list[tuple[str, str]]) -> None:
    """As awslambdaric imports it with /var/task ahead of all."""
    members = (
        (zip_info("pkg/__init__.py"), b""),
        (zip_info("pkg/mod.py"), b""),
        (zip_info("native.cpython-313-x86_64-linux-gnu.so"), NATIVE),
    )

    assert found(replace(sound_zip(*members), handler=handler)) == rules


def test_a_folder_too_deep_is_said() -> None:
    """The usual mistake: the project's folder was zipped, not what is in it."""
    (finding,) = check_zip(made_zip((zip_info("project/app.py"), SOURCE))).findings

    assert "project/app.py is, one folder too deep" in finding.what


@pytest.mark.parametrize(
    ("data", "target", "rules"),
    [
        (elf(X86_64, ("GLIBC_2.34",)), Target.managed("3.13", "x86_64"), []),
        (elf(X86_64, ("GLIBC_2.34",)), Target.managed("3.11", "x86_64"), ["R1"]),
        (elf(AARCH64, ("GLIBC_2.17",)), Target.managed("3.13", "x86_64"), ["R1"]),
        (elf(AARCH64, ("GLIBC_2.17",)), Target.managed("3.13", "arm64"), []),
        (elf(AARCH64, ("GLIBC_2.17",)), None, []),
    ],
)
def test_shared_objects_fit_the_runtime(
    data: bytes, target: Target | None, rules: list[str]
) -> None:
    """Its machine, and its glibc: 2.26 up to Python 3.11, then 2.34."""
    archive = replace(sound_zip((zip_info("native.so"), data)), target=target)

    assert [rule for rule, _ in found(archive)] == rules


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ((1980, 1, 1, 0, 0, 2), []),
        ((1980, 1, 1, 0, 0, 0), ["C7"]),
        ((2026, 11, 21, 1, 1, 2), ["C7"]),
    ],
)
def test_bytecode_with_a_time_is_stale_in_a_zip(
    written: tuple[int, int, int, int, int, int], rules: list[str]
) -> None:
    """Unless the ZIP happens to hold the source's very second."""
    source = zip_info("app.py")
    source.date_time = written
    seconds = 315_532_802
    cached = zip_info("__pycache__/app.cpython-313.pyc")
    archive = made_zip((source, SOURCE), (cached, pyc(first=seconds)))

    assert [rule for rule, _ in found(archive)] == rules


def test_info_zips_extended_time_is_read() -> None:
    """It has whole seconds and no time zone in doubt."""
    source = zip_info("app.py")
    source.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_700_000_001)
    cached = zip_info("__pycache__/app.cpython-313.pyc")

    assert found(made_zip((source, SOURCE), (cached, pyc(first=1_700_000_001)))) == []


def test_boto3_comes_whole_or_not_at_all() -> None:
    """AWS's own advice; most functions that use urllib3 live without it, so it stays advice."""
    archive = sound_zip((zip_info("urllib3/__init__.py"), b""))

    assert found(replace(archive, ours=True)) == [("Z13", "warning")]
    assert (
        found(sound_zip(*((zip_info(f"{n}/__init__.py"), b"") for n in ("urllib3", "boto3")))) == []
    )


def test_twice_the_same_name_is_one_finding() -> None:
    """Whichever of them wins."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive = sound_zip(*((zip_info("data.txt"), b"") for _ in range(3)))

    assert [one.what for one in check_zip(archive).findings] == ["comes twice; likewise data.txt"]


def test_what_we_write_is_sound(tmp_path: Path) -> None:
    """Held by the same rules that read any ZIP, every one an error."""
    entries = [
        FileEntry(path="app.py", size_bytes=len(SOURCE), owner="x", content=Bytes(SOURCE)),
        FileEntry(path="bin/tool", size_bytes=2, owner="x", content=Bytes(b"#!"), executable=True),
        FileEntry(path="link", size_bytes=0, owner="x", content=Bytes(b""), link_target="app.py"),
        FileEntry(path="größe.txt", size_bytes=0, owner="x", content=Bytes(b"")),
    ]
    write_zip(Tree.of(entries), tmp_path / "made.zip")
    archive = OpenZip(
        name="made",
        source=tmp_path / "made.zip",
        target=Target.managed("3.13", "x86_64"),
        handler="app.handler",
        ours=True,
    )

    assert check_zip(archive).findings == ()


def test_a_bomb_is_not_unpacked() -> None:
    """Beyond eight times the limit nothing is read: the limit says enough."""
    made = sound_zip(zeros(1000))
    data = bytearray(raw(made))
    at = data.rindex(b"PK\1\2") + 24
    data[at : at + 4] = struct.pack("<I", 0xF0000000)
    before = time.process_time()

    assert found(changed(made, bytes(data))) == [("Z1", "error")]
    assert time.process_time() - before < 2


def test_the_zip_is_read_where_it_lies(tmp_path: Path) -> None:
    """By its path, which is closed again."""
    path = tmp_path / "a.zip"
    path.write_bytes(raw(sound_zip()))

    assert found(replace(sound_zip(), source=path)) == []
    path.unlink()
    assert APP[0].filename == "app.py"
