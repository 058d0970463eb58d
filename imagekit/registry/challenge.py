"""What a registry asks for in `WWW-Authenticate` (RFC 9110, 11.6.1; distribution's token spec)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

# A scheme stands alone or before its first parameter; a parameter's value may hold commas.
_PIECE = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))|([A-Za-z0-9_-]+)')


class Challenge(Struct, frozen=True, kw_only=True):
    """How the registry wants to be asked."""

    scheme: str
    """`basic` or `bearer`."""
    realm: str = ""
    """Of a bearer challenge: the URL of the token service."""
    service: str = ""
    scope: str = ""


class Scope(Struct, frozen=True, order=True, kw_only=True):
    """What a token is good for: one repository, to read or also to write."""

    repository: str
    write: bool = False

    def __str__(self) -> str:
        return f"repository:{self.repository}:{'pull,push' if self.write else 'pull'}"


def covers(granted: Iterable[Scope], needed: Iterable[Scope]) -> bool:
    """Whether a token for `granted` does for `needed`."""
    had = set(granted)
    had |= {Scope(repository=scope.repository) for scope in had}
    return had.issuperset(needed)


def parse_challenge(header: str) -> Challenge | None:
    """The challenge to answer, bearer before basic; None where there is neither."""
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for name, quoted, plain, scheme in _PIECE.findall(header):
        if scheme:
            current = found.setdefault(scheme.lower(), {})
        else:
            current[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) or plain
    for scheme in ("bearer", "basic"):
        if scheme in found:
            fields = found[scheme]
            return Challenge(
                scheme=scheme,
                realm=fields.get("realm", ""),
                service=fields.get("service", ""),
                scope=fields.get("scope", ""),
            )
    return None
