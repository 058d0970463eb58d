"""User and password in a URL (RFC 3986, 3.2.1): taken out before anything is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit, urlunsplit

# Of http alone: in `ssh://git@host/…` the user is part of the address, and no secret.
_USERINFO = re.compile(r"(https?://)[^\s/?#\"<>`]*@", re.IGNORECASE)
_USERINFO_BYTES = re.compile(_USERINFO.pattern.encode(), re.IGNORECASE)
_WITH_USERINFO = re.compile(r"https?://[^\s/?#\"<>`]*@[^\s\"'<>`]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Userinfo:
    """What stood before the `@`, decoded; `password` is None where there was no colon."""

    user: str
    password: str | None = field(repr=False)


def split(url: str) -> tuple[str, Userinfo | None]:
    """The URL without user and password, and those two; ValueError where it is no URL."""
    parts = urlsplit(url)
    before, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, colon, password = before.partition(":")
    plain = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    return plain, Userinfo(unquote(user), unquote(password) if colon else None)


def join(url: str, user: str, password: str) -> str:
    """The URL with these as its user and password, in place of any that it has."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    both = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return urlunsplit((parts.scheme, f"{both}@{host}", parts.path, parts.query, parts.fragment))


def without_userinfo(text: str) -> str:
    """The text, with user and password gone from each http URL in it."""
    return _USERINFO.sub(r"\1", text)


def bytes_without_userinfo(data: bytes) -> bytes:
    """The same for a file that is not to be decoded."""
    return _USERINFO_BYTES.sub(rb"\1", data) if b"@" in data else data


def urls_with_userinfo(text: str) -> tuple[str, ...]:
    """The http URLs of a text that carry a user, as they stand there."""
    return tuple(_WITH_USERINFO.findall(text))
