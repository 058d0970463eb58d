"""Artefacts made by hand: a sound image and a sound ZIP, and what it takes to break them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.check.opened import OpenImage, OpenLayer, OpenZip
from imagekit.model.digest import Digest
from imagekit.model.image import CONFIG, LAYER, MANIFEST, Descriptor, Family
from imagekit.model.lambda_layer import ATTACHED, LambdaLayer, description, layer_name
from imagekit.model.target import Target
from imagekit.model.tree import ancestors
from tests.contents.test_elf import X86_64, elf

TARGET = Target.managed("3.13", "x86_64")
HANDLER = "app.handler"
SOURCE = b"def handler(event, context):\n    return 'hello'\n"
PYTHON = "usr/bin/python3.13"
CLIENT = "usr/lib/python3/dist-packages/awslambdaric/__init__.py"
NATIVE = elf(X86_64, ("GLIBC_2.28",))


class Member(Struct, frozen=True, kw_only=True):
    """One member of a tar; `name` as it is to be spelt."""

    name: str
    data: bytes = b""
    mode: int = 0o644
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    pax: dict[str, str] = field(default_factory=dict)
    mtime: int = 0


def folder(name: str, mode: int = 0o755) -> Member:
    return Member(name=name, mode=mode, kind=tarfile.DIRTYPE)


def link(name: str, target: str) -> Member:
    return Member(name=name, mode=0o777, kind=tarfile.SYMTYPE, link=target)


def with_folders(*members: Member) -> list[Member]:
    """Sorted, every folder first, as Lambda wants it."""
    found = {place: folder(place) for one in members for place in ancestors(one.name)}
    found |= {one.name: one for one in members}
    return [found[name] for name in sorted(found)]


def tar(members: Iterable[Member], format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.size, info.mode, info.type = len(member.data), member.mode, member.kind
            info.linkname, info.mtime = member.link, member.mtime
            info.pax_headers = dict(member.pax)
            archive.addfile(info, io.BytesIO(member.data))
    return out.getvalue()


BASE = (
    Member(name=PYTHON, data=NATIVE, mode=0o755),
    Member(name=CLIENT, data=b"# the runtime client\n"),
    Member(name="opt/README", data=b"nothing\n"),
)
CODE = (Member(name="var/task/app.py", data=SOURCE),)


class MadeLayer(Struct, frozen=True, kw_only=True):
    """A layer as it will lie in the image."""

    blob: bytes
    tar: bytes
    media_type: str = ""
    """Empty for the family's own."""
    ours: bool = False
    here: bool = True

    @classmethod
    def of(cls, *members: Member, **more: Any) -> MadeLayer:
        return cls.raw(tar(with_folders(*members)), **more)

    @classmethod
    def raw(cls, data: bytes, **more: Any) -> MadeLayer:
        return cls(blob=gzip.compress(data, 1, mtime=0), tar=data, **more)


class MadeImage(Struct, frozen=True, kw_only=True):
    """An image to break: every part can be replaced before its documents are written."""

    layers: tuple[MadeLayer, ...] = (MadeLayer.of(*BASE), MadeLayer.of(*CODE))
    family: Family = "oci"
    config: dict[str, Any] = field(
        default_factory=lambda: {
            "Entrypoint": [f"/{PYTHON}", "-m", "awslambdaric"],
            "Cmd": [HANDLER],
            "WorkingDir": "/var/task",
            "Env": ["PATH=/usr/bin:/bin"],
        }
    )
    settings: dict[str, Any] = field(default_factory=dict)
    """Beside `config` in the config."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """Replaces keys of the manifest; None removes one."""
    media_type: str | None = None
    opened: dict[str, Any] = field(default_factory=dict)
    """Replaces fields of the OpenImage."""

    def with_config(self, **changes: Any) -> MadeImage:
        return replace(self, config=self.config | changes)

    def with_code(self, *members: Member, ours: bool = False) -> MadeImage:
        """The function's layer holds these, too."""
        return replace(self, layers=(self.layers[0], MadeLayer.of(*CODE, *members, ours=ours)))

    def with_layer(self, layer: MadeLayer) -> MadeImage:
        """One more layer on top."""
        return replace(self, layers=(*self.layers, layer))

    def open(self) -> OpenImage:
        layers = tuple(self._layer(layer) for layer in self.layers)
        config = _json(self._config())
        manifest = _json(self._manifest(config, layers))
        image = OpenImage(
            name="made",
            manifest_bytes=manifest,
            media_type=self.media_type or MANIFEST[self.family],
            config_bytes=config,
            layers=layers,
            glibc=(2, 34),
        )
        return replace(image, **self.opened)

    def _config(self) -> dict[str, Any]:
        return {
            "architecture": "amd64",
            "os": "linux",
            "config": self.config,
            "rootfs": {
                "type": "layers",
                "diff_ids": [str(Digest.of(layer.tar)) for layer in self.layers],
            },
        } | self.settings

    def _manifest(self, config: bytes, layers: tuple[OpenLayer, ...]) -> dict[str, Any]:
        made = {
            "schemaVersion": 2,
            "mediaType": MANIFEST[self.family],
            "config": {
                "mediaType": CONFIG[self.family],
                "digest": str(Digest.of(config)),
                "size": len(config),
            },
            "layers": [_descriptor(layer.descriptor) for layer in layers if layer.descriptor],
        } | self.manifest
        return {key: value for key, value in made.items() if value is not None}

    def _layer(self, layer: MadeLayer) -> OpenLayer:
        return OpenLayer(
            descriptor=Descriptor(
                media_type=layer.media_type or LAYER[self.family],
                digest=Digest.of(layer.blob),
                size_bytes=len(layer.blob),
            ),
            open=(lambda: io.BytesIO(layer.blob)) if layer.here else None,
            ours=layer.ours,
        )


def _descriptor(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size_bytes,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def zip_info(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def made_zip(*members: tuple[zipfile.ZipInfo, bytes], handler: str | None = HANDLER) -> OpenZip:
    """A ZIP of these members and nothing else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for info, data in members:
            archive.writestr(info, data)
    return OpenZip(name="made.zip", source=out, target=TARGET, handler=handler)


APP = (zip_info("app.py"), SOURCE)
DOOR = (zip_info("app.py"), b'exec(__import__("imagekit_loader.start"))\n')
BEHIND = (zip_info("app.imagekit.py"), SOURCE)
LOADER = (zip_info("imagekit_loader/start.py"), b"")
S3 = (zip_info("imagekit_loader/s3.py"), b"")


def sound_zip(*more: tuple[zipfile.ZipInfo, bytes]) -> OpenZip:
    """A ZIP that Lambda takes, with more in it."""
    return made_zip(APP, *more)


def packed(*members: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    """The bytes of an archive of these members."""
    source = made_zip(*members).source
    assert isinstance(source, io.BytesIO)
    return source.getvalue()


def encrypted(made: OpenZip, name: str) -> OpenZip:
    """The same, one member of which says that it is encrypted (APPNOTE.TXT 4.4.4, bit 0)."""
    assert isinstance(made.source, io.BytesIO)
    data, path = bytearray(made.source.getvalue()), name.encode()
    local = data.index(path) - 30
    central = data.index(path, local + 30 + len(path)) - 46
    assert data.startswith(b"PK\3\4", local) and data.startswith(b"PK\1\2", central)
    data[local + 6] |= 1
    data[central + 8] |= 1
    return replace(made, source=io.BytesIO(bytes(data)))


def layered(
    *layers: bytes, code: tuple[tuple[zipfile.ZipInfo, bytes], ...] = (APP,), at_hand: int = 9
) -> OpenZip:
    """A ZIP that names these archives as its Lambda layers; the first `at_hand` lie beside it."""
    named = tuple(
        LambdaLayer(
            name=layer_name(f"{number}", "3.13", "x86_64"),
            parts=("demo",),
            unzipped_bytes=len(data),
            size_bytes=len(data),
            digest=Digest.of(data),
        )
        for number, data in enumerate(layers)
    )
    made = made_zip(*code, (zip_info(ATTACHED), description(named)))
    return replace(made, layers=tuple(io.BytesIO(data) for data in layers[:at_hand]))


def bundle(rest: bytes, **more: str) -> tuple[zipfile.ZipInfo, bytes]:
    """What the loader reads about `rest`, which it unpacks as one part."""
    with zipfile.ZipFile(io.BytesIO(rest)) as opened:
        end = opened.start_dir
    found = {
        "digest": hashlib.sha256(rest).hexdigest(),
        "size_bytes": len(rest),
        "unpacked_bytes": end,
        "parts": [[0, end, hashlib.sha256(rest[:end]).hexdigest()]],
        "executable": [],
        "links": {},
    }
    return zip_info("imagekit_loader/bundle.json"), _json(found | more)


def archive(data: bytes) -> tuple[zipfile.ZipInfo, bytes]:
    """`data` where the loader looks for it."""
    info = zip_info("imagekit_loader/packages.zip")
    info.compress_type = zipfile.ZIP_STORED
    return info, data
