"""Images that others made: layers as gzip files, put into a registry with plain HTTP."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

Family = Literal["docker", "oci"]
_TYPES: dict[Family, tuple[str, str, str]] = {
    "docker": (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    "oci": (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
}


class MadeLayer(Struct, frozen=True, kw_only=True):
    """A gzip-compressed tar on disk, and the digest of the tar in it."""

    path: Path
    diff_id: str

    @classmethod
    def of(cls, path: Path) -> MadeLayer:
        """Read the digest of the uncompressed bytes."""
        with gzip.open(path) as tar:
            return cls(
                path=path, diff_id=f"sha256:{hashlib.file_digest(tar, 'sha256').hexdigest()}"
            )


class Blob(Struct, frozen=True, kw_only=True):
    """Bytes under their digest."""

    data: bytes

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"

    def descriptor(self, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": self.digest, "size": len(self.data)}


def layer_of(
    files: Mapping[str, bytes | str], folder: Path, modes: Mapping[str, int] | None = None
) -> MadeLayer:
    """A layer with these files; text is a link's target; scripts (`#!`) can be run.

    `modes` has those that are other than usual, by path.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders = {str(parent) for path in files for parent in Path(path).parents} - {"."}
        for name in sorted(folders | set(files)):
            info, data = _entry(name, files.get(name))
            info.mode = (modes or {}).get(name, info.mode)
            tar.addfile(info, io.BytesIO(data))
    digest = hashlib.sha256(stream.getvalue()).hexdigest()
    path = folder / f"{digest}.tar.gz"
    path.write_bytes(gzip.compress(stream.getvalue(), 1, mtime=0))
    return MadeLayer(path=path, diff_id=f"sha256:{digest}")


def _entry(name: str, content: bytes | str | None) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = 0o755, 0
    match content:
        case None:
            info.type = tarfile.DIRTYPE
            return info, b""
        case str():
            info.type, info.linkname = tarfile.SYMTYPE, content
            return info, b""
        case bytes():
            info.size = len(content)
            info.mode = 0o755 if content.startswith(b"#!") else 0o644
            return info, content


def put_image(
    registry: str,
    name: str,
    layers: Iterable[MadeLayer],
    config: Mapping[str, object],
    *,
    architecture: str = "amd64",
    family: Family = "docker",
) -> str:
    """Put an image under `REPOSITORY:TAG`; the reference with its digest."""
    repository, _, tag = name.partition(":")
    manifest_type, config_type, layer_type = _TYPES[family]
    made = tuple(layers)
    blobs = [Blob(data=layer.path.read_bytes()) for layer in made]
    settings = Blob(
        data=_json(
            {
                "architecture": architecture,
                "os": "linux",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in made]},
                "history": [{"created_by": "tests"} for _ in made],
            }
        )
    )
    manifest = Blob(
        data=_json(
            {
                "schemaVersion": 2,
                "mediaType": manifest_type,
                "config": settings.descriptor(config_type),
                "layers": [blob.descriptor(layer_type) for blob in blobs],
            }
        )
    )
    for blob in (*blobs, settings):
        _put_blob(registry, repository, blob)
    _ask(registry, "PUT", f"/v2/{repository}/manifests/{tag}", manifest.data, manifest_type)
    return f"{registry}/{repository}@{manifest.digest}"


def put_index(registry: str, name: str, manifests: Mapping[str, str]) -> str:
    """Put a manifest list: architecture to the reference (with digest) of an image there."""
    repository, _, tag = name.partition(":")
    entries = []
    for architecture, reference in manifests.items():
        digest = reference.partition("@")[2]
        path = f"/v2/{repository}/manifests/{digest}"
        size = int(_header(registry, path, "Content-Length"))
        entries.append(
            {
                "mediaType": _TYPES["docker"][0],
                "digest": digest,
                "size": size,
                "platform": {"architecture": architecture, "os": "linux"},
            }
        )
    kind = "application/vnd.docker.distribution.manifest.list.v2+json"
    index = Blob(data=_json({"schemaVersion": 2, "mediaType": kind, "manifests": entries}))
    _ask(registry, "PUT", f"/v2/{repository}/manifests/{tag}", index.data, kind)
    return f"{registry}/{repository}@{index.digest}"


def _header(registry: str, path: str, name: str) -> str:
    connection = http.client.HTTPConnection(registry, timeout=60)
    try:
        connection.request("HEAD", path, headers={"Accept": _TYPES["docker"][0]})
        answer = connection.getresponse()
        answer.read()
        return answer.getheader(name, "")
    finally:
        connection.close()


def _put_blob(registry: str, repository: str, blob: Blob) -> None:
    url = f"/v2/{repository}/blobs/{blob.digest}"
    if _status(registry, "HEAD", url) == 200:
        return
    place = _ask(registry, "POST", f"/v2/{repository}/blobs/uploads/").removeprefix(
        f"http://{registry}"
    )
    separator = "&" if "?" in place else "?"
    _ask(registry, "PUT", f"{place}{separator}digest={blob.digest}", blob.data)


def _ask(
    registry: str,
    method: str,
    path: str,
    body: bytes = b"",
    media_type: str = "application/octet-stream",
) -> str:
    """Send one request that must succeed; its Location."""
    connection = http.client.HTTPConnection(registry, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": media_type})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, (method, path, answer.status, said)
        return answer.getheader("Location", "")
    finally:
        connection.close()


def _status(registry: str, method: str, path: str) -> int:
    connection = http.client.HTTPConnection(registry, timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
