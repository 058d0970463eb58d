"""User and password of a host from `.netrc`, as curl, pip and uv read it (`_netrc` on Windows)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.values import Login


def netrc_login(host: str, machine: Machine) -> Login | None:
    """The entry of exactly this host; never the file's `default`, which would tell everybody.

    A file that cannot be read counts as none, as it does for pip and uv.
    """
    path = netrc_path(machine)
    if path is None:
        return None
    from netrc import NetrcParseError, netrc

    try:
        entry = netrc(str(path)).hosts.get(host)
    except (OSError, UnicodeDecodeError, NetrcParseError):
        return None
    if entry is None or not (entry[0] or entry[2]):
        return None
    return Login(user=entry[0] or "", password=entry[2] or "", source=machine.shown(path))


def netrc_path(machine: Machine) -> Path | None:
    """The file that is read; None where there is none."""
    return next((path for path in _places(machine) if path.is_file()), None)


def _places(machine: Machine) -> Iterator[Path]:
    if named := machine.text("NETRC"):
        yield Path(named)
        return
    yield machine.home / ".netrc"
    yield machine.home / "_netrc"
