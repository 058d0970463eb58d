"""Asking the `keyring` command (https://keyring.readthedocs.io), as uv and pip do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.pip import pip_setting
from imagekit.project.indexes.values import Login

_SECONDS = 60
_SOURCE = "the keyring command"


def told(machine: Machine, settings: Iterator[tuple[str, Mapping[str, object]]]) -> bool:
    """Whether uv or pip is told to ask it; else it is asked only after a refusal."""
    if said := machine.text("UV_KEYRING_PROVIDER"):
        return said == "subprocess"
    if any(each.get("keyring-provider") == "subprocess" for _, each in settings):
        return True
    return pip_setting("keyring-provider", machine)[1] in ("import", "subprocess")


def keyring_login(
    url: str, user: str | None, machine: Machine, service: str | None = None
) -> Login | None:
    """What it knows of the URL, else of the host; None where it is not installed or knows nothing.

    With `--mode creds` it gives the user, too, where none is known.
    """
    import shutil

    program = shutil.which("keyring", path=machine.environ.get("PATH"))
    if program is None:
        return None
    host = urlsplit(url).netloc
    for asked in (*((service,) if service else ()), url, host):
        if user is None:
            lines = _ask((program, "get", "--mode", "creds", asked), machine)
            if len(lines) >= 2:
                return Login(user=lines[0], password=lines[1], source=_SOURCE)
        elif lines := _ask((program, "get", asked, user), machine):
            return Login(user=user, password=lines[0], source=_SOURCE)
    return None


def _ask(argv: tuple[str, ...], machine: Machine) -> list[str]:
    """What it wrote; nothing where it fails. Neither is ever shown: it may be the password."""
    import subprocess

    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=dict(machine.environ),
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
