"""What `uv pip compile` finds for the target: of requirements, dependencies, other tools' pins."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.foreign import read_pins
from imagekit.project.locks.lockfile import LockFile
from imagekit.project.locks.pinned import Pin, Pins, version_of
from imagekit.project.locks.requirements import read_requirements
from imagekit.project.locks.sources import uv_environ
from imagekit.project.locks.toml import read_toml
from imagekit.project.uv import Uv

_COMPILE = ("pip", "compile", "--format", "pylock.toml", "--no-header", "--no-annotate")

# One floor for every packaging: versions then do not depend on whether a ZIP or an image was
# resolved first. It is Lambda's own from Python 3.12 on (lambda_rules R1).
_FLOOR = "manylinux_2_34"

_EMPTY = 'lock-version = "1.0"\ncreated-by = "imagekit"\n'
_ANEW = {
    "poetry": "poetry lock --regenerate, if the files on the index are the right ones",
    "pdm": "pdm lock --refresh, if the files on the index are the right ones",
}


def compile_lock(lock: LockFile, function: FunctionConfig, target: Target, uv: Uv) -> str:
    """The pylock text that uv writes for `target`; paths in it start at the lock's folder.

    Raises LockError where the function asks for parts that this kind of lock has not,
    CommandFailed with uv's own words where nothing satisfies the requirements.
    """
    if lock.kind in ("poetry", "pdm"):
        return _compile_pins(lock, function, target, uv)
    _refuse_parts(lock, function)
    arguments = _arguments(target, uv)
    if lock.kind == "project":
        arguments += [word for extra in function.extras for word in ("--extra", extra)]
        for group in function.groups:
            arguments += ["--group", f"{lock.path.name}:{group}"]
    elif read_requirements(lock.path).hashed:
        # With hashes everything has to be named, as in pip.
        arguments += ["--no-deps"]
    return uv.run(*_COMPILE, *arguments, "--", lock.path.name, cwd=lock.path.parent)


def _arguments(target: Target, uv: Uv) -> list[str]:
    # The minor version: what is kept must also fit a base with an older patch.
    arguments = ["--python-version", target.python]
    arguments += ["--python-platform", f"{target.machine}-{_FLOOR}"]
    return [*arguments, *uv.python_arguments(fallback=sys.executable)]


def _compile_pins(lock: LockFile, function: FunctionConfig, target: Target, uv: Uv) -> str:
    """One pylock text of what uv finds for every pin; each index that the lock names is asked
    for its own packages alone."""
    folder = lock.path.parent
    pyproject = read_toml(folder / "pyproject.toml")
    arguments = [*_arguments(target, uv), "--no-deps"]
    texts = []
    for pins in _rounds(_on_any_patch(lock, function, target)):
        environ = uv_environ(pins[0].index, pyproject, uv.environ)
        with tempfile.TemporaryDirectory() as scratch:
            asked = Path(scratch, "requirements.txt")
            asked.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins))
            texts.append(uv.run(*_COMPILE, *arguments, "--", str(asked), cwd=folder, extra=environ))
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


def only_named(content: Mapping[str, object], lock: LockFile) -> dict[str, object]:
    """The pylock's content with those files alone whose sha256 the requirements name.

    uv drops a user's `--hash` without a word and writes every file of the index. Raises LockError
    with every package that has no hash, or none that matches.
    """
    requirements = read_requirements(lock.path)
    if not requirements.hashed:
        return dict(content)
    return _filtered(content, lock, lambda package: requirements.allowed(str(package.get("name"))))


def only_pinned(content: Mapping[str, object], lock: LockFile, pins: Pins) -> dict[str, object]:
    """The same for another tool's pins, with what lies somewhere by itself put in.

    Raises LockError with every package of which no file is the one that was locked.
    """
    allowed = {(pin.name, pin.version): pin.sha256s for pin in pins.pins}

    def hashes(package: Mapping[str, object]) -> frozenset[str]:
        return allowed[_key(package)]

    packages = [package for package in _packages(content) if _key(package) in allowed]
    found = _filtered({**content, "packages": packages}, lock, hashes)
    if missing := allowed.keys() - {_key(package) for package in packages}:
        problems = tuple(
            f"{name} {version}: imagekit.lock has no file of it"
            for name, version in sorted(missing)
        )
        raise LockError(path=lock.path, problems=problems, hint="imagekit lock")
    together = [*_packages(found), *pins.direct]
    found["packages"] = sorted(together, key=lambda package: str(package.get("name")))
    return found


def _key(package: Mapping[str, object]) -> tuple[str, str]:
    return str(package.get("name")), version_of(package.get("version"))


def _packages(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    found = content.get("packages")
    return [item for item in (found if isinstance(found, list) else []) if isinstance(item, dict)]


def _filtered(
    content: Mapping[str, object],
    lock: LockFile,
    allowed: Callable[[Mapping[str, object]], Collection[str]],
) -> dict[str, object]:
    found = [_only_named(package, allowed(package)) for package in _packages(content)]
    if problems := tuple(text for text in found if isinstance(text, str)):
        raise LockError(path=lock.path, problems=problems, hint=_ANEW.get(lock.kind))
    return {**content, "packages": found}


def _only_named(package: Mapping[str, object], allowed: Collection[str]) -> dict[str, object] | str:
    """The package with the files named, or what is wrong with it."""
    name = str(package.get("name"))
    if not allowed:
        return f"{name} has no --hash=sha256:…, and others have"
    if "vcs" in package or "directory" in package:
        return f"{name} is no single file, so no hash can be checked"
    kept = dict(package)
    wheels = package.get("wheels")
    kept["wheels"] = [
        wheel for wheel in (wheels if isinstance(wheels, list) else []) if _sha256(wheel) in allowed
    ]
    for key in ("sdist", "archive"):
        if key in kept and _sha256(kept[key]) not in allowed:
            del kept[key]
    if not kept["wheels"]:
        del kept["wheels"]
    if not kept.keys() & {"wheels", "sdist", "archive"}:
        return f"{name}: no file that uv finds for it has one of the hashes named"
    return kept


def _sha256(file: object) -> str:
    hashes = file.get("hashes") if isinstance(file, Mapping) else None
    return str(hashes.get("sha256", "")).lower() if isinstance(hashes, Mapping) else ""


def _refuse_parts(lock: LockFile, function: FunctionConfig) -> None:
    parts = [("member", function.member)]
    if lock.kind == "requirements":
        parts += [("groups", ", ".join(function.groups)), ("extras", ", ".join(function.extras))]
    problems = tuple(
        f"it has no {key}, and {function.name} asks for {asked}" for key, asked in parts if asked
    )
    if problems:
        raise LockError(path=lock.path, problems=problems, hint="uv lock, which knows them all")
