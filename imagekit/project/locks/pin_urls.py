"""Where the files of poetry's and pdm's packages lie: found by `uv pip compile`, for the target."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.compiled import COMPILE, arguments_for, entries_of, filtered
from imagekit.project.locks.foreign import read_pins
from imagekit.project.locks.lockfile import LockFile
from imagekit.project.locks.pinned import Pin, Pins, version_of
from imagekit.project.locks.sources import uv_environ
from imagekit.project.locks.toml import read_toml
from imagekit.project.uv import Uv

_EMPTY = 'lock-version = "1.0"\ncreated-by = "imagekit"\n'


def compile_pins(lock: LockFile, function: FunctionConfig, target: Target, uv: Uv) -> str:
    """One pylock text of what uv finds for every pin; each index that the lock names is asked
    for its own packages alone.

    Raises LockError as `read_pins` does, CommandFailed with uv's own words.
    """
    pins = tuple(_on_any_patch(lock, function, target))
    key = ("compiled", pins, target.python, target.machine, uv.python)
    return lock.kept.of(key, lambda: _compiled(lock, pins, target, uv))


def _compiled(lock: LockFile, every: Collection[Pin], target: Target, uv: Uv) -> str:
    folder = lock.path.parent
    pyproject = read_toml(folder / "pyproject.toml")
    arguments = [*arguments_for(target, uv), "--no-deps"]
    texts = []
    for pins in _rounds(every):
        environ = uv_environ(pins[0].index, pyproject, uv.environ)
        with tempfile.TemporaryDirectory() as scratch:
            asked = Path(scratch, "requirements.txt")
            text = "".join(f"{pin.name}=={pin.version}\n" for pin in pins)
            asked.write_text(text, encoding="utf-8", newline="\n")
            texts.append(uv.run(*COMPILE, *arguments, "--", str(asked), cwd=folder, extra=environ))
    return _joined(texts)


def _on_any_patch(lock: LockFile, function: FunctionConfig, target: Target) -> Collection[Pin]:
    """The pins for `target` and for the first patch of its Python: markers may tell patches apart,
    and what is kept serves a base with an older one, too."""
    first = replace(target, full_version=f"{target.python}.0")
    pins = read_pins(lock, function, target).pins
    with suppress(LockError):  # Where the lock is not for that patch, no base with it can use it.
        pins += read_pins(lock, function, first).pins
    return {(pin.name, pin.version): pin for pin in pins}.values()


def _rounds(pins: Collection[Pin]) -> Iterator[list[Pin]]:
    """Pins that uv can be asked for at once: of one index, each name in one version."""
    rounds: dict[tuple[str | None, int], dict[str, Pin]] = {}
    for pin in pins:
        turn = 0
        while pin.name in rounds.setdefault((pin.index, turn), {}):
            turn += 1
        rounds[pin.index, turn][pin.name] = pin
    yield from (list(found.values()) for found in rounds.values())


def _joined(texts: list[str]) -> str:
    """One pylock text of several, with the first one's head."""
    mark = "[[packages]]"
    head = texts[0].partition(mark)[0] if texts else _EMPTY
    bodies = [mark + text.partition(mark)[2] for text in texts if mark in text]
    return "\n".join([head.rstrip() + "\n", *bodies])


def only_pinned(content: Mapping[str, object], lock: LockFile, pins: Pins) -> dict[str, object]:
    """The pylock's content with the files that were locked alone, and what lies by itself put in.

    Raises LockError with every package of which no file is the one that was locked.
    """
    allowed = {(pin.name, pin.version): pin.sha256s for pin in pins.pins}

    def hashes(package: Mapping[str, object]) -> frozenset[str]:
        return allowed[_key(package)]

    packages = [package for package in entries_of(content) if _key(package) in allowed]
    found = filtered({**content, "packages": packages}, lock, hashes)
    if missing := allowed.keys() - {_key(package) for package in packages}:
        problems = tuple(
            f"{name} {version}: imagekit.lock has no file of it"
            for name, version in sorted(missing)
        )
        raise LockError(path=lock.path, problems=problems, hint="imagekit lock")
    together = [*entries_of(found), *pins.direct]
    found["packages"] = sorted(together, key=lambda package: str(package.get("name")))
    return found


def _key(package: Mapping[str, object]) -> tuple[str, str]:
    return str(package.get("name")), version_of(package.get("version"))
