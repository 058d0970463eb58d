"""Running `docker-credential-NAME get` (docker/docker-credential-helpers, README)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from imagekit.model.errors import RemoteRefused

_SECONDS = 60
# The protocol's own word for "I do not know this registry"; helpers exit 1 for every error.
_UNKNOWN = "credentials not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperAnswer:
    """What a helper knows of a registry."""

    user: str
    secret: str = field(repr=False)


def ask_helper(
    name: str, server: str, environ: Mapping[str, str], *, required: bool
) -> HelperAnswer | None:
    """Ask the helper `name` for `server`; None where it knows nothing of it.

    A helper that is not installed is an error only if it is `required`: `credsStore` outlives the
    Docker Desktop that wrote it. RemoteRefused where the helper fails.
    """
    import shutil
    import subprocess

    program = shutil.which(f"docker-credential-{name}", path=environ.get("PATH"))
    if program is None:
        if not required:
            return None
        raise _refused(name, server, "it is not installed")
    try:
        done = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            env=dict(environ),
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(name, server, str(error)) from error
    if done.returncode:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        if _UNKNOWN in said:
            return None
        raise _refused(name, server, said or f"it ended with status {done.returncode}")
    return _answer(name, server, done.stdout)


def _answer(name: str, server: str, stdout: bytes) -> HelperAnswer | None:
    try:
        found = json.loads(stdout)
        user, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        # Its output is not quoted: it may hold the secret.
        raise _refused(name, server, "it answered in an unknown form") from error
    return HelperAnswer(user=user, secret=secret) if secret else None


def _refused(name: str, server: str, why: str) -> RemoteRefused:
    return RemoteRefused(
        what=f"docker-credential-{name} gives no credential for {server}",
        causes=(why,),
        hint=f"echo {server} | docker-credential-{name} get",
    )
