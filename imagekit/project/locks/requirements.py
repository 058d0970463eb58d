"""What imagekit itself has to know of a requirements file: includes, hashes, local folders.

Everything else in it, indexes above all, is uv's business.
https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from imagekit.model.errors import LockError

_INCLUDE = re.compile(r"(?:-r|--requirements?|-c|--constraints?)(?:\s*=\s*|\s*)(\S.*)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s+)(\S+)")
_HASH = re.compile(r"--hash(?:\s*=\s*|\s+)([a-z0-9]+):([0-9a-fA-F]+)")
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[;@=<>!~(\s]|$)")
_COMMENT = re.compile(r"(^|\s)#.*$")


class Requirements(Struct, frozen=True, kw_only=True):
    """A requirements file with all that it includes."""

    texts: tuple[bytes, ...]
    """Of the file and its includes, in the order in which they are met."""
    paths: tuple[Path, ...]
    """Of the same."""
    hashes: Mapping[str, frozenset[str]]
    """Normalised name to the sha256 (hex) that its files may have; empty where it has none."""
    nameless: frozenset[str]
    """The same for lines that are a path or URL."""
    folders: tuple[Path, ...]
    """Local projects that lines point to."""
    hashed: bool
    """Whether hashes are checked: as in pip, one hash or `--require-hashes` is enough."""

    def allowed(self, name: str) -> frozenset[str]:
        """The sha256 (hex) that an artefact of `name` may have."""
        return self.hashes.get(name) or self.nameless


class _Reader(Struct):
    texts: dict[Path, bytes] = field(default_factory=dict)
    hashes: dict[str, set[str]] = field(default_factory=dict)
    nameless: set[str] = field(default_factory=set)
    folders: list[Path] = field(default_factory=list)
    hashed: bool = False

    def read(self, path: Path, included_by: Path | None = None) -> None:
        path = path.resolve()
        if path in self.texts:
            return
        try:
            self.texts[path] = path.read_bytes()
            text = self.texts[path].decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            where = f"{path}, which it includes, cannot be read" if included_by else "unreadable"
            raise LockError(path=included_by or path, problems=(f"{where}: {error}",)) from error
        for line in _logical_lines(text):
            self.line(line, path)

    def line(self, line: str, path: Path) -> None:
        if match := _INCLUDE.fullmatch(line):
            if "://" not in match[1]:
                self.read(path.parent / match[1].strip("'\""), included_by=path)
        elif match := _EDITABLE.match(line):
            self.folder(path.parent / match[1])
        elif line.startswith("-"):
            self.hashed |= line.startswith("--require-hashes")
        else:
            self.requirement(line, path)

    def requirement(self, line: str, path: Path) -> None:
        found = {digest.lower() for kind, digest in _HASH.findall(line) if kind == "sha256"}
        self.hashed |= "--hash" in line
        name = _NAME.match(line)
        if name and not (path.parent / line.split(maxsplit=1)[0]).exists():
            self.hashes.setdefault(_normalised(name[1]), set()).update(found)
        else:
            self.nameless |= found
            self.folder(path.parent / line.split(maxsplit=1)[0].partition("[")[0])

    def folder(self, path: Path) -> None:
        if path.is_dir():
            self.folders.append(path.resolve())


def read_requirements(path: Path) -> Requirements:
    """Read `path` and what it includes with `-r` and `-c`; LockError where one is not there."""
    reader = _Reader()
    reader.read(path)
    return Requirements(
        texts=tuple(reader.texts.values()),
        paths=tuple(reader.texts),
        hashes={name: frozenset(found) for name, found in reader.hashes.items()},
        nameless=frozenset(reader.nameless),
        folders=tuple(reader.folders),
        hashed=reader.hashed,
    )


def _logical_lines(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    for line in joined.splitlines():
        if bare := _COMMENT.sub("", line).strip():
            yield bare


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
