"""A composed root file system, made fit for Lambda and the same on every machine.

What is left out: devices; what tells of the machine or the minute it was composed on; caches; and
manuals and translations, which no function reads (44 of Debian's 164 MB). `etc/shadow` goes, too:
nobody logs in to a function, it holds the day it was made, and Lambda wants every file readable by
others (lambda_rules P2). Modes become 0755 and 0644, so no set-uid bit is left: a function is
one user without rights. Copyright files stay.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.errors import CannotBuild
from imagekit.model.tree import Deflated, FileEntry, Tree, ancestors
from imagekit.oci.tar import members, written

_EMPTIED = (
    *("dev/", "proc/", "sys/", "run/", "tmp/", "root/", "var/tmp/", "var/log/", "var/cache/"),
    "var/lib/apt/lists/",
    *("usr/share/locale/", "usr/share/man/", "usr/share/info/", "usr/share/lintian/"),
)
_DROPPED = {
    *("etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/machine-id", "var/lib/dbus/machine-id"),
    *("etc/shadow", "etc/gshadow", "etc/.pwd.lock", "etc/security/opasswd"),
    *("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-"),
    *("var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/triggers/Lock"),
    *("var/lib/dpkg/status-old", "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old"),
}
_DOCS = "usr/share/doc/"
_CACHE = "__pycache__"

# Anyone may write there, and only the owner may remove: as on every Unix.
_STICKY = frozenset({"tmp", "var/tmp"})


class TarMember(Struct, frozen=True, kw_only=True):
    """Content that lies in a tar on disk."""

    path: Path
    offset: int
    size_bytes: int

    def read(self) -> bytes:
        """The file's bytes."""
        with self.path.open("rb") as tar:
            tar.seek(self.offset)
            return tar.read(self.size_bytes)

    def deflated(self) -> Deflated | None:
        """Nothing is compressed."""
        return None


class RootTree(Struct, frozen=True, kw_only=True):
    """A root file system: its files, and its folders, as some of them are empty."""

    files: Tree
    folders: frozenset[str]
    compiled: frozenset[str]
    """Modules that the distribution had compiled; what it wrote is dropped, as it is of the kind
    that a changed mtime makes useless (lambda_rules C7)."""


def kept(path: str) -> bool:
    """Whether a path of the distribution stays."""
    if path in _DROPPED or path.startswith(_EMPTIED) or _CACHE in path.split("/"):
        return False
    return not path.startswith(_DOCS) or path.endswith("/copyright") or path.count("/") == 3


def read_root(archive: Path, owner: str, folders: frozenset[str] = frozenset()) -> RootTree:
    """List what stays of a root file system in a tar; contents are read when they are needed.

    `folders` are added. Hard links become files of their own (lambda_rules T3). CannotBuild where
    the archive is not whole.
    """
    entries: dict[str, FileEntry] = {}
    found: set[str] = set(folders)
    compiled: set[str] = set()
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                path = _relative(member.name)
                if _CACHE in path.split("/"):
                    compiled.update(_source_of(path))
                elif member.isdir():
                    found.add(path)
                elif entry := _entry(member, archive, owner, entries):
                    entries[path] = entry
    except (tarfile.TarError, KeyError) as error:
        raise CannotBuild(what=f"{owner} came as a broken archive", causes=(str(error),)) from error
    files = Tree.of(entry for path, entry in entries.items() if kept(path))
    return RootTree(
        files=files,
        folders=frozenset(folder for folder in found if folder and kept(folder)),
        compiled=frozenset(entry.path for entry in files if entry.path in compiled),
    )


def root_bytes(root: RootTree) -> bytearray:
    """The root file system as the tar of a layer: sorted, and every folder written out."""
    # lambda_rules T1: every folder above a folder stands there, too.
    folders = (part for folder in root.folders for part in (folder, *ancestors(folder)))
    found = dict.fromkeys(folders) | dict(members(root.files, ""))
    return written(((path, found[path]) for path in sorted(found)), _STICKY)


def _entry(
    member: tarfile.TarInfo, archive: Path, owner: str, before: dict[str, FileEntry]
) -> FileEntry | None:
    path = _relative(member.name)
    if member.islnk():
        return replace(before[_relative(member.linkname)], path=path)
    if not (member.isreg() or member.issym()):
        return None
    size = 0 if member.issym() else member.size
    return FileEntry(
        path=path,
        size_bytes=size,
        owner=owner,
        content=TarMember(path=archive, offset=member.offset_data, size_bytes=size),
        executable=bool(member.mode & 0o100),
        link_target=member.linkname if member.issym() else None,
    )


def _source_of(path: str) -> Iterator[str]:
    """`a/__pycache__/b.cpython-313.pyc` gives `a/b.py` (PEP 3147)."""
    folder, _, name = path.rpartition("/")
    if name.endswith(".pyc") and not name.endswith((".opt-1.pyc", ".opt-2.pyc")):
        yield f"{folder.removesuffix(_CACHE)}{name.split('.')[0]}.py"


def _relative(name: str) -> str:
    path = name.removeprefix("./").strip("/")
    return "" if path == "." else path
