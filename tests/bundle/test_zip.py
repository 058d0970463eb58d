"""The ZIP for Lambda: what every reader of ZIPs must find, and the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec import Struct

from imagekit.bundle.zip import write_zip
from imagekit.model.errors import CannotBuild
from imagekit.model.tree import Bytes, Deflated, FileEntry, Tree
from tests.oci.trees import LONG, ODD, TREES, entry, odd_tree, tree
from tests.services.needs import needs


class FromWheel(Struct, frozen=True):
    """Content that a wheel holds compressed, at a level that imagekit never uses itself."""

    data: bytes

    @property
    def stream(self) -> bytes:
        packer = zlib.compressobj(level=2, wbits=-15)
        return packer.compress(self.data) + packer.flush()

    def read(self) -> bytes:
        raise AssertionError("a member that lies compressed is not unpacked")

    def deflated(self) -> Deflated:
        return Deflated(data=self.stream, crc32=zlib.crc32(self.data), size_bytes=len(self.data))


def wanted(found: Tree) -> dict[str, bytes | bytearray]:
    return {
        one.path: one.link_target.encode() if one.link_target is not None else one.content.read()
        for one in found
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_reads_back_the_same(tmp_path: Path, found: Tree) -> None:
    """Python's zipfile finds every file, link and mode of any tree, and nothing else."""
    facts = write_zip(found, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        infos = archive.infolist()
        contents = {info.orig_filename: archive.read(info) for info in infos}
        assert archive.testzip() is None

    assert contents == wanted(found)
    assert [info.orig_filename for info in infos] == sorted(contents)
    assert facts.unzipped_bytes == sum(info.file_size for info in infos)
    assert facts.files == len(infos)


def test_fields(tmp_path: Path) -> None:
    """lambda_rules Z8, Z9, Z14: modes as Unix keeps them, one date, stored or deflated only."""
    write_zip(odd_tree(), tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            assert (info.create_system, info.date_time) == (3, (1980, 1, 1, 0, 0, 0))
            assert info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            assert (info.extra, info.comment) == (b"", b"")
            assert bool(info.flag_bits & 0x800) == (not info.filename.isascii())
            if info.filename.startswith("data/") and "link" in info.filename:
                assert mode == 0o120777
            elif info.filename == "bin/tool":
                assert mode == 0o100755
            elif stat.S_ISREG(mode):
                assert mode == 0o100644


def test_facts(tmp_path: Path) -> None:
    """Digest and size are the file's; `CodeSha256` is what Lambda says of it (L8)."""
    facts = write_zip(odd_tree(), tmp_path / "x.zip")
    data = (tmp_path / "x.zip").read_bytes()
    digest = hashlib.sha256(data).digest()

    assert (facts.digest.hex, facts.size_bytes) == (digest.hex(), len(data))
    assert facts.code_sha256 == base64.b64encode(digest).decode()


def test_wheels_own_stream_is_kept(tmp_path: Path) -> None:
    """A member that a wheel holds compressed is taken over byte for byte, never unpacked."""
    content = FromWheel(b"import numpy\n" * 500)
    member = FileEntry(path="m.py", size_bytes=len(content.data), owner="w 1", content=content)
    write_zip(Tree.of([member]), tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.read("m.py") == content.data

    assert content.stream in (tmp_path / "x.zip").read_bytes()


def test_stored_where_packing_gains_nothing(tmp_path: Path) -> None:
    """What does not get smaller is stored as it is."""
    write_zip(tree({"text": b"x" * 5000, "noise": os.urandom(5000), "none": b""}), tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "x") as archive:
        methods = {info.filename: info.compress_type for info in archive.infolist()}

    assert methods == {"text": 8, "noise": 0, "none": 0}


def test_unzip_unpacks_it(tmp_path: Path) -> None:
    """Info-ZIP, whose `unzip` is what people use, leaves the tree's files, links and modes."""
    needs("unzip", "unzip")
    # Info-ZIP refuses names that its build's file system could not hold.
    found = Tree.of([one for one in odd_tree() if LONG not in one.path])
    write_zip(found, tmp_path / "x.zip")
    run = subprocess.run(
        ["unzip", "-q", "x.zip", "-d", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )
    root = tmp_path / "out"
    left = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if not p.is_dir()}

    assert (run.returncode, run.stderr) == (0, "")
    assert sorted(left) == sorted(one.path for one in found)
    assert all(left[one.path].read_bytes() == ODD[one.path] for one in found if one.path in ODD)
    assert str(left["data/link"].readlink()) == "empty"
    assert left["bin/tool"].stat().st_mode & 0o777 == 0o755
    assert left["app.py"].stat().st_mode & 0o777 == 0o644


def test_replaces_the_one_before(tmp_path: Path) -> None:
    """A second build replaces the first, and leaves nothing beside it."""
    out = tmp_path / "dist" / "x.zip"
    write_zip(tree({"a": b"old"}), out)
    facts = write_zip(tree({"a": b"new"}), out)

    assert facts.size_bytes == out.stat().st_size
    assert list(out.parent.iterdir()) == [out]


def test_failure_leaves_the_one_before(tmp_path: Path) -> None:
    """A source file that changes under the reader stops the build; the old ZIP stays whole."""
    out = tmp_path / "x.zip"
    before = write_zip(tree({"a": b"old"}), out)
    changed = FileEntry(path="b", size_bytes=1, owner="source", content=Bytes(b"grown"))

    with pytest.raises(CannotBuild, match="changed while it was read"):
        write_zip(Tree.of([entry("a", b"new"), changed]), out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == before.digest.hex
    assert list(tmp_path.iterdir()) == [out]


def test_mode_follows_the_umask(tmp_path: Path) -> None:
    """The user's own file: readable as the umask says, not as a temporary file is."""
    old = os.umask(0o022)
    try:
        write_zip(tree({"a": b"1"}), tmp_path / "x.zip")
    finally:
        os.umask(old)

    assert (tmp_path / "x.zip").stat().st_mode & 0o777 == 0o644


def test_too_many_files(tmp_path: Path) -> None:
    """lambda_rules Z14: what would take ZIP64 is refused, and nothing is written."""
    many = Tree(tuple(entry(f"{n:05}") for n in range(65_535)))

    with pytest.raises(CannotBuild, match="at most 65534 files"):
        write_zip(many, tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    """A disk that refuses is an error that names the file."""
    (tmp_path / "x.zip").mkdir()

    with pytest.raises(CannotBuild, match=r"x\.zip cannot be written"):
        write_zip(tree({"a": b"1"}), tmp_path / "x.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
