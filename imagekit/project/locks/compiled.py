"""Requirements and bare dependencies: resolved by `uv pip compile`, for the target."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping

from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.lockfile import LockFile
from imagekit.project.locks.requirements import read_requirements
from imagekit.project.uv import Uv

COMPILE = ("pip", "compile", "--format", "pylock.toml", "--no-header", "--no-annotate")

# One floor for every packaging: versions then do not depend on whether a ZIP or an image was
# resolved first. It is Lambda's own from Python 3.12 on (lambda_rules R1).
_FLOOR = "manylinux_2_34"

_ANEW = {
    "poetry": "poetry lock --regenerate, if the files on the index are the right ones",
    "pdm": "pdm lock --refresh, if the files on the index are the right ones",
}


def compile_lock(lock: LockFile, function: FunctionConfig, target: Target, uv: Uv) -> str:
    """The pylock text that uv writes for `target`; paths in it start at the lock's folder.

    Raises LockError where the function asks for parts that this kind of lock has not,
    CommandFailed with uv's own words where nothing satisfies the requirements.
    """
    _refuse_parts(lock, function)
    arguments = arguments_for(target, uv)
    if lock.kind == "project":
        arguments += [word for extra in function.extras for word in ("--extra", extra)]
        for group in function.groups:
            arguments += ["--group", f"{lock.path.name}:{group}"]
    elif read_requirements(lock.path).hashed:
        # With hashes everything has to be named, as in pip.
        arguments += ["--no-deps"]
    return uv.run(*COMPILE, *arguments, "--", lock.path.name, cwd=lock.path.parent)


def arguments_for(target: Target, uv: Uv) -> list[str]:
    """What tells uv of the target, and which Python to ask."""
    # The minor version: what is kept must also fit a base with an older patch.
    arguments = ["--python-version", target.python]
    arguments += ["--python-platform", f"{target.machine}-{_FLOOR}"]
    return [*arguments, *uv.python_arguments(fallback=sys.executable)]


def only_named(content: Mapping[str, object], lock: LockFile) -> dict[str, object]:
    """The pylock's content with those files alone whose sha256 the requirements name.

    uv drops a user's `--hash` without a word and writes every file of the index. Raises LockError
    with every package that has no hash, or none that matches.
    """
    requirements = read_requirements(lock.path)
    if not requirements.hashed:
        return dict(content)
    return filtered(content, lock, lambda package: requirements.allowed(str(package.get("name"))))


def entries_of(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The tables of a pylock's `packages`."""
    found = content.get("packages")
    return [item for item in (found if isinstance(found, list) else []) if isinstance(item, dict)]


def filtered(
    content: Mapping[str, object],
    lock: LockFile,
    allowed: Callable[[Mapping[str, object]], Collection[str]],
) -> dict[str, object]:
    """The content with those files alone whose sha256 `allowed` gives for their package.

    Raises LockError with every package that has no hash, or of which no file has one of them.
    """
    found = [_only_named(package, allowed(package)) for package in entries_of(content)]
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
