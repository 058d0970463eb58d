"""`pdm.lock`: which packages it gives a function on a target.

pdm has no description of the format but its own reader, `LockedRepository`:
https://github.com/pdm-project/pdm/blob/main/src/pdm/models/repositories/lock.py; what a user may
choose is in https://pdm-project.org/latest/usage/lockfile/ and …/usage/lock-targets/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.content_hash import pdm_hash
from imagekit.project.locks.pdm_graph import Asked, reachable
from imagekit.project.locks.pinned import (
    Direct,
    Picked,
    Pin,
    Pins,
    allows,
    archive,
    files_of,
    head,
    holds,
    is_archive,
    normalised,
    packages_of,
    sha256s_of,
)
from imagekit.project.locks.toml import strings, table

_DEFAULT = "default"
_FORMAT = 4
_AGAIN = "pdm lock"
_AGAIN_ONE = "type `pdm update --no-sync --update-reuse {name}`"
_INHERIT = "inherit_metadata"
_VCS = ("git", "hg", "svn", "bzr")
_ROOT = re.compile(r"^(?:file://)?/*(?:\$\{PROJECT_ROOT\}|%7BPROJECT_ROOT%7D|\{root:uri\})/*")
_PLATFORM = re.compile(r"(?:manylinux|musllinux|linux)(?:_(\d+)_(\d+))?_(.+)")


class PdmLock(Struct, frozen=True, kw_only=True):
    """The lock, the pyproject.toml beside it, and those of its workspace's members."""

    path: Path
    content: Mapping[str, object]
    pyproject: Mapping[str, object]
    members: Mapping[str, Mapping[str, object]] | None = None


def pdm_pins(lock: PdmLock, function: FunctionConfig, target: Target) -> Pins:
    """The packages of `function`: the default group's, and those of its groups and extras.

    Raises LockError with all that stands in the way: another format, a stale lock, groups and
    extras that were not locked, a target it was not made for, packages without hashes.
    """
    metadata = table(lock.content, "metadata")
    _refuse_format(lock.path, metadata)
    if metadata.get("content_hash") != f"sha256:{pdm_hash(lock.pyproject, lock.members)}":
        stale = "it does not fit pyproject.toml, which changed since it was written"
        raise LockError(path=lock.path, problems=(stale,), hint=_AGAIN)
    _refuse_groups(lock.path, metadata, function)
    _refuse_target(lock.path, metadata, target)
    picked = Picked(again=_AGAIN_ONE)
    for package in _chosen(lock, function, target, picked):
        try:
            _pick(package, picked)
        except ValueError as error:
            picked.problem(str(package.get("name")), str(package.get("version")), str(error))
    return picked.done(lock.path)


def _refuse_format(path: Path, metadata: Mapping[str, object]) -> None:
    text = str(metadata.get("lock_version", ""))
    numbers = re.match(r"(\d+)", text)
    if numbers is None or int(numbers[1]) != _FORMAT:
        what = f"lock_version {text or 'none'} is not known to this imagekit, which knows {_FORMAT}"
        raise LockError(path=path, problems=(what,), hint=f"{_AGAIN}, with pdm 2.17 or later")
    if "lock_inputs" in metadata:
        # Then pdm compares each requirement with the lock instead of a hash.
        what = "it was written with `lock_inputs`, and only pdm itself can say whether it is stale"
        hint = "set lock_inputs = false under [tool.pdm.resolution], then pdm lock"
        raise LockError(path=path, problems=(what,), hint=hint)


def _refuse_groups(path: Path, metadata: Mapping[str, object], function: FunctionConfig) -> None:
    locked = {normalised(name) for name in strings(metadata.get("groups"))}
    asked = [
        ("default dependencies", _DEFAULT),
        *(("dependency group", name) for name in function.groups),
        *(("extra", name) for name in function.extras),
    ]
    missing = [(kind, name) for kind, name in asked if normalised(name) not in locked]
    if missing:
        known = ", ".join(sorted(locked)) or "none"
        raise LockError(
            path=path,
            problems=tuple(f"it has no {kind} {name!r}; it has: {known}" for kind, name in missing),
            hint=f"{_AGAIN} -G :all, where pyproject.toml declares them",
        )


def _refuse_target(path: Path, metadata: Mapping[str, object], target: Target) -> None:
    """A lock holds only the files and versions of the targets that it was made for."""
    found = metadata.get("targets")
    targets = [one for one in (found if isinstance(found, list) else []) if isinstance(one, dict)]
    if not targets or any(_serves(one, target) for one in targets):
        return
    made_for = ", ".join(" ".join(map(str, one.values())) for one in targets)
    platform = f"manylinux_{target.glibc[0]}_{target.glibc[1]}_{target.machine}"
    raise LockError(
        path=path,
        problems=(f"it was made for {made_for}, not for {target}",),
        hint=f'pdm lock --append --platform={platform} --python="=={target.python}.*"',
    )


def _serves(made_for: Mapping[str, object], target: Target) -> bool:
    """Whether one of the lock's targets covers ours. Its glibc may differ: files have tags."""
    if not allows(str(made_for.get("requires_python", "")), target.full_version):
        return False
    if made_for.get("implementation", "cpython") != "cpython" or made_for.get("gil_disabled"):
        return False
    platform = str(made_for.get("platform", ""))
    if platform in ("", "linux"):  # `linux` alone is that on x86_64
        return not platform or target.architecture == "x86_64"
    found = _PLATFORM.fullmatch(platform)
    return (
        found is not None
        and not platform.startswith("musllinux")
        and found[3] in (target.machine, target.architecture, target.oci_architecture)
    )


def _chosen(
    lock: PdmLock, function: FunctionConfig, target: Target, picked: Picked
) -> Iterator[Mapping[str, object]]:
    strategy = strings(table(lock.content, "metadata").get("strategy"))
    groups = {_DEFAULT, *map(normalised, (*function.groups, *function.extras))}
    if _INHERIT not in strategy:
        # No package says who wants it, so the dependencies are followed from the top.
        asked = Asked(pyproject=lock.pyproject, groups=frozenset(groups), target=target)
        found = reachable(list(packages_of(lock.content)), asked)
        picked.problems.extend(found.problems)
        yield from found.packages
        return
    for package in packages_of(lock.content):
        its = {normalised(name) for name in strings(package.get("groups"))}
        if its & groups and _marked(package, target, picked):
            yield package


def _marked(package: Mapping[str, object], target: Target, picked: Picked) -> bool:
    try:
        return holds(str(package.get("marker", "")), target)
    except ValueError as error:
        picked.problem(str(package.get("name")), str(package.get("version")), str(error))
        return False


def _pick(package: Mapping[str, object], picked: Picked) -> None:
    files = list(files_of(package))
    kind = next((kind for kind in _VCS if kind in package), None)
    place = str(package.get("path") or package.get("url") or "")
    if kind is not None:
        picked.place(_commit(package, kind))
    elif place:
        picked.place(_place(package, place, files))
    elif files and all("url" in file for file in files):
        picked.place(_with_urls(package, files))
    else:
        picked.pin(Pin(**head(package), sha256s=sha256s_of(files)))


def _inside(package: Mapping[str, object]) -> dict[str, object]:
    return {"subdirectory": package["subdirectory"]} if package.get("subdirectory") else {}


def _commit(package: Mapping[str, object], kind: str) -> Direct:
    if not package.get("revision"):
        raise ValueError("it is editable, and the lock names no commit of it")
    vcs = {"type": kind, "url": str(package[kind]), "commit-id": str(package["revision"])}
    return {**head(package), "vcs": vcs | _inside(package)}


def _place(package: Mapping[str, object], place: str, files: list[Mapping[str, str]]) -> Direct:
    """A folder or a file; `file:///${PROJECT_ROOT}/…` starts at the lock, as a plain path does."""
    remote = "://" in place and not place.startswith("file:")
    if _ROOT.match(place):
        place = "./" + unquote(_ROOT.sub("", place))
    elif place.startswith("file:"):
        from urllib.request import url2pathname

        place = url2pathname(urlsplit(place).path)
    if remote:
        return archive(package, {"url": place} | _inside(package), files)
    if is_archive(place):
        return archive(package, {"path": place} | _inside(package), files)
    return {"name": head(package)["name"], "directory": {"path": place} | _inside(package)}


def _with_urls(package: Mapping[str, object], files: list[Mapping[str, str]]) -> Direct:
    """With the strategy `static_urls` the lock says all that a pylock does."""
    found: dict[str, object] = {**head(package)}
    wheels = []
    for file in files:
        sha256s = sha256s_of([file])
        if not sha256s:
            raise ValueError(f"{file['url']} has no sha256")
        name = unquote(urlsplit(file["url"]).path).rpartition("/")[2]
        entry = {"name": name, "url": file["url"], "hashes": {"sha256": next(iter(sha256s))}}
        if name.endswith(".whl"):
            wheels.append(entry)
        else:
            found["sdist"] = entry
    return found | {"wheels": wheels} if wheels else found
