"""One broken artefact for each rule: sound but for the one thing that the rule is about."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from imagekit.check.opened import OpenImage, OpenZip
from imagekit.model.digest import Digest
from imagekit.model.image import INDEXES, LAYER, Family, LayerRecord
from tests.check.make import (
    APP,
    BEHIND,
    CODE,
    DOOR,
    LOADER,
    SOURCE,
    MadeImage,
    MadeLayer,
    Member,
    archive,
    bundle,
    folder,
    layered,
    made_zip,
    packed,
    sound_zip,
    tar,
    with_folders,
    zip_info,
)
from tests.contents.test_elf import AARCH64, X86_64, elf

OCI_TAR = "application/vnd.oci.image.layer.v1.tar"
DOCKER_TAR = "application/vnd.docker.image.rootfs.diff.tar"
SOUND = MadeImage()
DEMO = (zip_info("python/demo/__init__.py"), b"ANSWER = 42\n")

AWS = replace(
    SOUND,
    layers=(
        MadeLayer.of(
            Member(name="lambda-entrypoint.sh", data=b"#!/bin/sh\n", mode=0o755),
            Member(name="var/runtime/bootstrap", data=b"#!/bin/sh\n", mode=0o755),
            Member(name="var/lang/bin/python3.13", data=elf(X86_64, None), mode=0o755),
        ),
        MadeLayer.of(*CODE),
    ),
    config={
        "Entrypoint": ["/lambda-entrypoint.sh"],
        "Cmd": ["app.handler"],
        "WorkingDir": "/var/task",
        "Env": [
            "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime",
            "LAMBDA_TASK_ROOT=/var/task",
        ],
    },
)
"""As AWS's own base says it, with a function on top."""


def pyc(magic: int = 3571, flags: int = 0, first: int = 0, second: int = len(SOURCE)) -> bytes:
    """A `.pyc` of Python 3.13 for a source of the size of SOURCE with the time 0."""
    return struct.pack("<HH", magic, 0x0A0D) + struct.pack("<III", flags, first, second) + b"code"


def in_layer(*members: Member) -> Callable[[], OpenImage]:
    """A layer on top with these members, exactly as they are."""
    return lambda: SOUND.with_layer(MadeLayer.raw(tar(members))).open()


def in_code(*members: Member) -> Callable[[], OpenImage]:
    return lambda: SOUND.with_code(*members).open()


def config(**changes: Any) -> Callable[[], OpenImage]:
    return lambda: SOUND.with_config(**changes).open()


def layer_type(media_type: str, *, gzipped: bool = True) -> Callable[[], OpenImage]:
    """The function's layer has another media type."""
    data = tar(with_folders(*CODE))
    blob = gzip.compress(data, 1, mtime=0) if gzipped else data
    layer = MadeLayer(blob=blob, tar=data, media_type=media_type)
    family: Family = "docker" if media_type == DOCKER_TAR else "oci"
    return lambda: replace(SOUND, layers=(SOUND.layers[0], layer), family=family).open()


def zstd() -> OpenImage:
    layer = MadeLayer(blob=b"\x28\xb5\x2f\xfd" + bytes(20), tar=b"")
    return SOUND.with_layer(layer).open()


def mixed_family() -> OpenImage:
    top = replace(SOUND.layers[1], media_type=LAYER["docker"])
    return replace(SOUND, layers=(SOUND.layers[0], top)).open()


def many_layers(count: int) -> Callable[[], OpenImage]:
    """Docker's names are long, so the short OCI ones keep the manifest small enough for M11."""
    empty = MadeLayer.raw(tar([folder("opt")]))

    def made() -> OpenImage:
        image = SOUND
        for _ in range(count - len(SOUND.layers)):
            image = image.with_layer(empty)
        return image.open()

    return made


def annotated(characters: int) -> Callable[[], OpenImage]:
    return lambda: replace(SOUND, manifest={"annotations": {"note": "x" * characters}}).open()


def huge() -> OpenImage:
    """A layer of 11 GiB that is not here: its record says so."""
    image = SOUND.with_layer(replace(MadeLayer.of(*CODE), here=False)).open()
    record = LayerRecord(
        fingerprint=Digest.of(b""),
        diff_id=Digest.of(b""),
        digest=Digest.of(b""),
        size_bytes=1,
        unzipped_bytes=1,
        tar_bytes=11 * 1024**3,
        files=1,
    )
    return replace(image, layers=(*image.layers[:-1], replace(image.layers[-1], known=record)))


def other_bytes() -> OpenImage:
    image = SOUND.open()
    other = gzip.compress(tar(with_folders(*CODE, Member(name="opt/more"))), 1, mtime=0)
    return replace(
        image, layers=(image.layers[0], replace(image.layers[1], open=lambda: io.BytesIO(other)))
    )


def uncompressed() -> OpenImage:
    data = tar(with_folders(*CODE))
    return replace(SOUND, layers=(SOUND.layers[0], MadeLayer(blob=data, tar=data))).open()


def zero_blob() -> OpenImage:
    image = SOUND.open()
    manifest = (image.manifest_bytes or b"").replace(
        str(image.layers[1].descriptor.digest).encode() if image.layers[1].descriptor else b"",
        str(Digest.of(b"")).encode(),
    )
    return replace(image, manifest_bytes=manifest)


def twice() -> OpenZip:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return sound_zip((zip_info("data.txt"), b"1"), (zip_info("data.txt"), b"1"))


def windows() -> OpenZip:
    info = zip_info("data.txt")
    info.create_system, info.external_attr = 0, 0x20
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(*APP)
        with archive.open(info, "w") as member:
            member.write(b"data")
        archive.filelist[-1].external_attr = 0x20
    return replace(sound_zip(), source=out)


def no_time() -> OpenZip:
    made = sound_zip((zip_info("data.txt"), b"data"))
    assert isinstance(made.source, io.BytesIO)
    data = bytearray(made.source.getvalue())
    at = data.rindex(b"PK\1\2") + 14
    data[at : at + 2] = b"\0\0"
    return replace(made, source=io.BytesIO(bytes(data)))


def zeros(size_bytes: int) -> tuple[zipfile.ZipInfo, bytes]:
    return zip_info("zeros.bin"), bytes(size_bytes)


def stored(size_bytes: int) -> tuple[zipfile.ZipInfo, bytes]:
    info = zip_info("zeros.bin")
    info.compress_type = zipfile.ZIP_STORED
    return info, bytes(size_bytes)


Artefact = OpenImage | OpenZip


def corrupt() -> OpenZip:
    """What is unpacked at start is not what was built, and its own CRC fits it."""
    built, spoilt = (packed((zip_info("demo.py"), text)) for text in (b"A = 1", b"A = 2"))
    return made_zip(DOOR, BEHIND, LOADER, bundle(built), archive(spoilt))


BROKEN: dict[str, Callable[[], Artefact]] = {
    "M1": lambda: replace(SOUND, media_type="application/vnd.cncf.helm.chart.v1+json").open(),
    "M2": lambda: replace(SOUND, media_type=INDEXES[0], manifest={"manifests": []}).open(),
    "M2b": layer_type("application/vnd.in-toto+json"),
    "M4": lambda: replace(
        SOUND,
        manifest={
            "config": {
                "mediaType": "application/vnd.cncf.helm.config.v1+json",
                "digest": str(Digest.of(SOUND.open().config_bytes)),
            }
        },
    ).open(),
    "M5": layer_type("application/vnd.example.layer"),
    "M6": layer_type(DOCKER_TAR, gzipped=False),
    "M7": layer_type(OCI_TAR, gzipped=False),
    "M8": zstd,
    "M9": layer_type("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    "M10": mixed_family,
    "M11": annotated(25_400),
    "M12": annotated(4_194_304),
    "M13": config(Env=["PATH=/usr/bin", "BIG=" + "x" * 16_384]),
    "M14": config(User="app", Healthcheck={"Test": ["CMD", "true"]}),
    "M15": config(Entrypoint=["/usr/bin/python3.99", "-m", "awslambdaric"]),
    "M16": config(WorkingDir="/srv/nowhere", Env=["PYTHONPATH=/var/task"]),
    "M17": lambda: replace(SOUND, settings={"os": "windows"}).open(),
    "M18": lambda: replace(SOUND, opened={"architecture": "arm64"}).open(),
    "M20": other_bytes,
    "M21": lambda: AWS.with_config(Cmd=["app.handler", "more"]).open(),
    "M22": config(Cmd=["elsewhere.handler"]),
    "M23": config(Cmd=[]),
    "E10": lambda: replace(SOUND, manifest={"mediaType": None}).open(),
    "T1": in_layer(folder("opt"), Member(name="opt/a/b.txt")),
    "T2": in_layer(folder("opt"), Member(name="opt/a/b.txt"), folder("opt/a")),
    "T3": in_layer(
        folder("opt"),
        Member(name="opt/a"),
        Member(name="opt/b", kind=tarfile.LNKTYPE, link="opt/a"),
    ),
    "T5": uncompressed,
    "T6": huge,
    "T7": many_layers(128),
    "T8": zero_blob,
    "T9": in_layer(folder("opt"), Member(name="opt/a"), Member(name="opt/a")),
    "T10": in_layer(folder("opt"), Member(name="opt/pipe", kind=tarfile.FIFOTYPE)),
    "T11": in_layer(
        folder("opt"), Member(name="opt/a", pax={"SCHILY.xattr.security.capability": "x"})
    ),
    "T12": in_layer(folder("opt"), Member(name="opt/a", pax={"mtime": "1.5"})),
    "T14": in_layer(folder("opt"), Member(name="opt/.wh.notes", data=b"real")),
    "T15": in_layer(folder("./opt"), Member(name="./opt/a")),
    "P2": in_code(Member(name="var/task/secret.txt", mode=0o600)),
    "R1": in_code(Member(name="var/task/native.so", data=elf(AARCH64, ("GLIBC_2.17",)))),
    "R3": lambda: AWS.with_config(
        Env=["PATH=/usr/bin", "LD_LIBRARY_PATH=/var/lang/lib", "LAMBDA_TASK_ROOT=/var/task"]
    ).open(),
    "R5": lambda: AWS.with_code(Member(name="var/task/urllib3/__init__.py")).open(),
    "R7": lambda: AWS.with_config(Env=[*AWS.config["Env"], "PYTHONPATH=/opt/mine"]).open(),
    "C6": in_code(Member(name="var/task/__pycache__/gone.cpython-313.pyc", data=pyc())),
    "C7": in_code(Member(name="var/task/__pycache__/app.cpython-313.pyc", data=pyc(first=99))),
    "C8": in_code(Member(name="var/task/__pycache__/app.cpython-312.pyc", data=pyc(magic=3531))),
    "X1": in_code(Member(name="opt/extensions/agent", data=b"#!/bin/sh\n")),
    "X2": in_code(
        *(
            Member(name=f"opt/extensions/{each}", data=b"#!/bin/sh\n", mode=0o755)
            for each in range(11)
        )
    ),
    "Z1": lambda: sound_zip(zeros(262_144_000 - len(SOURCE))),
    "Z2": lambda: sound_zip(stored(52_428_800)),
    "Z5": lambda: layered(*[packed(DEMO)] * 6),
    "Z6": lambda: layered(packed((zip_info("demo/__init__.py"), b""))),
    "Z7": lambda: made_zip((zip_info("function/app.py"), SOURCE)),
    "Z8": windows,
    "Z9": no_time,
    "Z10": lambda: sound_zip((zip_info("lib.so", 0o120777), b"lib.so.1")),
    "Z11": lambda: replace(sound_zip(), source=io.BytesIO(b"no archive")),
    "Z13": lambda: sound_zip((zip_info("urllib3/__init__.py"), b"")),
    "Z14": twice,
    "U1": corrupt,
    "U2": lambda: replace(layered(packed(DEMO)), layers=(io.BytesIO(packed(APP)),)),
}
"""By rule id."""
