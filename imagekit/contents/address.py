"""Where a wheel is served or lies, and what to send along to get it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct

from imagekit.model.errors import CannotBuild
from imagekit.model.package import Artifact
from imagekit.net.http import Request
from imagekit.net.query import is_masked

_UNKNOWN = "is not kept, as it may be secret, and no requirement names that file with it"
_HINT = "name the file by its whole URL in the requirements; or lock with `uv lock`"
_DRIVE = re.compile(r"/[A-Za-z]:")


class Address(Struct, frozen=True):
    """A URL, and the user and password that stood in it as a header."""

    url: str
    authorization: str | None = None

    @classmethod
    def of(cls, url: str) -> Address:
        """Take user and password out of `url` (RFC 7617: Basic); the fragment goes too.

        CannotBuild where values of its query were not kept, and stand nowhere else.
        """
        if is_masked(url):
            raise CannotBuild(what=f"the query of {url} {_UNKNOWN}", hint=_HINT)
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        plain = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        if not at:
            return cls(plain)
        basic = base64.b64encode(unquote(user).encode()).decode()
        return cls(plain, f"Basic {basic}")

    def request(self, headers: Mapping[str, str] | None = None) -> Request:
        """A GET, with `headers` added."""
        credentials = {"Authorization": self.authorization} if self.authorization else {}
        return Request(method="GET", url=self.url, headers={**credentials, **(headers or {})})


def local_file(artifact: Artifact) -> Path | None:
    """The path that a `file:` URL names, on Windows too (RFC 8089); None for any other URL."""
    parts = urlsplit(artifact.url)
    if parts.scheme != "file":
        return None
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost"):
        return Path(f"//{parts.netloc}{path}")
    return Path(path[1:] if _DRIVE.match(path) else path)
