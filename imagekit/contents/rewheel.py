"""A wheel written anew, so that equal contents are equal bytes on every machine."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import stat
import zipfile
from pathlib import Path

from imagekit.model.errors import BadWheel

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def rewrite(wheel: Path) -> bytes:
    """The wheel with sorted, uncompressed members, fixed times and modes, and a sorted RECORD.

    Uncompressed, as zlib's output depends on how CPython was built. The name of the tool that made
    it goes, as its version would be the only difference. Raises BadWheel for what is no wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {
                info.filename: (archive.read(info), _mode(info))
                for info in archive.infolist()
                if not info.is_dir()
            }
    except (OSError, zipfile.BadZipFile) as error:
        raise BadWheel(wheel=wheel.name, what=str(error)) from error
    record = next((name for name in members if _in_dist_info(name, "RECORD")), None)
    if record is None:
        raise BadWheel(wheel=wheel.name, what="it has no RECORD")
    for name, (data, mode) in members.items():
        if _in_dist_info(name, "WHEEL"):
            members[name] = (_without_generator(data), mode)
    files = {name: data for name, (data, _) in members.items() if name != record}
    members[record] = (_record(files, record), 0o644)
    return _write(members)


def _write(members: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, (data, mode) in sorted(members.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = _UNIX
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, data)
    return out.getvalue()


def _mode(info: zipfile.ZipInfo) -> int:
    return 0o755 if (info.external_attr >> 16) & 0o111 else 0o644


def _in_dist_info(name: str, file: str) -> bool:
    folder, _, last = name.rpartition("/")
    return last == file and folder.endswith(".dist-info") and "/" not in folder


def _without_generator(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.lower().startswith(b"generator:"))


def _record(files: dict[str, bytes], record: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for name, data in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow((name, f"sha256={digest}", len(data)))
    writer.writerow((record, "", ""))
    return out.getvalue().encode()
