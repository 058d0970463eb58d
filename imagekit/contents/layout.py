"""`installer` decides where a wheel's files go; what it "writes" here are entries of a tree.

Imported by `contents.install` when there is a wheel to lay out.
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, cast

from installer import install
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError
from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file
from installer.sources import WheelContentElement, WheelSource
from installer.utils import Scheme, canonicalize_name

from imagekit.contents.directory import directory, unsafe_path
from imagekit.contents.wheel import Member, RandomAccess, WheelMember
from imagekit.model.errors import BadWheel
from imagekit.model.package import Package
from imagekit.model.tree import Bytes, Content, FileEntry, Tree

_SHEBANG = b"#!/usr/bin/env python3\n"
# Wheel specification, "Recommended installer features"; `#!pythonw` is included.
_PLACEHOLDER = b"#!python"

# uv's own text, so that what is installed by uv and what is packaged here are the same files.
_SCRIPT = """\
# -*- coding: utf-8 -*-
import sys
from {module} import {name}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({attribute}())
"""
# Wrappers that old build tools put beside entry points; pip and uv leave them out.
_WRAPPERS = (".exe", "-script.py", ".pya")

_UNREADABLE = (
    InstallerError,
    InvalidRecordEntry,
    configparser.Error,
    csv.Error,
    UnicodeDecodeError,
    AssertionError,  # installer 1.0 asserts that an entry point names a callable
)


def lay_out(package: Package, source: RandomAccess) -> Tree:
    """The tree of one wheel; see `contents.install`."""
    members = directory(source, package.label)
    wheel = _Source(package, source, members)
    try:
        target = _Target(package, wheel.hashes())
        install(wheel, target, {})
    except _UNREADABLE as error:
        what = str(error) or "an entry point that names no callable"
        raise BadWheel(wheel=package.label, what=what) from error
    return Tree.of(target.entries)


class _Stream(io.RawIOBase):
    """What travels through installer in place of an open file: nothing reads it."""

    def __init__(self, content: WheelMember) -> None:
        super().__init__()
        self.content = content


class _Source(WheelSource):
    def __init__(self, package: Package, source: RandomAccess, members: tuple[Member, ...]) -> None:
        super().__init__(package.name, package.version)
        self._package = package
        self._contents = {
            member.path: WheelMember(package.label, source, member) for member in members
        }
        self._stem = _stem(package, self._contents)

    @property
    def dist_info_dir(self) -> str:
        return f"{self._stem}.dist-info"

    @property
    def data_dir(self) -> str:
        return f"{self._stem}.data"

    @property
    def dist_info_filenames(self) -> list[str]:
        inside = f"{self.dist_info_dir}/"
        return [path.removeprefix(inside) for path in self._contents if path.startswith(inside)]

    def read_dist_info(self, filename: str) -> str:
        path = f"{self.dist_info_dir}/{filename}"
        if path not in self._contents:
            raise BadWheel(wheel=self._package.label, what=f"has no {path}")
        return self._contents[path].read().decode()

    def get_contents(self) -> Iterator[WheelContentElement]:
        for path, content in self._contents.items():
            # installer would leave it out as well, with a Python warning.
            if "__pycache__" in path.split("/")[:-1]:
                continue
            stream = cast(BinaryIO, _Stream(content))
            yield (path, "", ""), stream, content.member.executable

    def hashes(self) -> dict[str, str]:
        """What RECORD says of each path, where it is a sha256."""
        rows = parse_record_file(self.read_dist_info("RECORD").splitlines())
        return {path: digest for path, digest, _ in rows if digest.startswith("sha256=")}


def _stem(package: Package, paths: Iterable[str]) -> str:
    """`NAME-VERSION` as the wheel's one dist-info folder spells it."""
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    stems = sorted(top.removesuffix(".dist-info") for top in tops if top.endswith(".dist-info"))
    if len(stems) != 1:
        raise BadWheel(wheel=package.label, what=f"has {len(stems)} dist-info folders, not one")
    if canonicalize_name(stems[0].rpartition("-")[0]) != package.name:
        raise BadWheel(wheel=package.label, what=f"calls itself {stems[0]}")
    return stems[0]


class _Target(WheelDestination):
    def __init__(self, package: Package, hashes: Mapping[str, str]) -> None:
        self._package = package
        self._hashes = hashes
        self._scripts: set[str] = set()
        self._digests: dict[str, str] = {}
        self.entries: list[FileEntry] = []

    def write_script(self, name: str, module: str, attr: str, section: str) -> RecordEntry:
        text = _SCRIPT.format(module=module, name=attr.partition(".")[0], attribute=attr)
        self._scripts.add(name)
        return self._add(f"bin/{name}", Bytes(_SHEBANG + text.encode()), executable=True)

    def write_file(
        self,
        scheme: Scheme,
        path: str | os.PathLike[str],
        stream: BinaryIO,
        is_executable: bool,
    ) -> RecordEntry:
        place, content = os.fspath(path), cast(_Stream, stream).content
        if scheme == "scripts":
            return self._write_data_script(place, content)
        if scheme == "headers":
            # sysconfig has no such place under a target; pip and uv agree on this one.
            place = f"include/{self._package.name}/{place}"
        return self._add(place, content, executable=is_executable)

    def finalize_installation(
        self,
        scheme: Scheme,
        record_file_path: str,
        records: Iterable[tuple[Scheme, RecordEntry]],
    ) -> None:
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        rows = [(entry.path, self._digest(entry), entry.size_bytes) for entry in self.entries]
        writer.writerows(sorted([*rows, (record_file_path, "", "")]))
        self._add(record_file_path, Bytes(lines.getvalue().encode()), executable=False)

    def _write_data_script(self, name: str, content: WheelMember) -> RecordEntry:
        wrapped = next((name.removesuffix(end) for end in _WRAPPERS if name.endswith(end)), name)
        if wrapped in self._scripts:
            return RecordEntry(name, None, None)
        written: Content = content
        # Compiled programs lie here too, of 30 MB and more: only the start is read.
        if content.peek(len(_PLACEHOLDER)) == _PLACEHOLDER:
            written = Bytes(_SHEBANG + content.read().partition(b"\n")[2])
        return self._add(f"bin/{name}", written, executable=True)

    def _add(self, path: str, content: Content, *, executable: bool) -> RecordEntry:
        if unsafe_path(path):
            what = f"{path!r} would be written outside its root"
            raise BadWheel(wheel=self._package.label, what=what)
        entry = FileEntry(
            path=path,
            size_bytes=_size_bytes(content),
            owner=self._package.label,
            content=content,
            executable=executable,
        )
        self.entries.append(entry)
        return RecordEntry(path, None, entry.size_bytes)

    def _digest(self, entry: FileEntry) -> str:
        content = entry.content
        if isinstance(content, WheelMember) and content.member.path in self._hashes:
            return self._hashes[content.member.path]
        digest = hashlib.sha256(content.read()).digest()
        return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _size_bytes(content: Content) -> int:
    return content.member.size_bytes if isinstance(content, WheelMember) else len(content.read())
