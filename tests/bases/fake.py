"""Small bases: tars with the few bytes that tell what a base is."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from imagekit.bases.listing import Listing, read_layer
from imagekit.model.digest import Digest
from imagekit.model.image import CONFIG, LAYER, MANIFEST, Descriptor, Family, ImageConfig
from tests.registry.fault_registry import FaultRegistry

INDEX = "application/vnd.oci.image.index.v1+json"
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
PYTHON = ELF + b"\x003.2.0\x00\x003.13.5\x00sqlite 3.46.1\x00" + bytes(64)
GLIBC = ELF + b"GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\nCopyright\x00"

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class Entry(Struct, frozen=True, kw_only=True):
    """One member of a tar, as others write them."""

    path: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    mode: int = 0o644


def link(path: str, target: str) -> Entry:
    return Entry(path=path, kind=tarfile.SYMTYPE, link=target, mode=0o777)


def hard(path: str, target: str) -> Entry:
    return Entry(path=path, kind=tarfile.LNKTYPE, link=target)


def folder(path: str, mode: int = 0o755) -> Entry:
    return Entry(path=path, kind=tarfile.DIRTYPE, mode=mode)


def device(path: str) -> Entry:
    return Entry(path=path, kind=tarfile.CHRTYPE)


def entries(files: Mapping[str, bytes | str]) -> list[Entry]:
    """Bytes are files, text is where a link leads."""
    return [
        link(path, content) if isinstance(content, str) else Entry(path=path, data=content)
        for path, content in files.items()
    ]


DEBIAN: dict[str, bytes | str] = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/bin/python3": "python3.13",
    "usr/bin/python3.13": PYTHON,
    "usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC,
    "usr/lib/python3/dist-packages/six.py": b"",
}
"""Files of a base with Debian's layout."""


def tar(members: Iterable[Entry]) -> bytes:
    """The members as a tar, in the given order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in members:
            info = tarfile.TarInfo(entry.path)
            info.type, info.mode, info.linkname = entry.kind, entry.mode, entry.link
            info.size = len(entry.data)
            archive.addfile(info, io.BytesIO(entry.data))
    return stream.getvalue()


class Layer(Struct, frozen=True, kw_only=True):
    """A compressed tar with its two names."""

    blob: bytes
    diff_id: Digest
    media_type: str = LAYER["oci"]

    @classmethod
    def of(cls, members: Iterable[Entry], media_type: str = LAYER["oci"]) -> Layer:
        data = tar(members)
        blob = gzip.compress(data, 1, mtime=0)
        return cls(blob=blob, diff_id=Digest.of(data), media_type=media_type)

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(
            media_type=self.media_type, digest=Digest.of(self.blob), size_bytes=len(self.blob)
        )

    def listing(self) -> Listing:
        return read_layer(io.BytesIO(self.blob), self.descriptor, self.diff_id, "a base")


def debian_layer(more: Mapping[str, bytes | str] | None = None) -> Layer:
    return Layer.of(entries(DEBIAN | dict(more or {})))


def config(
    *,
    architecture: str = "amd64",
    env: Mapping[str, str] | None = None,
    entrypoint: Sequence[str] = (),
) -> ImageConfig:
    return ImageConfig(
        architecture=architecture,
        env=tuple((ENV if env is None else env).items()),
        entrypoint=tuple(entrypoint),
    )


class FakeImage(Struct, frozen=True, kw_only=True):
    """An image to put into a registry."""

    layers: Sequence[Layer] = field(default_factory=lambda: [debian_layer()])
    architecture: str = "amd64"
    os: str = "linux"
    settings: Mapping[str, object] = field(
        default_factory=lambda: {"Env": [f"{key}={value}" for key, value in ENV.items()]}
    )
    family: Family = "docker"
    diff_ids: Sequence[Digest] | None = None

    @property
    def config(self) -> bytes:
        diff_ids = [layer.diff_id for layer in self.layers]
        return _json(
            {
                "architecture": self.architecture,
                "os": self.os,
                "config": self.settings,
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [str(one) for one in self.diff_ids or diff_ids],
                },
            }
        )

    @property
    def manifest(self) -> bytes:
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST[self.family],
                "config": _points(CONFIG[self.family], self.config),
                "layers": [_points(layer.media_type, layer.blob) for layer in self.layers],
            }
        )

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    def put(self, registry: FaultRegistry, repository: str, tag: str) -> None:
        for data in (*(layer.blob for layer in self.layers), self.config):
            registry.hold(repository, data)
        registry.hold_manifest(repository, tag, MANIFEST[self.family], self.manifest)


def put_index(registry: FaultRegistry, repository: str, tag: str, *images: FakeImage) -> None:
    """An index that names each image by its architecture."""
    children = []
    for image in images:
        image.put(registry, repository, str(image.digest))
        entry = _points(MANIFEST[image.family], image.manifest)
        children.append({**entry, "platform": {"architecture": image.architecture, "os": image.os}})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    registry.hold_manifest(repository, tag, INDEX, _json(index))


def _points(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
