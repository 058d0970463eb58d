"""What lies in images, whoever made them: files as they are seen once every layer is applied."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.e2e.projects import blob, read_manifest


class Seen(Struct, frozen=True, kw_only=True):
    """One path: its permissions, and its bytes' digest, its link's target, or nothing."""

    mode: int
    content: str | None = None
    """None for a folder."""


def seen(layout: Path, *roots: str) -> dict[str, Seen]:
    """What lies below `roots` in the layers of the layout, the later ones over the earlier."""
    found: dict[str, Seen] = {}
    for layer in read_manifest(layout)["layers"]:
        path = blob(layout, layer["digest"])
        if path.exists():
            with tarfile.open(path) as tar:
                found |= {
                    info.name.rstrip("/"): _seen(tar, info)
                    for info in tar
                    if info.name.startswith(roots)
                }
    assert not [path for path in found if "/.wh." in path]
    return found


def _seen(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Seen:
    mode = info.mode & 0o7777
    return Seen(mode=mode) if info.isdir() else Seen(mode=mode, content=_content(tar, info))


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


def engine_images(host: str) -> set[str]:
    """Ids of all images that have a name in the engine."""
    from tests.services.docker import connect

    client: Any = connect(host)
    try:
        return {str(image.id) for image in client.images.list() if image.tags}
    finally:
        client.close()


def forget_named(host: str, *repositories: str) -> None:
    """Remove the images that imagekit handed to the engine under these names."""
    from tests.services.docker import connect

    client: Any = connect(host)
    try:
        for repository in repositories:
            for image in client.images.list(repository):
                client.images.remove(image.id, force=True)
    finally:
        client.close()


def forget_children(host: str, *repositories: str) -> None:
    """Remove what was committed on images of these names: a ZIP's files on its base."""
    from tests.services.docker import connect

    client: Any = connect(host)
    try:
        parents = {image.id for name in repositories for image in client.images.list(name)}
        for image in client.images.list(all=True):
            if image.attrs.get("Parent") in parents and not image.tags:
                client.images.remove(image.id, force=True)
    finally:
        client.close()
