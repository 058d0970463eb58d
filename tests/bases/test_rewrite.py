"""A distribution's root file system, made fit for Lambda."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from imagekit.bases.rewrite import RootTree, kept, read_root, root_bytes
from imagekit.model.errors import CannotBuild
from tests.bases.fake import Entry, device, folder, hard, link, tar


def root(folder_: Path, members: list[Entry]) -> RootTree:
    archive = folder_ / "root.tar"
    archive.write_bytes(tar(members))
    return read_root(archive, "Debian", folders=frozenset({"var/task"}))


def written(tree: RootTree) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(bytes(root_bytes(tree)))) as archive:
        return {member.name: member for member in archive}


def test_what_lambda_would_refuse_is_gone(tmp_path: Path) -> None:
    """No devices, no hard links, no `./`, parents before children (lambda_rules T1, T3, T10)."""
    found = written(
        root(
            tmp_path,
            [
                device("./dev/null"),
                folder("./dev/"),
                Entry(path="./usr/bin/perl", data=b"perl", mode=0o755),
                hard("./usr/bin/perl5", "./usr/bin/perl"),
                link("./bin", "usr/bin"),
            ],
        )
    )

    assert list(found) == [
        *("bin", "dev", "usr", "usr/bin", "usr/bin/perl", "usr/bin/perl5", "var", "var/task"),
    ]
    assert {member.type for member in found.values()} == {
        tarfile.REGTYPE,
        tarfile.DIRTYPE,
        tarfile.SYMTYPE,
    }
    assert found["usr/bin/perl5"].size == 4


def test_modes_and_owners_are_plain(tmp_path: Path) -> None:
    """Everyone may read, nothing is set-uid, all is root's (lambda_rules P1, P2)."""
    found = written(
        root(
            tmp_path,
            [
                folder("root", 0o700),
                Entry(path="etc/secret", mode=0o600),
                Entry(path="usr/bin/su", mode=0o4755),
                folder("tmp", 0o1777),
                folder("var/tmp", 0o1777),
            ],
        )
    )
    modes = {path: f"{member.mode:o}" for path, member in found.items()}

    assert modes["root"] == "755"
    assert modes["etc/secret"] == "644"
    assert modes["usr/bin/su"] == "755"
    assert modes["tmp"] == modes["var/tmp"] == "1777"
    assert {(one.uid, one.gid, one.uname, one.mtime) for one in found.values()} == {
        (0, 0, "", 315_532_800)
    }


@pytest.mark.parametrize(
    "path",
    [
        *("etc/hostname", "etc/resolv.conf", "etc/hosts", "etc/machine-id", "etc/shadow"),
        *("etc/passwd-", "var/log/dpkg.log", "var/cache/ldconfig/aux-cache", "dev/fd"),
        *("var/lib/apt/lists/lock", "var/lib/dpkg/status-old", "usr/share/man/man1/a.1.gz"),
        *("usr/share/locale/de/a.mo", "usr/share/doc/a/README", "root/.bashrc"),
        "usr/lib/python3.13/__pycache__/os.cpython-313.pyc",
    ],
)
def test_what_is_left_out(path: str) -> None:
    """What tells of the machine or the minute, what nobody reads, and stale bytecode."""
    assert not kept(path)


@pytest.mark.parametrize(
    "path",
    [
        *("etc/passwd", "etc/ssl/certs/ca-certificates.crt", "var/lib/dpkg/status", "var/log"),
        *("usr/share/doc/bash/copyright", "usr/share/doc/bash", "usr/share/common-licenses/GPL-3"),
        *("etc/apt/sources.list", "etc/ld.so.cache", "root", "dev", "usr/share/zoneinfo/UTC"),
        "usr/lib/python3.13/os.py",
    ],
)
def test_what_stays(path: str) -> None:
    """Licences, the package database that scanners read, and folders that others mount on."""
    assert kept(path)


def test_which_modules_were_compiled(tmp_path: Path) -> None:
    """Those that the distribution compiled are compiled anew, and no others."""
    found = root(
        tmp_path,
        [
            Entry(path="usr/lib/python3.13/os.py"),
            Entry(path="usr/lib/python3.13/__pycache__/os.cpython-313.pyc", data=b"stale"),
            Entry(path="usr/lib/python3.13/__pycache__/gone.cpython-313.pyc"),
            Entry(path="usr/share/gdb/printers.py"),
        ],
    )

    assert found.compiled == {"usr/lib/python3.13/os.py"}
    assert not any("__pycache__" in path for path in written(found))


def test_order_found_does_not_matter(tmp_path: Path) -> None:
    """The same files give the same bytes, in whatever order they were packed."""
    members = [Entry(path="b", data=b"2"), folder("c"), Entry(path="a/z", data=b"1")]

    assert root_bytes(root(tmp_path, members)) == root_bytes(root(tmp_path, members[::-1]))


def test_a_dot_at_the_start_of_a_name_stays(tmp_path: Path) -> None:
    """Only `./` goes."""
    assert set(written(root(tmp_path, [folder("./"), Entry(path="./.hidden")]))) == {
        *(".hidden", "var", "var/task"),
    }


def test_a_broken_archive(tmp_path: Path) -> None:
    """Said in plain words."""
    (tmp_path / "root.tar").write_bytes(b"no tar" * 500)

    with pytest.raises(CannotBuild, match="broken archive"):
        read_root(tmp_path / "root.tar", "Debian")
