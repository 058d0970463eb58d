"""Whether bytecode is of any use: of this Python, with its source, and true to it (PEP 552)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from imagekit.check.entries import Entry
from imagekit.check.findings import Rule
from imagekit.check.rules import C6, C7, C8

HEADER_BYTES: Final = 16

# CPython's Include/internal/pycore_magic_number.h; the number of the last release candidate stays.
_MAGIC: Final = {
    "3.9": 3425,
    "3.10": 3439,
    "3.11": 3495,
    "3.12": 3531,
    "3.13": 3571,
    "3.14": 3627,
}
_CACHED: Final = re.compile(r"(?:(.*)/)?__pycache__/([^/]+)\.cpython-3(\d+)(?:\.opt-\d)?\.pyc")
_TIMESTAMP, _UNCHECKED = 0, 1


class Useless(Struct, frozen=True):
    """A `.pyc` that is not loaded, or should not be."""

    rule: Rule
    entry: Entry
    what: str


def magic_number(python: str | None) -> bytes:
    """The first four bytes of this minor version's `.pyc`; empty where they are not known."""
    number = _MAGIC.get(python or "")
    return number.to_bytes(2, "little") + b"\r\n" if number else b""


def magic_of(pyc: bytes) -> bytes:
    """The magic number in the header of a `.pyc`."""
    return pyc[:4]


def is_hash_based(pyc: bytes) -> bool:
    """Whether a `.pyc` names its source by a hash and not by a time."""
    return len(pyc) == HEADER_BYTES and pyc[4] & 1 == 1


def source_hash(magic: bytes, source: bytes) -> bytes:
    """The hash of `source` that a `.pyc` with this magic number holds.

    `importlib.util.source_hash`, but for another version: there the key is the running Python's.
    From 3.11 on it is SipHash-1-3; before, another, so older bytecode is not judged by it.
    """
    import _imp

    if int.from_bytes(magic[:2], "little") < _MAGIC["3.11"]:
        return b""
    return _imp.source_hash(int.from_bytes(magic, "little"), source)


def useless(files: Mapping[str, Entry], python: str | None) -> Iterable[Useless]:
    """Every `.pyc` of the final files that Python will not load, or that is not its source's."""
    for path, entry in files.items():
        if len(entry.seen.pyc) and (found := _CACHED.fullmatch(path)):
            folder, stem, minor = found.groups()
            source = files.get(f"{folder}/{stem}.py" if folder else f"{stem}.py")
            yield from _judged(entry, source, f"3.{minor}", python)


def _judged(
    entry: Entry, source: Entry | None, version: str, python: str | None
) -> Iterable[Useless]:
    magic = magic_number(version)
    if python is not None and version != python:
        yield Useless(C8, entry, f"is for Python {version}, and {python} never looks at it")
    elif len(entry.seen.pyc) < HEADER_BYTES or (magic and magic_of(entry.seen.pyc) != magic):
        yield Useless(C8, entry, f"does not hold bytecode of Python {version}")
    elif source is None:
        yield Useless(C6, entry, "has no source beside it, and is never looked at")
    elif source.kind == "file" and (what := _stale(entry.seen.pyc, source)):
        yield Useless(C7, entry, what)


def _stale(pyc: bytes, source: Entry) -> str | None:
    flags = int.from_bytes(pyc[4:8], "little")
    if flags != _TIMESTAMP:
        known = source.seen.source_hash
        if not known or known == pyc[8:16]:
            return None
        ending = "runs in its place" if flags == _UNCHECKED else "is compiled again at every start"
        return f"was made from another source than the one beside it, which {ending}"
    time, size = (int.from_bytes(pyc[at : at + 4], "little") for at in (8, 12))
    if (time, size) == (source.mtime & 0xFFFFFFFF, source.size_bytes & 0xFFFFFFFF):
        return None
    return "is stale: its source has another time or size, so it is compiled again at every start"
