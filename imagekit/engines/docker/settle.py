"""After `uv pip install` in an image: what installers leave behind goes, bytecode comes.

Knows nothing of imagekit: it is mounted into a build and run by the image's own Python, as
`settle.py TOP ROOT [GIVEN …]`: TOP is the image's root, ROOT where the wheels went, and GIVEN what
slimming and compiling came to, each by its name: `dropped.json` lists paths under ROOT that are
left out, `lighter.tar` has what stands in place of shared objects, `bytecode.tar` what is new. What
earlier steps installed is not touched: a file that is only looked at differently would be in two
layers. Afterwards the files are those of the image that is made without Docker: no INSTALLER,
REQUESTED, direct_url.json or uv_cache.json, a sorted RECORD of what is there, imagekit's bytecode
in place of the wheel's, modes 0755 and 0644, one time for all.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from pathlib import Path

# As imagekit.oci.tar.MTIME.
_MTIME = 315_532_800
_INSTALLER = "INSTALLER"
_LEFT_BEHIND = frozenset([_INSTALLER, "REQUESTED", "direct_url.json", "uv_cache.json"])
_SCRATCH = (".uv", ".lock")


def settle(top: Path, root: Path, *given: Path) -> None:
    """Bring what the last `uv pip install --target ROOT` left into its final form.

    Folders above ROOT and below TOP get the same time: they are in the layer, too.
    """
    named = {path.name: path for path in given}
    dropped = frozenset(_listed(named.get("dropped.json")))
    for name in _SCRATCH:
        _remove(root / name)
    lighter = frozenset(_unpack(named.get("lighter.tar"), root))
    # uv writes INSTALLER for each distribution: where it lies, this step has installed it.
    new = [path.parent for path in sorted(root.glob(f"*.dist-info/{_INSTALLER}"))]
    files = [path for folder in new for path in _settled_record(folder, root, dropped, lighter)]
    files += _unpack(named.get("bytecode.tar"), root)
    for file in files:
        if not file.is_symlink():
            file.chmod(0o755 if file.stat().st_mode & 0o111 else 0o644)
        _set_time(file)
    filled = {root, *(folder for file in files for folder in file.parents)}
    for folder in filled:
        if folder == root or root in folder.parents:
            folder.chmod(0o755)
            _set_time(folder)
        elif top in folder.parents:
            _set_time(folder)


def _listed(dropped: Path | None) -> list[str]:
    return [] if dropped is None else list(json.loads(dropped.read_text("utf-8")))


def _settled_record(
    folder: Path, root: Path, dropped: frozenset[str], lighter: frozenset[Path]
) -> list[Path]:
    """Remove what is not the wheel's and what is `dropped`, write RECORD anew; what is left."""
    record = folder / "RECORD"
    rows = list(csv.reader(io.StringIO(record.read_text("utf-8"))))
    kept: list[list[str]] = []
    for row in rows:
        path = root / row[0]
        left_behind = path.parent == folder and path.name in _LEFT_BEHIND
        if left_behind or "__pycache__" in path.parts or row[0] in dropped:
            _remove(path)
            _remove_empty(path.parent, root)
        else:
            kept.append(_row(row[0], path) if path in lighter else row)
    for name in _LEFT_BEHIND:
        _remove(folder / name)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(sorted(kept))
    record.write_bytes(lines.getvalue().encode())
    return [root / row[0] for row in kept]


def _row(name: str, path: Path) -> list[str]:
    """As RECORD has a file."""
    data = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return [name, f"sha256={digest.decode()}", str(len(data))]


def _unpack(packed: Path | None, root: Path) -> list[Path]:
    """Every file of the archive, under `root`."""
    unpacked: list[Path] = []
    if packed is None:
        return unpacked
    with tarfile.open(packed) as archive:
        for member in archive:
            place = root / member.name
            if member.issym():
                place.unlink()
                place.symlink_to(member.linkname)
            elif content := archive.extractfile(member):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content.read())
                place.chmod(member.mode)
            else:
                continue
            unpacked.append(place)
    return unpacked


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _set_time(path: Path) -> None:
    os.utime(path, (_MTIME, _MTIME), follow_symlinks=False)


if __name__ == "__main__":
    settle(*map(Path, sys.argv[1:]))
