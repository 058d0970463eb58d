"""What a lock says for one function and one target; kept, so that no change costs no work."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from imagekit.model.digest import Digest
from imagekit.model.package import Directory, LockedPackage
from imagekit.model.target import Target
from imagekit.net.query import masked
from imagekit.project.config import FunctionConfig
from imagekit.project.locks import queries, record
from imagekit.project.locks.inputs import freshness_of, inputs_of
from imagekit.project.locks.lockfile import LockFile, project_folder
from imagekit.project.uv import Uv
from imagekit.store import Store

_SCHEMA = 1
"""Raised when the same inputs give other packages."""


class Resolution(Struct, frozen=True, kw_only=True):
    """The packages that a function gets on one target."""

    packages: tuple[LockedPackage, ...]
    inputs: Digest
    """Of what the user wrote: where it differs from the one in `imagekit.lock`, that is stale."""
    pylock: str | None = None
    """What uv resolved, to be kept in `imagekit.lock`, where the lock itself pins too little."""


def resolve(
    lock: LockFile,
    function: FunctionConfig,
    target: Target,
    *,
    store: Store,
    uv: Uv,
    pinned: str | None = None,
) -> Resolution:
    """The packages of `function` for `target`.

    `pinned` is `Resolution.pylock` of an earlier call: then requirements and bare dependencies are
    not resolved afresh. Where nothing changed, no program runs and packaging is not imported.

    Raises LockError (stale, malformed, or without what is asked for), NoWheels (every package that
    has nothing for the target), CommandFailed (uv's own words).
    """
    inputs = inputs_of(lock, function, target)
    if lock.kind == "none":
        return Resolution(packages=(), inputs=inputs)
    if lock.pinned_by_imagekit:
        # Functions that ask the same of one lock get the same answer, from one run of uv. What
        # uv wrote in this run has whole URLs, which what was kept of it has no more.
        found = ("compiled", inputs)
        if pinned is None or pinned == masked(str(lock.kept.values.get(found))):
            pinned = lock.kept.of(found, lambda: _compile(lock, function, target, uv))
    else:
        pinned = None
    kept = masked(pinned) if pinned else None
    key = _key(lock, target, inputs, uv, kept)
    packages = record.kept(store, key)
    if packages is not None:
        packages = _whole(packages, lock, uv, pinned)
    if packages is None:
        packages = _select(lock, function, target, uv, pinned)
        record.keep(store, key, packages)
        packages = _whole(packages, lock, uv, pinned) or packages
    return Resolution(packages=packages, inputs=inputs, pylock=kept)


def _whole(
    packages: tuple[LockedPackage, ...], lock: LockFile, uv: Uv, pinned: str | None
) -> tuple[LockedPackage, ...] | None:
    """With whole URLs; None where the lock has them and its text alone does not tell which is
    which. What `imagekit.lock` has without them may not be needed: who fetches it refuses."""
    found, every = queries.whole(packages, lock, uv.environ, pinned)
    return found if every or pinned is not None else None


def _compile(lock: LockFile, function: FunctionConfig, target: Target, uv: Uv) -> str:
    """What uv finds, fit to be kept: uv writes a requirement's URL with its password."""
    from imagekit.net.userinfo import without_userinfo

    return without_userinfo(_found(lock, function, target, uv))


def _found(lock: LockFile, function: FunctionConfig, target: Target, uv: Uv) -> str:
    if lock.kind in ("poetry", "pdm"):
        from imagekit.project.locks.pin_urls import compile_pins

        return compile_pins(lock, function, target, uv)
    from imagekit.project.locks.compiled import compile_lock

    return compile_lock(lock, function, target, uv)


def _key(lock: LockFile, target: Target, inputs: Digest, uv: Uv, pinned: str | None) -> Digest:
    parts = {
        "schema": _SCHEMA,
        "inputs": inputs.hex,
        "fresh": freshness_of(lock).hex,
        "path": str(lock.path),
        "target": asdict(target),
        "uv": uv.identity() if lock.kind == "uv" else "",
        "pinned": Digest.of(pinned.encode()).hex if pinned else "",
    }
    return Digest.of(json.dumps(parts, sort_keys=True).encode())


def _select(
    lock: LockFile, function: FunctionConfig, target: Target, uv: Uv, pinned: str | None
) -> tuple[LockedPackage, ...]:
    from imagekit.project.locks.compiled import only_named
    from imagekit.project.locks.select import Pylock, select
    from imagekit.project.locks.toml import parse_toml, read_toml
    from imagekit.project.locks.uvlock import export

    folder = lock.path.parent
    if lock.kind == "uv":
        text, folder = export(lock, function, uv)
        content = parse_toml(text, lock.path)
        return select(Pylock(content=content, path=lock.path, folder=folder), target)
    if pinned is not None:
        content = parse_toml(pinned, lock.path)
        if lock.kind == "requirements":
            content = only_named(content, lock)
        elif lock.kind in ("poetry", "pdm"):
            from imagekit.project.locks.foreign import read_pins
            from imagekit.project.locks.pin_urls import only_pinned

            content = only_pinned(content, lock, read_pins(lock, function, target))
        asked = Pylock(content=content, path=lock.path, folder=folder)
    else:
        asked = Pylock(
            content=read_toml(lock.path),
            path=lock.path,
            folder=folder,
            groups=function.groups,
            extras=function.extras,
        )
    own = project_folder(function, folder)
    return _without(own, select(asked, target))


def _without(own: Path, packages: tuple[LockedPackage, ...]) -> tuple[LockedPackage, ...]:
    """The project itself (`-e .`, or `path = "."`) is source, never also a wheel."""
    return tuple(
        package
        for package in packages
        if not (isinstance(package.origin, Directory) and package.origin.path == own)
    )
