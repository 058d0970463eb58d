"""The rules over an image's command: what it means to Lambda's runtime client."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from imagekit.check.documents import RawConfig
from imagekit.check.findings import Findings
from imagekit.check.handler import malformed
from imagekit.check.rules import M21, M22, M23

CLIENT: Final = "awslambdaric"
"""The runtime client's module."""

_CONFIG = "the config"


class Command(Struct, frozen=True, kw_only=True):
    """What the image's command means to Lambda's runtime client."""

    handler: str | None
    """None where the image does not say one, or in a way that is not known."""
    client: bool
    """It is awslambdaric, started by Python."""


def command_of(config: RawConfig) -> Command:
    """Read ENTRYPOINT and CMD together, as Lambda does."""
    rest = config.argv[1:]
    if config.is_aws:
        return Command(handler=rest[0] if len(rest) == 1 else None, client=False)
    if CLIENT in rest and rest.index(CLIENT) > 0 and rest[rest.index(CLIENT) - 1] == "-m":
        after = rest[rest.index(CLIENT) + 1 :]
        return Command(handler=after[0] if after else None, client=True)
    return Command(handler=None, client=False)


def check_command(config: RawConfig, handler: str | None) -> Findings:
    """The command alone; `handler` is the function's, where the caller knows it."""
    command = command_of(config)
    if config.is_aws and len(config.argv) != 2:
        what = f"gets {len(config.argv) - 1} arguments: {' '.join(config.argv[1:]) or 'none'}"
        yield M21.found(_CONFIG, f"/lambda-entrypoint.sh {what}")
    if command.client and command.handler is None:
        yield M23.found(_CONFIG, "awslambdaric gets no handler")
    asked = handler or command.handler
    if asked and (refused := malformed(asked)):
        yield M22.found(_CONFIG, refused)
