"""Copies of what is built here: the user's own folders, sdists, commits of repositories."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.model.package import Vcs
from imagekit.project.command import run
from imagekit.project.neverlist import is_private_key, never_in

# What tools leave behind: a build or a test run before this one must change nothing.
_LEFT_BEHIND = {
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    "node_modules",
}
_LEFT_BEHIND_AT_TOP = {"build", "dist"}
# A git hook or another git command may have started us, and means another repository by these.
_GIT_LOCATIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")


class Files(Struct, frozen=True):
    """The files of a project folder: relative POSIX path and where each lies, sorted."""

    entries: tuple[tuple[str, Path], ...]

    @classmethod
    def of(cls, root: Path) -> Files:
        """Every file that may go into a build; links are followed, each folder once."""
        found = {path.relative_to(root).as_posix(): path for path in _walk(root)}
        return cls(tuple(sorted(found.items())))

    def digest(self) -> Digest:
        """Of relative paths, executable bits and bytes; modes and times beyond that are the
        machine's."""
        total = hashlib.sha256()
        for name, path in self.entries:
            executable = b"x" if path.stat().st_mode & 0o100 else b"-"
            total.update(name.encode() + b"\0" + executable)
            total.update(hashlib.sha256(path.read_bytes()).digest())
        return Digest(total.hexdigest())

    def copy(self, target: Path) -> None:
        """Copy them under `target`, where a build may write as it likes."""
        import shutil

        target.mkdir(parents=True)
        for name, path in self.entries:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
            if path.stat().st_mode & 0o100:
                (target / name).chmod(0o755)


def _walk(root: Path) -> Iterator[Path]:
    seen = set()
    for folder, names, files in os.walk(root, followlinks=True):
        here = Path(folder)
        names[:] = [name for name in names if not _skipped(here / name, at_top=here == root)]
        real = here.resolve()
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        yield from (here / name for name in files if _is_part(here / name))


def _is_part(file: Path) -> bool:
    if never_in(file.name) or not file.is_file():
        return False
    return not is_private_key(file.name, str(file))


def _skipped(folder: Path, *, at_top: bool) -> bool:
    name = folder.name
    return (
        never_in(name)
        or name in _LEFT_BEHIND
        or name.endswith(".egg-info")
        or (at_top and name in _LEFT_BEHIND_AT_TOP)
        or (folder / "pyvenv.cfg").exists()  # a virtual environment of any name (PEP 405)
    )


def unpack(archive: Path, target: Path) -> Path:
    """Unpack an archive under `target`; its single top folder. CannotBuild for one that climbs."""
    import tarfile
    import zipfile

    target.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(target)  # noqa: S202 - zipfile itself keeps names inside
        else:
            with tarfile.open(archive) as tar:
                # The filter keeps names, links and modes inside (PEP 706; Python 3.11.4).
                tar.extractall(target, filter="data")
    except (OSError, tarfile.TarError, zipfile.BadZipFile, TypeError) as error:
        raise CannotBuild(
            what=f"{archive.name} cannot be unpacked", causes=(str(error),)
        ) from error
    inside = sorted(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


def checkout(vcs: Vcs, target: Path, environ: Mapping[str, str]) -> None:
    """The files of the pinned commit under `target`, with submodules.

    Asks for that commit alone, and where a server does not give single commits for all of it.
    Raises CommandFailed with git's words, without credentials.
    """
    kept = {key: text for key, text in environ.items() if key not in _GIT_LOCATIONS}
    quiet = kept | {"GIT_TERMINAL_PROMPT": "0"}
    # Line ends as they are in the repository, whatever this machine prefers.
    git = ("git", "-c", "core.autocrlf=false", "-c", "advice.detachedHead=false", "-C", str(target))

    target.mkdir(parents=True)
    run((*git, "init", "--quiet"), cwd=target, environ=quiet)
    try:
        one = ("fetch", "--quiet", "--depth=1", "--no-tags", "--", vcs.url, vcs.commit)
        run((*git, *one), cwd=target, environ=quiet)
    except CommandFailed:
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        run((*git, "fetch", "--quiet", "--", vcs.url, *everything), cwd=target, environ=quiet)
    run((*git, "checkout", "--quiet", vcs.commit), cwd=target, environ=quiet)
    if (target / ".gitmodules").is_file():
        update = ("submodule", "update", "--quiet", "--init", "--recursive")
        run((*git, *update), cwd=target, environ=quiet)
