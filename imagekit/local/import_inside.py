"""Imports a handler in a container, by the image's own Python, under Lambda's restrictions."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from imagekit.daemon.engine import Engine
from imagekit.local.importing import checked, crashed, program, read
from imagekit.local.probing import said_by
from imagekit.local.sandbox import Sandbox
from imagekit.model.importing import ImportCheck

_ROOTS: Final = ("/var/task", "/opt/python", "/var/runtime")
"""As AWS's own bootstrap has them; folders that are not there do no harm."""


def import_inside(engine: Engine, sandbox: Sandbox, handler: str) -> ImportCheck:
    """Import it in a fresh container. RemoteRefused for what the engine does not do."""
    said = said_by(engine, sandbox, (program(), handler, ":".join(_ROOTS)))
    found = read(said, _ROOTS)
    where = "a container of its image" if sandbox.managed is None else "a container of its base"
    check = checked(handler, where, found)
    if found is None:
        return replace(check, failure=crashed("ended before it said anything", said))
    return check
