"""What Lambda's unpacker and every other reader of tar must find."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given

from imagekit.model.errors import CannotBuild
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.oci.tar import END, MTIME, file_header, folder_header, link_header, tar_bytes
from tests.oci.trees import LONG, ODD, TREES, entry, odd_tree, tree
from tests.services.needs import needs


def opened(data: bytes | bytearray) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return tar.getmembers()


def contents(data: bytes | bytearray) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        files = [member for member in tar if member.isreg()]
        return {member.name: tar.extractfile(member).read() for member in files}  # type: ignore[union-attr] # a file has one


@given(TREES)
def test_reads_back_the_same(found: Tree) -> None:
    """Python's tarfile finds every file, link and mode of any tree, and nothing else."""
    data = tar_bytes(found, "/var/task")
    files = {e.path: e for e in found if e.link_target is None}
    links = {e.path: e.link_target for e in found if e.link_target is not None}
    members = opened(data)

    assert contents(data) == {f"var/task/{p}": e.content.read() for p, e in files.items()}
    assert {m.name: m.linkname for m in members if m.issym()} == {
        f"var/task/{path}": target for path, target in links.items()
    }
    for member in members:
        if member.isreg():
            wanted = files[member.name.removeprefix("var/task/")].executable
            assert member.mode == (0o755 if wanted else 0o644)


@given(TREES)
def test_parents_come_first_and_paths_once(found: Tree) -> None:
    """lambda_rules T1, T2, T9: every ancestor is in this very tar, before what it holds, once."""
    seen: set[str] = set()
    for member in opened(tar_bytes(found, "/opt/python")):
        parent = member.name.rpartition("/")[0]
        assert parent in seen or not parent
        assert member.name not in seen
        seen.add(member.name)

    assert {"opt", "opt/python"} <= seen


@given(TREES)
def test_only_plain_members(found: Tree) -> None:
    """T3, T10, T12, T15, T16: files, folders and links; root's; whole seconds; relative names."""
    for member in opened(tar_bytes(found, "/var/task")):
        assert member.isreg() or member.isdir() or member.issym()
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert member.mtime == MTIME
        assert not member.name.startswith(("/", "./"))
        assert "mtime" not in member.pax_headers
        assert member.isreg() or member.size == 0
        assert not member.isdir() or member.mode == 0o755


def test_root_may_be_the_top() -> None:
    """A base's own tree starts at `/`: nothing stands before it."""
    members = opened(tar_bytes(tree({"etc/passwd": b"root"}), "/"))

    assert [member.name for member in members] == ["etc", "etc/passwd"]


def test_empty_tree_still_has_its_root() -> None:
    """A layer without files is a valid tar with the folders of its root (T8: never no bytes)."""
    assert [member.name for member in opened(tar_bytes(Tree(), "/var/task"))] == ["var", "var/task"]


def test_ends_with_two_empty_blocks() -> None:
    """POSIX: two blocks of zeros close an archive; one rule, no padding to 10 KiB."""
    data = tar_bytes(tree({"a": b"x" * 512}), "/")

    assert len(data) == 512 + 512 + 1024
    assert data.endswith(END)


@pytest.mark.parametrize(
    ("path", "target"),
    [("a.py", None), ("x" * 100, None), (f"{'d' * 60}/{'e' * 60}.py", None), ("a", "b" * 100)],
)
def test_same_header_as_tarfile(path: str, target: str | None) -> None:
    """What ustar can hold is, byte for byte, what Python's tarfile writes as ustar."""
    info = tarfile.TarInfo(path)
    info.mtime = MTIME
    if target:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    theirs = info.tobuf(tarfile.USTAR_FORMAT)
    ours = link_header(path, target) if target else file_header(path, 0)

    # Device numbers are NUL there and "0000000" here, as Go and GNU tar write them; the checksum
    # counts them.
    assert ours[:148] + ours[156:329] + ours[345:] == (
        theirs[:148] + theirs[156:329] + theirs[345:]
    )
    assert tarfile.TarInfo.frombuf(ours, "ascii", "strict").chksum == sum(ours) - sum(
        ours[148:156]
    ) + 8 * ord(" ")


@pytest.mark.parametrize(
    ("path", "blocks"),
    [
        ("x" * 100, 1),
        ("x" * 101, 3),
        (f"{'d' * 100}/{'e' * 100}", 1),
        (f"{'d' * 155}/{'e' * 100}", 1),
        (f"{'d' * 156}/{'e' * 100}", 3),
        (LONG, 3),
        ("é", 3),
    ],
)
def test_pax_only_where_a_name_needs_it(path: str, blocks: int) -> None:
    """A name that ustar holds, split or not, has one header; any other has PAX before it."""
    header = file_header(path, 0)

    assert len(header) == blocks * 512
    assert [member.name for member in opened(header + END)] == [path]


@pytest.mark.parametrize("length", [99, 100, 154, 155, 156, 255, 256, 500])
def test_folder_names_of_any_length(length: int) -> None:
    """A folder's closing slash counts, and no name is cut at it."""
    path = ("y" * 50 + "/") * 12
    path = path[:length].rstrip("/") + "z"

    assert [(m.name, m.isdir()) for m in opened(folder_header(path) + END)] == [(path, True)]


def test_over_eight_gigabytes() -> None:
    """A size that eleven octal digits cannot hold stands in a PAX record."""
    header = file_header("model.bin", 9 << 30)
    info = tarfile.TarInfo.frombuf(header[-512:], "ascii", "strict")

    assert b"size=9663676416\n" in header
    assert (info.name, info.size) == ("model.bin", 0)


def test_gnu_tar_unpacks_it(tmp_path: Path) -> None:
    """GNU tar leaves exactly the tree's files behind, odd names and all."""
    needs("GNU tar", "tar")
    found = odd_tree()
    run = subprocess.run(
        ["tar", "-x", "-f", "-"],
        input=tar_bytes(found, "/var/task"),
        cwd=tmp_path,
        check=False,
        capture_output=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    root = tmp_path / "var" / "task"
    left = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if not p.is_dir()}

    assert (run.returncode, run.stderr) == (0, b"")
    assert sorted(left) == sorted(e.path for e in found)
    assert {path: left[path].read_bytes() for path in ODD} == ODD
    assert str(left["data/far"].readlink()) == f"../{LONG}/deep.py"
    assert left["bin/tool"].stat().st_mode & 0o777 == 0o755


def test_file_that_changes_is_refused() -> None:
    """A source file that grows between the listing and the reading stops the build."""
    grown = FileEntry(path="app.py", size_bytes=3, owner="source", content=Bytes(b"longer"))

    with pytest.raises(CannotBuild, match=r"app\.py of source changed while it was read"):
        tar_bytes(Tree.of([grown]), "/var/task")


def test_name_that_is_not_unicode_is_refused() -> None:
    """Linux allows any bytes in a name; such a file is named, not guessed at."""
    with pytest.raises(CannotBuild, match="not Unicode"):
        tar_bytes(Tree.of([entry("caf\udce9.txt")]), "/var/task")


def test_ten_thousand_files_are_quick() -> None:
    """Making a header takes microseconds: code changes must be seen within 0.35 s."""
    many = tree({f"p{n % 97}/m{n}.py": b"" for n in range(10_000)})
    started = time.process_time()
    tar_bytes(many, "/var/task")

    assert time.process_time() - started < 0.6
