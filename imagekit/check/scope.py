"""Which of an image's files the function loads: those are judged whoever made their layer."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from imagekit.check.documents import RawConfig
from imagekit.check.entries import Entry
from imagekit.check.machine import Expected
from imagekit.check.opened import OpenImage
from imagekit.check.view import View

_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
_MINOR: Final = re.compile(r"3\.\d+")
_PYTHON: Final = re.compile(r"(?:.*/)?python(3\.\d+)")
_PLACES: Final = tuple(f"/{folder}/bin/python3" for folder in ("var/lang", "usr/local", "usr"))
_INSTALLED: Final = ("site-packages", "dist-packages")


class Scope(Struct, frozen=True, kw_only=True):
    """What an image is expected to be, and where the function's own files lie."""

    expected: Expected
    roots: tuple[str, ...]
    """Folders, each with a slash at its end."""

    @classmethod
    def of(cls, image: OpenImage, config: RawConfig) -> Scope:
        """As the caller says; else as the config does."""
        machine = _MACHINES.get(config.architecture)
        said = _MINOR.match(config.env.get("PYTHON_VERSION", ""))  # Docker's python images state it
        folders = ("/var/task", "/opt", config.working_dir, *_python_path(config))
        return cls(
            expected=Expected(
                machine=machine,
                python=image.python or (said[0] if said else None),
                glibc=image.glibc,
            ),
            roots=tuple(dict.fromkeys(f"{one.strip('/')}/" for one in folders if one.strip("/"))),
        )

    def holds(self, path: str) -> bool:
        """Whether the function would load what lies there."""
        if path.startswith(self.roots):
            return True
        return any(f"/{name}/" in path for name in _INSTALLED)

    def judges(self, entry: Entry) -> bool:
        """Whether the file is ours, or the function's."""
        return entry.ours or self.holds(entry.path)


def _python_path(config: RawConfig) -> list[str]:
    return [part for part in config.env.get("PYTHONPATH", "").split(":") if part]


def python_of(view: View, config: RawConfig) -> str | None:
    """The minor version of the Python that is started, by the name of its file."""
    for path in (*config.argv[:1], *_PLACES):
        found = view.find(path) if path.startswith("/") else None
        if found and (version := _PYTHON.fullmatch(found.path)):
            return version[1]
    return None
