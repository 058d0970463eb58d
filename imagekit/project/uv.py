"""uv, as the user has it set up: the environment and configuration files that are theirs apply."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.errors import CannotBuild, CommandFailed, ImagekitError
from imagekit.project.command import run

if TYPE_CHECKING:
    from imagekit.project.indexes.handover import Handover

# These would send uv to another project than the one whose lock was found.
# https://docs.astral.sh/uv/reference/environment/
_NOT_HANDED_ON = ("UV_PROJECT", "UV_WORKING_DIR")
_PLAIN = ("--no-progress", "--color", "never")


class Uv(Struct, frozen=True, kw_only=True):
    """How uv is run. Nothing is looked for before it is needed."""

    environ: Mapping[str, str]
    folder: Path
    """Where uv runs if nothing else is said: the configuration files from here upwards apply."""
    python: str | None = None
    """The interpreter that uv shall use; uv searches for one by itself where this is None."""
    handover: Callable[[], Handover] | None = None
    """Who knows the project's indexes and our logins, asked when uv is run; None: uv is left to
    what it finds."""

    def run(
        self, *arguments: str, cwd: Path | None = None, extra: Mapping[str, str] | None = None
    ) -> str:
        """Run `uv ARGUMENTS`; what it writes to stdout.

        Raises CommandFailed with the end of its stderr, IndexRefused where an index does not let
        it in, CannotBuild where there is no uv; where `uv pip` could not reach an index
        RemoteRefused, and where it could not read a line of requirements LockError.
        """
        environ = {key: text for key, text in self.environ.items() if key not in _NOT_HANDED_ON}
        # A build backend's own words are in what --quiet would hide.
        quiet = () if arguments[0] == "build" else ("--quiet",)
        argv = (locate(self.environ), *quiet, *_PLAIN, *arguments)
        # Its words are read, and shown on a terminal of any width.
        environ |= {"UV_NO_WRAP": "1", **(extra or {})}

        def start(handed: Mapping[str, str]) -> str:
            return run(argv, cwd=cwd or self.folder, environ=handed)

        try:
            if self.handover is None:
                return start(environ)
            return self.handover().run(start, environ, arguments[0])
        except CommandFailed as error:
            if arguments[0] != "pip":
                raise
            raise self.understood(error, cwd or self.folder) from None

    def understood(self, error: CommandFailed, folder: Path) -> ImagekitError:
        """What the words of a uv that ran in `folder` come to; the error itself where unclear."""
        from imagekit.project.uv_words import understood

        handover = self.handover
        return understood(error, folder, lambda url: handover().where(url) if handover else None)

    def offline(self) -> Uv:
        """The same, which asks nobody: what uv would need from elsewhere is a CommandFailed."""
        return replace(self, environ={**self.environ, "UV_OFFLINE": "1"}, handover=None)

    def python_arguments(self, fallback: str | None = None) -> tuple[str, ...]:
        """`--python PATH`, which keeps uv away from broken shims on PATH; else the fallback."""
        chosen = self.python or fallback
        return ("--python", chosen) if chosen else ()

    def git_environ(self, url: str) -> dict[str, str]:
        """The environment for git, with who we are to `url` where the lock said it."""
        more = self.handover().git(url, self.environ) if self.handover else {}
        return {**self.environ, **more}

    def identity(self) -> str:
        """Changes when uv is exchanged for another version, and is read without running it."""
        try:
            path = Path(locate(self.environ))
            found = path.stat()
        except (OSError, CannotBuild):
            return "none"
        return f"{path}:{found.st_size}:{found.st_mtime_ns}"


def locate(environ: Mapping[str, str]) -> str:
    """The uv program: the one that started us (`UV`), the one we depend on, the one on PATH.

    uv sets `UV` for what `uv run` starts. Raises CannotBuild where there is none.
    """
    started_us = environ.get("UV")
    if started_us and Path(started_us).is_file():
        return started_us
    # Where pip puts it; `find_uv_bin` says the same, and takes 8 ms to import.
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    if beside.is_file():
        return str(beside)
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        on_path = shutil.which("uv", path=environ.get("PATH"))
    if on_path is None:
        raise CannotBuild(what="uv is not installed", hint="pip install uv")
    return on_path
