"""What is known of an index: where it is, who named it, and who we are to it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec import Struct

Tool = Literal["uv", "poetry", "pdm", "pip", "lock"]
Role = Literal["default", "extra", "find-links", "direct"]
"""`direct`: no index, but a single file or repository whose URL carries a user."""

AwsToken = Callable[[str, str, str], str]
"""Domain, owner and region of a CodeArtifact to a token; given in, as this room has no AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user and a password; `password` is None where only the user is known yet."""

    user: str
    password: str | None = field(repr=False)
    source: str
    """Where it was found, in words: a variable's name, a file."""

    @property
    def header(self) -> str:
        """As `Authorization` wants it (RFC 7617); a missing password is an empty one."""
        pair = f"{self.user}:{self.password or ''}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    @property
    def pair(self) -> tuple[str, str]:
        """What decides whether two are the same, wherever they stand."""
        return self.user, self.password or ""


class Index(Struct, frozen=True, kw_only=True):
    """An index or a page of links, as a tool's configuration names it."""

    url: str
    """Without user and password."""
    tool: Tool
    where: str
    """The file and key, or the variable."""
    name: str | None = None
    role: Role = "extra"
    login: Login | None = None
    variable: str | None = None
    """The variable whose value names it, where one does."""
    keyring_service: str | None = None
    """What the tool calls it in a keyring, where that is not its URL."""


class Place(Struct, frozen=True, kw_only=True):
    """A lock that packages come from, and the folders whose configuration applies to it."""

    kind: str
    """As `LockFile.kind` has it; `any` where no tool is known."""
    path: Path
    folders: tuple[Path, ...]
    """From the innermost outwards."""
