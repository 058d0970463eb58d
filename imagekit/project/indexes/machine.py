"""Where tools keep the user's and the machine's settings, on Linux, macOS and Windows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})


class Machine(Struct, frozen=True, kw_only=True):
    """The user's environment, home and operating system (`sys.platform`)."""

    environ: Mapping[str, str]
    home: Path
    system: str = sys.platform

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Machine:
        """This machine, as `environ` describes it."""
        named = environ.get("HOME") or environ.get("USERPROFILE")
        return cls(environ=environ, home=Path(named) if named else Path.home())

    def text(self, *names: str) -> str:
        """The first of these variables that is set to something."""
        return next((self.environ[name] for name in names if self.environ.get(name)), "")

    def flag(self, name: str) -> bool | None:
        """A variable that says yes or no; None where it is not set, as uv reads it."""
        value = self.environ.get(name, "").strip().lower()
        return None if not value else value in _TRUE

    def own(self, app: str, *, xdg_on_mac: bool = False, roaming: bool = True) -> Path:
        """The user's folder of settings for `app`, as platformdirs has it.

        `xdg_on_mac`: uv uses `~/.config` there, too.
        """
        if self.system == "win32":
            variable, folder = ("APPDATA", "Roaming") if roaming else ("LOCALAPPDATA", "Local")
            named = self.text(variable)
            return (Path(named) if named else self.home / "AppData" / folder) / app
        if self.system == "darwin" and not xdg_on_mac:
            return self.home / "Library" / "Application Support" / app
        named = self.text("XDG_CONFIG_HOME")
        return (Path(named) if named else self.home / ".config") / app

    def shared(self, app: str) -> Iterator[Path]:
        """The machine's folders of settings for `app`, the strongest first."""
        if self.system == "win32":
            yield Path(self.text("PROGRAMDATA") or "C:\\ProgramData") / app
            return
        if self.system == "darwin":
            yield Path("/Library/Application Support") / app
        for folder in (self.text("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
            yield Path(folder) / app
        yield Path("/etc") / app

    def shown(self, path: Path) -> str:
        """The path for people, with `~` for the home."""
        if not path.is_relative_to(self.home):
            return str(path)
        return f"~/{path.relative_to(self.home).as_posix()}"
