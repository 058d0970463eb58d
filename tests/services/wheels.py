"""Wheels made from a dictionary of files: valid ones, and what a hostile index would serve."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

_EPOCH = (2020, 2, 2, 0, 0, 0)
_CENTRAL = b"PK\x01\x02"
_CENTRAL_HEADER = struct.Struct("<4s6H3I5H2I")


class Member(Struct, frozen=True, kw_only=True):
    """One file of a wheel with its Unix mode; a link's data is its target."""

    path: str
    data: bytes
    mode: int = 0o644
    link: bool = False

    @property
    def external_attr(self) -> int:
        kind = stat.S_IFLNK if self.link else stat.S_IFREG
        return (kind | self.mode) << 16


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, bytes],
    *,
    tag: str = "py3-none-any",
    entry_points: Mapping[str, str] | None = None,
    data: Mapping[str, Mapping[str, bytes]] | None = None,
    executable: Iterable[str] = (),
    links: Mapping[str, str] | None = None,
    requires: Iterable[str] = (),
    requires_python: str | None = None,
    directories: Iterable[str] = (),
    compress: bool = True,
    record: bool = True,
) -> Path:
    """Write `NAME-VERSION-TAG.whl` into `folder`; the same arguments give the same bytes.

    Names are written as they are given, so that `../x` makes a wheel that climbs out.
    `data` is `.data`: scheme (`scripts`, `headers`, `data`, `purelib`, `platlib`) to its files.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    members = [
        Member(path=path, data=body, mode=0o755 if path in set(executable) else 0o644)
        for path, body in files.items()
    ]
    for scheme, inside in (data or {}).items():
        mode = 0o755 if scheme == "scripts" else 0o644
        members += [
            Member(path=f"{stem}.data/{scheme}/{path}", data=body, mode=mode)
            for path, body in inside.items()
        ]
    members += [
        Member(path=path, data=target.encode(), link=True) for path, target in (links or {}).items()
    ]
    metadata = _metadata(name, version, requires, requires_python)
    members += _dist_info(stem, metadata, tag, entry_points)
    if record:
        members.append(_record(f"{stem}.dist-info/RECORD", members))
    target = folder / f"{stem}-{tag}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    return _write(target, members, directories=directories, compress=compress)


def _write(
    target: Path, members: Iterable[Member], *, directories: Iterable[str] = (), compress: bool
) -> Path:
    with zipfile.ZipFile(target, "w") as wheel:
        for directory in directories:
            info = zipfile.ZipInfo(directory.rstrip("/") + "/", _EPOCH)
            info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
            wheel.writestr(info, b"")
        for member in members:
            info = zipfile.ZipInfo(member.path, _EPOCH)
            # ZipInfo swaps the separator of this system for "/"; the test wants its own name.
            info.filename = member.path
            info.create_system = 3
            info.external_attr = member.external_attr
            info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            wheel.writestr(info, member.data)
    return target


def metadata_of(wheel: Path) -> bytes:
    """The METADATA of a wheel, as an index serves it beside the wheel (PEP 658)."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(
            name
            for name in archive.namelist()
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
        )
        return archive.read(name)


def with_version(wheel: Path, version: str) -> Path:
    """The same wheel under another version, beside it: METADATA and RECORD say so too."""
    name, old = wheel.name.split("-")[:2]
    stem = f"{name}-{version}"
    members = []
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = info.filename.replace(f"{name}-{old}.dist-info/", f"{stem}.dist-info/")
            data = archive.read(info)
            if path.endswith(".dist-info/METADATA"):
                data = re.sub(rb"(?m)^Version: .*$", f"Version: {version}".encode(), data, count=1)
            if not path.endswith((".dist-info/RECORD", "/")):
                mode = info.external_attr >> 16 & 0o777 or 0o644
                members.append(Member(path=path, data=data, mode=mode))
    members.append(_record(f"{stem}.dist-info/RECORD", members))
    target = wheel.with_name(wheel.name.replace(f"-{old}-", f"-{version}-"))
    return _write(target, members, compress=True)


def truncate(wheel: Path, keep_bytes: int) -> Path:
    """Keep only the start of a wheel."""
    wheel.write_bytes(wheel.read_bytes()[:keep_bytes])
    return wheel


def corrupt(wheel: Path, member: str) -> Path:
    """Flip one bit in the middle of a member's stored bytes."""
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo(member)
    raw = bytearray(wheel.read_bytes())
    name_bytes, extra_bytes = struct.unpack_from("<2H", raw, info.header_offset + 26)
    start = info.header_offset + 30 + name_bytes + extra_bytes
    raw[start + info.compress_size // 2] ^= 1
    wheel.write_bytes(raw)
    return wheel


def claim(
    wheel: Path, member: str, *, size_bytes: int | None = None, crc32: int | None = None
) -> Path:
    """Let the directory and the local header state another size or CRC than the member has."""
    raw = bytearray(wheel.read_bytes())
    for offset, local in _headers(raw, member):
        if size_bytes is not None:
            struct.pack_into("<I", raw, offset + 24, size_bytes)
            struct.pack_into("<I", raw, local + 22, size_bytes)
        if crc32 is not None:
            struct.pack_into("<I", raw, offset + 16, crc32)
            struct.pack_into("<I", raw, local + 14, crc32)
    wheel.write_bytes(raw)
    return wheel


def _headers(raw: bytearray, member: str) -> Iterator[tuple[int, int]]:
    """Offsets of the central and of the local header of `member`."""
    offset = raw.find(_CENTRAL)
    while offset >= 0 and raw[offset : offset + 4] == _CENTRAL:
        fields = _CENTRAL_HEADER.unpack_from(raw, offset)
        name_bytes, extra_bytes, comment_bytes = fields[10:13]
        start = offset + _CENTRAL_HEADER.size
        if raw[start : start + name_bytes].decode() == member:
            yield offset, fields[16]
        offset = start + name_bytes + extra_bytes + comment_bytes


def _metadata(name: str, version: str, requires: Iterable[str], requires_python: str | None) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join([*lines, ""])


def _dist_info(
    stem: str, metadata: str, tag: str, entry_points: Mapping[str, str] | None
) -> list[Member]:
    pure = "true" if tag.endswith("-none-any") else "false"
    tags = "".join(f"Tag: {one}\n" for one in _tags(tag))
    texts = {
        "METADATA": metadata,
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\n{tags}",
    }
    if entry_points:
        scripts = "".join(f"{script} = {target}\n" for script, target in entry_points.items())
        texts["entry_points.txt"] = f"[console_scripts]\n{scripts}"
    return [
        Member(path=f"{stem}.dist-info/{path}", data=text.encode()) for path, text in texts.items()
    ]


def _tags(tag: str) -> Iterator[str]:
    python, abi, platform = tag.split("-")
    for each in python.split("."):
        for where in platform.split("."):
            yield f"{each}-{abi}-{where}"


def _record(path: str, members: Iterable[Member]) -> Member:
    lines = [
        f'"{member.path}",sha256={_urlsafe(member.data)},{len(member.data)}'
        if "," in member.path
        else f"{member.path},sha256={_urlsafe(member.data)},{len(member.data)}"
        for member in members
    ]
    return Member(path=path, data="\n".join([*lines, f"{path},,", ""]).encode())


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
