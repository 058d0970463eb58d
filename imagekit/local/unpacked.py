"""An artefact's own files in a folder, so that an interpreter of this machine can import them."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from msgspec import Struct
from msgspec.structs import replace

from imagekit.check.documents import parse_config
from imagekit.check.opened import OpenImage, OpenLayer, OpenZip
from imagekit.check.view import AUFS, OPAQUE, WHITEOUT
from imagekit.model.errors import CannotBuild

_TASK: Final = "/var/task"
_SHARED: Final = "/opt/python"
_TAG: Final = re.compile(r"\.cpython-3(\d+)[.-]")
_UNREADABLE: Final = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, ValueError)


class Unpacked(Struct, frozen=True, kw_only=True):
    """Where the files lie now."""

    roots: tuple[Path, ...]
    """Folders that Python looks into, the function's own first."""
    variables: Mapping[str, str]
    """Of the image."""
    python: str | None
    """The minor version that its files are made for; None where none tells."""
    unseen: int = 0
    """Layers whose bytes are not here."""


def unpack(found: OpenImage | OpenZip, folder: Path) -> Unpacked:
    """Put the function's files below `folder`; of an image those of /var/task, /opt and its path.

    CannotBuild where the artefact cannot be read.
    """
    try:
        if isinstance(found, OpenZip):
            return _zip(found, folder)
        return _image(found, folder)
    except _UNREADABLE as error:
        raise CannotBuild(what=f"{found.name} cannot be unpacked", causes=(str(error),)) from error


def with_layers(unpacked: Unpacked, layers: Sequence[Path], folder: Path) -> Unpacked:
    """The same with the Lambda layers of a ZIP below `folder`, which stands for /opt; the later
    ones win. CannotBuild where one cannot be read.
    """
    names: list[str] = []
    for layer in layers:
        try:
            with zipfile.ZipFile(layer) as archive:
                names += _extract(archive, folder)
        except _UNREADABLE as error:
            raise CannotBuild(what=f"{layer} cannot be unpacked", causes=(str(error),)) from error
    python = unpacked.python or _python(names)
    # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html, "Layer paths"
    places = (folder / f"python/lib/python{python}/site-packages", folder / "python")
    there = (place for place in places if place.is_dir())
    return replace(unpacked, roots=(*unpacked.roots, *there), python=python)


def _zip(found: OpenZip, folder: Path) -> Unpacked:
    with zipfile.ZipFile(found.source) as archive:
        names = _extract(archive, folder)
    python = found.target.python if found.target else _python(names)
    return Unpacked(roots=(folder,), variables={}, python=python)


def _extract(archive: zipfile.ZipFile, folder: Path) -> list[str]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            _link(_inside(folder, info.filename), archive.read(info).decode(), folder)
        else:
            archive.extract(info, folder)
    return archive.namelist()


def _image(found: OpenImage, folder: Path) -> Unpacked:
    config = parse_config(found.config_bytes)
    variables = config.env if config else {}
    task = variables.get("LAMBDA_TASK_ROOT") or (config and config.working_dir) or _TASK
    named = (part for part in variables.get("PYTHONPATH", "").split(":") if part.startswith("/"))
    places = tuple(dict.fromkeys((task, *named, _SHARED)))
    wanted = tuple(f"{place.strip('/')}/" for place in (*places, "/opt") if place.strip("/"))
    names: list[str] = []
    for layer in found.layers:
        names += _layer(layer, wanted, folder) if layer.open else ()
    there = (folder / place.strip("/") for place in places)
    return Unpacked(
        roots=tuple(root for root in there if root.is_dir()),
        variables=variables,
        python=found.python or _python(names),
        unseen=sum(layer.open is None for layer in found.layers),
    )


def _layer(layer: OpenLayer, wanted: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Put one layer on top; the names that it brought."""
    if layer.open is None:
        return
    with layer.open() as blob, _tar(blob) as tar:
        for member in tar:
            path = member.name.removeprefix("./").lstrip("/")
            if f"{path}/".startswith(wanted):
                _put(tar, member, path, folder)
                yield path


def _tar(blob: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=blob, mode="r|*")


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, folder: Path) -> None:
    name = PurePosixPath(path).name
    place = _inside(folder, path)
    if name == OPAQUE:
        shutil.rmtree(place.parent, ignore_errors=True)
    elif name.startswith(WHITEOUT) and not name.startswith(AUFS):
        _remove(place.with_name(name.removeprefix(WHITEOUT)))
    elif member.isdir():
        place.mkdir(parents=True, exist_ok=True)
    elif member.issym():
        _link(place, member.linkname, folder)
    elif (content := tar.extractfile(member)) is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(place)
        with place.open("wb") as file:
            shutil.copyfileobj(content, file)


def _link(place: Path, target: str, folder: Path) -> None:
    """A link; one that is absolute leads below `folder`, as the file system is there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove(place)
    if target.startswith("/"):
        target = os.path.relpath(_inside(folder, target.lstrip("/")), place.parent)
    _inside(folder, (place.parent / target).resolve().relative_to(folder.resolve()).as_posix())
    place.symlink_to(target)


def _inside(folder: Path, path: str) -> Path:
    """Below `folder`; ValueError for what would lie elsewhere."""
    if ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path} leads out of the artefact")
    return folder / path


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _python(names: Iterable[str]) -> str | None:
    """By the tags of bytecode and extension modules: `x.cpython-313.pyc` says 3.13."""
    tags = Counter(found[1] for name in names if (found := _TAG.search(name)))
    return f"3.{tags.most_common(1)[0][0]}" if tags else None
