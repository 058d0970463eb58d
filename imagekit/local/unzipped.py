"""A ZIP as Lambda unpacks it: a tar over `/var/task`, with the modes that the ZIP says; and its
layers, one over the other, over `/opt`."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from imagekit.model.lambda_layer import LAYERS_ROOT

_UNIX = 3
_FOLDER_MODE = 0o755
"""Lambda gives every folder these; files keep theirs (lambda_rules P4)."""
_PLAIN_MODE = 0o644


def write_tar(
    archive: Path,
    target: Path,
    root: str,
    more: Mapping[str, Path] = MappingProxyType({}),
    layers: Sequence[Path] = (),
) -> None:
    """Write the files of `archive`, owned by root, below `root`. OSError, zipfile.BadZipFile.

    `more` are files of this disk, by their path below `root`, in folders that the archive has;
    `layers` are the ZIPs of its Lambda layers, of which the later ones win.
    """
    inside = PurePosixPath(root.strip("/"))
    with tarfile.open(target, "w") as tar:
        folders: set[PurePosixPath] = set()
        for layer in layers:
            _add_all(tar, layer, PurePosixPath(LAYERS_ROOT.strip("/")), folders)
        _add_all(tar, archive, inside, folders)
        for name, file in more.items():
            with file.open("rb") as opened:
                entry = _entry(inside / name, tarfile.REGTYPE, _PLAIN_MODE)
                entry.size = file.stat().st_size
                tar.addfile(entry, opened)


def _add_all(
    tar: tarfile.TarFile, archive: Path, inside: PurePosixPath, folders: set[PurePosixPath]
) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            path = inside / info.filename
            for folder in _missing(path if info.is_dir() else path.parent, folders):
                tar.addfile(_entry(folder, tarfile.DIRTYPE, _FOLDER_MODE))
            if not info.is_dir():
                _add(tar, path, info, zipped.read(info))


def _missing(path: PurePosixPath, known: set[PurePosixPath]) -> Iterator[PurePosixPath]:
    """Folders down to this one that the tar has not yet."""
    for folder in (*reversed(path.parents), path):
        if folder not in known and folder != PurePosixPath():
            known.add(folder)
            yield folder


def _add(tar: tarfile.TarFile, path: PurePosixPath, info: zipfile.ZipInfo, data: bytes) -> None:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        entry = _entry(path, tarfile.SYMTYPE, 0o777)
        entry.linkname = data.decode()
        tar.addfile(entry)
        return
    said = info.create_system == _UNIX and mode
    entry = _entry(path, tarfile.REGTYPE, stat.S_IMODE(mode) if said else _PLAIN_MODE)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def _entry(path: PurePosixPath, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.as_posix())
    entry.type, entry.mode = kind, mode
    return entry
