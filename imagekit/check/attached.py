"""The Lambda layers that a ZIP names: whether they are what was built, and are seen by Python."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from imagekit.check.entries import Entry
from imagekit.check.findings import Findings
from imagekit.check.members import UNREADABLE
from imagekit.check.rules import U2, Z5, Z6
from imagekit.model.lambda_layer import ATTACHED, MOST_LAYERS, LambdaLayer, attached_of

PYTHON: Final = "python/"
_NO_PACKAGES: Final = {"bin", "__pycache__"}


def named_layers(opened: zipfile.ZipFile) -> tuple[LambdaLayer, ...] | None:
    """Those that the ZIP needs; none where it says nothing, None where it cannot be read."""
    if ATTACHED not in opened.namelist():
        return ()
    try:
        return attached_of(opened.read(ATTACHED))
    except UNREADABLE:
        return None


def check_named(named: Sequence[LambdaLayer] | None) -> Findings:
    """What the description alone shows."""
    if named is None:
        yield U2.found(ATTACHED, "is not what imagekit writes")
    elif len(named) > MOST_LAYERS:
        yield Z5.found(ATTACHED, f"names {len(named)} layers")


def is_built(source: Path | BinaryIO, layer: LambdaLayer) -> bool:
    """Whether it is the layer that the ZIP was built with."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            found = hashlib.file_digest(file, "sha256")
    else:
        source.seek(0)
        found = hashlib.sha256(source.read())
    return layer.digest is not None and found.hexdigest() == layer.digest.hex


def check_places(layer: LambdaLayer, entries: Iterable[Entry]) -> Findings:
    """Z6: everything where Python looks."""
    strays = [entry.path for entry in entries if not entry.path.startswith(PYTHON)]
    if strays:
        yield Z6.found(layer.name, f"has {strays[0]} outside of {PYTHON}")


def check_apart(code: Iterable[str], layers: Iterable[str]) -> Findings:
    """U2: `/var/task` comes first, so a name there hides the same name in a layer whole.

    Both are paths below a folder of `sys.path`.
    """
    tops = {path.partition("/")[0] for path in code}
    hidden = sorted(tops & {path.partition("/")[0] for path in layers} - _NO_PACKAGES)
    for name in hidden:
        yield U2.found(name, "lies in a layer, too, where Python does not look for it any more")
