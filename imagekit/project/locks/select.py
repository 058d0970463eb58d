"""From a pylock's content to the packages of one target (PEP 751).

https://packaging.python.org/specifications/pylock-toml/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from imagekit.model.digest import Digest
from imagekit.model.errors import LockError, NoWheel, NoWheels
from imagekit.model.package import Artifact, Directory, LockedPackage, Origin, Sdist, Vcs
from imagekit.model.target import Target
from imagekit.net.userinfo import without_userinfo
from imagekit.project.locks.reasons import is_for_linux, target_tags, why_none_fits

if TYPE_CHECKING:
    from packaging import pylock

    File = pylock.PackageWheel | pylock.PackageSdist | pylock.PackageArchive

_ARCHIVES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Pylock(Struct, frozen=True, kw_only=True):
    """The content of a pylock file, and what has to be known to read it."""

    content: Mapping[str, object]
    path: Path
    """The lock, for errors."""
    folder: Path
    """Relative paths in it start here."""
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


def select(lock: Pylock, target: Target) -> tuple[LockedPackage, ...]:
    """The packages that `target` gets, in the lock's order.

    Raises LockError with all that is wrong in the lock, NoWheels with every package that has
    nothing for this target.
    """
    read = _read(lock)
    chosen = _Chosen(lock=lock, target=target, fitting=_selector(target))
    for package in _wanted(read, lock, target):
        chosen.add(package)
    if chosen.wrong:
        raise LockError(path=lock.path, problems=tuple(chosen.wrong))
    if chosen.missing:
        raise NoWheels(problems=tuple(chosen.missing), hint=_hint(target))
    return tuple(chosen.packages)


def _read(lock: Pylock) -> pylock.Pylock:
    from packaging.pylock import Pylock as Parsed
    from packaging.pylock import PylockValidationError

    try:
        read = Parsed.from_dict(lock.content)
    except PylockValidationError as error:
        problems = tuple(_problems(lock.content)) or (str(error),)
        raise LockError(path=lock.path, problems=problems) from error
    unknown = [
        *(f"it has no extra {name!r}" for name in lock.extras if name not in (read.extras or ())),
        *(
            f"it has no dependency group {name!r}"
            for name in lock.groups
            if name not in (read.dependency_groups or ())
        ),
    ]
    if unknown:
        known = [*(read.extras or ()), *(read.dependency_groups or ())]
        hint = f"the lock knows: {', '.join(known)}" if known else "lock again, with them"
        raise LockError(path=lock.path, problems=tuple(unknown), hint=hint)
    return read


def _problems(content: Mapping[str, object]) -> Iterator[str]:
    """All that is wrong: packaging stops at the first, so each package is read alone."""
    from packaging.pylock import Pylock as Parsed
    from packaging.pylock import PylockValidationError

    packages = content.get("packages")
    head = {key: value for key, value in content.items() if key != "packages"}
    alone: list[object] = packages if isinstance(packages, list) else []
    for index, package in enumerate(alone):
        try:
            Parsed.from_dict(head | {"packages": [package]})
        except PylockValidationError as error:
            # A problem of the head shows with every package; it has no package in its context.
            if "packages" in (error.context or ""):
                name = package.get("name") if isinstance(package, dict) else None
                yield f"{name or f'packages[{index}]'}: {error}".replace("packages[0].", "")


def _wanted(read: pylock.Pylock, lock: Pylock, target: Target) -> Iterator[pylock.Package]:
    """The packages whose markers hold, found by packaging's own rules.

    Each package stands in with a folder in place of its files, so that all packages without a
    fitting file are found, where packaging would stop at the first.
    """
    from packaging.markers import Environment
    from packaging.pylock import Package, PackageDirectory, PylockSelectError
    from packaging.pylock import Pylock as Parsed

    stand_ins = [
        Package(
            name=package.name,
            marker=package.marker,
            requires_python=package.requires_python,
            directory=PackageDirectory(path=str(index)),
        )
        for index, package in enumerate(read.packages)
    ]
    environment: Environment = target.environment()  # type: ignore[assignment]  # all eleven keys
    heads = Parsed(
        lock_version=read.lock_version,
        environments=read.environments,
        requires_python=read.requires_python,
        created_by=read.created_by,
        packages=stand_ins,
    )
    # Default groups are synthetic: `[project.dependencies]` under a name (PEP 751).
    groups = (*(read.default_groups or ()), *lock.groups)
    try:
        for _, place in heads.select(
            environment=environment, tags=(), extras=lock.extras, dependency_groups=groups
        ):
            if isinstance(place, PackageDirectory):
                yield read.packages[int(place.path)]
    except PylockSelectError as error:
        raise LockError(path=lock.path, problems=(f"it does not fit {target}: {error}",)) from error


class _Chosen(Struct, kw_only=True):
    """Packages as they are chosen, with all that stands in their way."""

    lock: Pylock
    target: Target
    fitting: Callable[[pylock.Package], pylock.PackageWheel | None]
    packages: list[LockedPackage] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    missing: list[NoWheel] = field(default_factory=list)

    def add(self, package: pylock.Package) -> None:
        version = str(package.version) if package.version else "0"
        try:
            origin = self.origin(package)
        except ValueError as error:
            self.wrong.append(f"{package.name} {version}: {error}")
            return
        if origin is None:
            names = tuple(wheel.filename for wheel in package.wheels or ())
            self.missing.append(self.no_wheel(f"{package.name} {version}", names))
        else:
            found = LockedPackage(name=package.name, version=version, origin=origin)
            self.packages.append(found)

    def no_wheel(self, label: str, names: tuple[str, ...]) -> NoWheel:
        reason = why_none_fits(names, self.target)
        return NoWheel(package=label, target=str(self.target), available=names, reason=reason)

    def origin(self, package: pylock.Package) -> Origin | None:
        """Where it comes from; None where no file fits. ValueError: the lock is no use."""
        if package.vcs is not None:
            return self.vcs(package.vcs)
        if package.directory is not None:
            folder = self.lock.folder / package.directory.path
            return Directory(_folder(folder / (package.directory.subdirectory or "")))
        if package.archive is not None:
            return self.archive(package.archive)
        if wheel := self.fitting(package):
            return self.artifact(wheel, wheel.filename)
        # Where the authors compile for Linux, building it here would give other bytes on each
        # machine, or fail for a compiler; the wheel's absence is the thing to know.
        if package.sdist is None or any(is_for_linux(w.filename) for w in package.wheels or ()):
            return None
        return Sdist(artifact=self.artifact(package.sdist, package.sdist.filename))

    def vcs(self, vcs: pylock.PackageVcs) -> Vcs:
        if vcs.type != "git":
            raise ValueError(f"{vcs.type} is not supported, only git")
        if not _COMMIT.fullmatch(vcs.commit_id):
            raise ValueError(f"{vcs.commit_id!r} is not a full commit id")
        url = vcs.url or (self.lock.folder / (vcs.path or "")).resolve().as_uri()
        return Vcs(
            url=without_userinfo(url.removeprefix("git+")),
            commit=vcs.commit_id,
            subdirectory=vcs.subdirectory,
        )

    def archive(self, archive: pylock.PackageArchive) -> Origin | None:
        place = archive.path or urlsplit(archive.url or "").path
        name = unquote(place).replace("\\", "/").rpartition("/")[2]
        artifact = self.artifact(archive, name)
        if not name.endswith((".whl", *_ARCHIVES)):
            raise ValueError(f"{name!r} is neither a wheel nor a source archive")
        if not name.endswith(".whl"):
            return Sdist(artifact=artifact, subdirectory=archive.subdirectory)
        return artifact if _fits(name, self.target) else None

    def artifact(self, file: File, name: str) -> Artifact:
        sha256 = file.hashes.get("sha256")
        if sha256 is None:
            raise ValueError(f"{name} has no sha256, only {', '.join(file.hashes)}")
        return Artifact(
            filename=name,
            url=without_userinfo(file.url or "")
            or (self.lock.folder / (file.path or "")).resolve().as_uri(),
            digest=Digest.parse(f"sha256:{sha256.lower()}"),
            size_bytes=file.size,
        )


def _selector(target: Target) -> Callable[[pylock.Package], pylock.PackageWheel | None]:
    from packaging.tags import create_compatible_tags_selector
    from packaging.utils import parse_wheel_filename

    best = create_compatible_tags_selector(target_tags(target))

    def fitting(package: pylock.Package) -> pylock.PackageWheel | None:
        wheels = package.wheels or ()
        tagged = ((wheel, parse_wheel_filename(wheel.filename)[-1]) for wheel in wheels)
        return next(best(tagged), None)

    return fitting


def _fits(filename: str, target: Target) -> bool:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        tags = parse_wheel_filename(filename)[-1]
    except InvalidWheelFilename as error:
        raise ValueError(f"{filename!r} is not the name of a wheel") from error
    return not tags.isdisjoint(target_tags(target))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return path.resolve()


def _hint(target: Target) -> str:
    return (
        "lock a version that has such a wheel; or put one built for "
        f"{target.machine} into an index or find-links folder of uv's, and lock again"
    )
