"""Sdists, commits and own projects become wheels: built once per content, from a copy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from imagekit.contents.sources import Files, checkout, unpack
from imagekit.model.digest import Digest
from imagekit.model.errors import (
    CannotBuild,
    CommandFailed,
    DigestMismatch,
    NoWheel,
    NoWheels,
)
from imagekit.model.package import Artifact, Directory, LockedPackage, Package, Sdist, Vcs
from imagekit.model.target import Target
from imagekit.project.uv import Uv
from imagekit.store import Store

Fetch = Callable[[Artifact], Path]
"""Brings a file here; its digest is what the lock says."""

_KIND = "built"
_SCHEMA = 1
"""Raised when the same content gives other wheels."""
# ZIP's first moment: files in a wheel cannot be older.
_SOURCE_DATE_EPOCH = "315532800"
_PURE = ("none", "any")


def build_wheels(
    locked: tuple[LockedPackage, ...],
    target: Target,
    *,
    store: Store,
    uv: Uv,
    fetch: Fetch,
    say: Callable[[LockedPackage], None] | None = None,
) -> tuple[Package, ...]:
    """Every package with its wheel; wheels of the lock pass through.

    `say` is told of each package before it is built, as that takes seconds. Raises NoWheels with
    every package whose wheel would not run on `target`, CannotBuild with the build's own words
    where one fails, and what `fetch` raises.
    """
    workshop = _Workshop(target=target, store=store, uv=uv, fetch=fetch, say=say)
    packages: list[Package] = []
    missing: list[NoWheel] = []
    for one in locked:
        try:
            packages.append(workshop.package(one))
        except NoWheel as error:
            missing.append(error)
    if missing:
        raise NoWheels(problems=tuple(missing), hint=_hint(target))
    return tuple(packages)


class _Built(Struct, frozen=True, kw_only=True):
    """A wheel in the store."""

    filename: str
    digest: Digest
    size_bytes: int

    @property
    def pure(self) -> bool:
        python, *rest = _tags_of(self.filename)
        return "py3" in python.split(".") and tuple(rest) == _PURE

    @property
    def version(self) -> str:
        return self.filename.split("-")[1]


class _Workshop(Struct, frozen=True, kw_only=True):
    target: Target
    store: Store
    uv: Uv
    fetch: Fetch
    say: Callable[[LockedPackage], None] | None

    def package(self, locked: LockedPackage) -> Package:
        if isinstance(locked.origin, Artifact):
            return Package(name=locked.name, version=locked.version, wheel=locked.origin)
        content = _content(locked)
        built = self.known(content) or self.build(locked, content)
        if not built.pure and (reason := _unfit(built.filename, self.target)):
            raise NoWheel(
                package=f"{locked.name} {built.version}",
                target=str(self.target),
                available=(built.filename,),
                reason=reason,
            )
        wheel = Artifact(
            filename=built.filename,
            url=self.store.blob_path(built.digest).as_uri(),
            digest=built.digest,
            size_bytes=built.size_bytes,
        )
        own = isinstance(locked.origin, Directory)
        return Package(name=locked.name, version=built.version, wheel=wheel, own=own)

    def known(self, content: Digest) -> _Built | None:
        """What was built from this content before; a pure wheel serves every target."""
        return self.read(content) or self.read(self.key(content))

    def read(self, key: Digest) -> _Built | None:
        match self.store.record(_KIND, key.hex):
            case {"filename": str(name), "digest": str(digest), "size_bytes": int(size)}:
                built = _Built(filename=name, digest=Digest(digest), size_bytes=size)
                return built if self.store.has_blob(built.digest, size) else None
            case _:
                return None

    def key(self, content: Digest) -> Digest:
        """Of a wheel that is not pure: it is of one Python on one machine."""
        import platform

        target = f"{content.hex} {self.target.python} {platform.system()} {platform.machine()}"
        return Digest.of(target.encode())

    def build(self, locked: LockedPackage, content: Digest) -> _Built:
        if self.say:
            self.say(locked)
        with self.store.folder() as scratch:
            source = self.source(locked, scratch)
            filename, data = self.run(locked, source, scratch / "out")
        digest = self.store.put_blob(data)
        built = _Built(filename=filename, digest=digest, size_bytes=len(data))
        key = content if built.pure else self.key(content)
        value: dict[str, object] = {"filename": filename, "size_bytes": len(data)}
        self.store.put_record(_KIND, key.hex, value | {"digest": digest.hex})
        return built

    def source(self, locked: LockedPackage, scratch: Path) -> Path:
        """What `uv build` is given: a copy, so that nothing of the user's is written to."""
        import shutil

        match locked.origin:
            case Directory(path):
                Files.of(path).copy(scratch / path.name)
                return scratch / path.name
            case Vcs() as vcs:
                with _failing(locked):
                    checkout(vcs, scratch / "repository", self.uv.git_environ(vcs.url))
                return scratch / "repository" / (vcs.subdirectory or "")
            case Sdist(artifact=artifact, subdirectory=subdirectory):
                archive = scratch / artifact.filename
                shutil.copyfile(self.fetch(artifact), archive)
                _check(archive, artifact)
                if subdirectory is None:
                    return archive
                return unpack(archive, scratch / "unpacked") / subdirectory
            case Artifact():
                raise CannotBuild(what=f"{locked.name} is a wheel already")

    def run(self, locked: LockedPackage, source: Path, out: Path) -> tuple[str, bytes]:
        """Build; the wheel's name and its bytes, written anew."""
        from imagekit.contents.rewheel import rewrite

        python = self.uv.python_arguments(fallback=self.target.python)
        arguments = ("build", "--wheel", "--no-create-gitignore", "--out-dir", str(out), *python)
        with _failing(locked):
            self.uv.run(*arguments, "--", str(source), extra=dict(_environ(locked)))
        wheels = sorted(out.glob("*.whl"))
        if len(wheels) != 1:
            raise CannotBuild(what=f"building {locked.name} gave {len(wheels)} wheels, not one")
        _check_name(locked, wheels[0].name)
        return wheels[0].name, rewrite(wheels[0])


@contextmanager
def _failing(locked: LockedPackage) -> Iterator[None]:
    """A program that fails here is a package that cannot be built, in that program's words."""
    try:
        yield
    except CommandFailed as error:
        raise CannotBuild(
            what=f"{locked.name} {locked.version} cannot be built from {_where(locked)}",
            causes=tuple(error.stderr_tail.splitlines()),
        ) from error


def _content(locked: LockedPackage) -> Digest:
    """Names what is built: equal content is built once, wherever it lies."""
    match locked.origin:
        case Directory(path):
            of = ["directory", Files.of(path).digest().hex]
        case Vcs(url=url, commit=commit, subdirectory=subdirectory):
            of = ["vcs", url, commit, subdirectory or ""]
        case Sdist(artifact=artifact, subdirectory=subdirectory):
            of = ["sdist", artifact.digest.hex, subdirectory or ""]
        case Artifact():
            of = ["wheel", locked.origin.digest.hex]
    return Digest.of("\0".join([str(_SCHEMA), locked.name, *of]).encode())


def _environ(locked: LockedPackage) -> Iterator[tuple[str, str]]:
    yield "SOURCE_DATE_EPOCH", _SOURCE_DATE_EPOCH
    if isinstance(locked.origin, Vcs) and locked.version != "0":
        # A single commit has no tags to count from; the lock knows what the version was.
        # https://setuptools-scm.readthedocs.io/en/latest/overrides/
        name = locked.name.replace("-", "_").replace(".", "_").upper()
        yield f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}", locked.version


def _where(locked: LockedPackage) -> str:
    match locked.origin:
        case Directory(path):
            return str(path)
        case Vcs(url=url, commit=commit):
            from imagekit.net.http import redact

            return f"{redact(url)} at {commit[:12]}"
        case Sdist(artifact=artifact):
            return artifact.filename
        case Artifact():
            return locked.origin.filename


def _check(archive: Path, artifact: Artifact) -> None:
    """An sdist is run to build it, so its digest is checked here too."""
    with archive.open("rb") as file:
        actual = Digest(hashlib.file_digest(file, "sha256").hexdigest())
    if actual != artifact.digest:
        raise DigestMismatch(
            what=artifact.filename, expected=str(artifact.digest), actual=str(actual)
        )


def _check_name(locked: LockedPackage, filename: str) -> None:
    from packaging.utils import parse_wheel_filename
    from packaging.version import Version

    name, version, *_ = parse_wheel_filename(filename)
    if name != locked.name or (locked.version != "0" and version != Version(locked.version)):
        raise CannotBuild(
            what=f"{_where(locked)} gives {name} {version}, "
            f"and the lock says {locked.name} {locked.version}",
            hint="lock again",
        )


def _tags_of(filename: str) -> tuple[str, str, str]:
    """Python, abi and platform, as the name says them."""
    python, abi, where = filename.removesuffix(".whl").rsplit("-", 3)[1:]
    return python, abi, where


def _unfit(filename: str, target: Target) -> str | None:
    """Why a wheel that was compiled here cannot go to `target`; None where it can."""
    import platform

    from packaging.utils import parse_wheel_filename

    from imagekit.project.locks.reasons import target_tags

    *_, where = _tags_of(filename)
    if parse_wheel_filename(filename)[-1].isdisjoint(target_tags(target)):
        return f"it is not pure Python, and was built for {where} here"
    if where == _PURE[1]:
        return None
    # A tag such as linux_x86_64 says nothing about glibc: what it is built on is the floor.
    libc, version = platform.libc_ver()
    floor = ".".join(str(part) for part in target.glibc)
    if libc != "glibc" or _numbers(version) > target.glibc:
        found = f"{libc or 'an unknown libc'} {version}".rstrip()
        return f"it is not pure Python, and was built against {found}; the target has {floor}"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _hint(target: Target) -> str:
    return (
        f"build a wheel for {target} yourself, put it into an index or find-links folder "
        "of uv's, and lock again"
    )
