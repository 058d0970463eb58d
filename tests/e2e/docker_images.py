"""What lies in images, whoever made them: files as they are seen once every layer is applied."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.projects import blob, read_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One file: its permissions, and its bytes' digest or its link's target."""

    mode: int
    content: str


def seen_files(layout: Path, root: str) -> dict[str, Seen]:
    """Files below `root` of the layers in the layout, the later ones over the earlier."""
    files: dict[str, Seen] = {}
    for layer in read_manifest(layout)["layers"]:
        path = blob(layout, layer["digest"])
        if path.exists():
            _apply(path, root, files)
    return files


def _apply(layer: Path, root: str, files: dict[str, Seen]) -> None:
    with tarfile.open(layer) as tar:
        for info in tar:
            if not info.name.startswith(root) or info.isdir():
                continue
            assert not Path(info.name).name.startswith(".wh."), info.name
            files[info.name] = Seen(mode=info.mode & 0o7777, content=_content(tar, info))


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> str:
    if info.issym():
        return info.linkname
    file = tar.extractfile(info)
    assert file is not None, info.name
    data = file.read()
    if "/bin/" in info.name:  # a script's first line names the interpreter
        data = data.partition(b"\n")[2]
    if info.name.endswith(".dist-info/RECORD"):  # which tells of scripts, too
        data = b"\n".join(sorted(one for one in data.split(b"\n") if not one.startswith(b"bin/")))
    return hashlib.sha256(data).hexdigest()


def folders(layout: Path, root: str) -> dict[str, int]:
    """Folders below `root` with their permissions."""
    found: dict[str, int] = {}
    for layer in read_manifest(layout)["layers"]:
        path = blob(layout, layer["digest"])
        if path.exists():
            with tarfile.open(path) as tar:
                inside = (each for each in tar if each.isdir() and each.name.startswith(root))
                found |= {each.name: each.mode & 0o7777 for each in inside}
    return found


def engine_images(host: str) -> set[str]:
    """Ids of all images that have a name in the engine."""
    from tests.services.docker import connect

    client: Any = connect(host)
    try:
        return {str(image.id) for image in client.images.list() if image.tags}
    finally:
        client.close()
