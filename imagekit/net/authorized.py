"""A transport that signs in: asks who we are to a URL, and asks once more where that is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from msgspec.structs import replace

from imagekit.model.errors import HttpError
from imagekit.net.http import Request, Response, Transport

REFUSALS = frozenset({401, 403})
"""Not signed in, or not allowed (RFC 9110, 15.5.2, 15.5.4): expired tokens get either."""

# Who holds such a URL is let in by it, and S3 refuses a request that says it twice: AWS (version 4,
# 2 and CloudFront), Google Cloud Storage, Azure.
_SIGNATURES = frozenset({"x-amz-signature", "x-goog-signature", "signature", "sig"})


@dataclass(frozen=True, slots=True)
class Authorization:
    """The value of the header, and where the credentials in it come from, in words."""

    value: str = field(repr=False)
    source: str


class Logins(Protocol):
    """Knows who we are to a URL."""

    def first(self, url: str) -> Authorization | None:
        """What to send with the first try; None: nothing."""
        ...

    def another(self, url: str, refused: Authorization | None) -> Authorization | None:
        """What to send in place of what was refused; None where there is nothing else."""
        ...

    def refusal(
        self, request: Request, response: Response, used: Authorization | None
    ) -> HttpError:
        """The error where all of that is refused."""
        ...


class Authorizing:
    """Wraps a transport; safe to share between threads.

    Wrapped inside `redirects.follow` it looks at each hop by itself: what is meant for one origin
    is sent to no other, and a presigned URL is sent nothing.
    """

    def __init__(self, transport: Transport, logins: Logins) -> None:
        self._transport = transport
        self._logins = logins

    def send(self, request: Request) -> Response:
        """As the transport beneath; what `Logins.refusal` makes where we are not let in."""
        presigned = is_presigned(request.url)
        used = _brought(request) or (None if presigned else self._logins.first(request.url))
        response = self._transport.send(_signed(request, used))
        if response.status not in REFUSALS or presigned:
            return response
        renewed = self._logins.another(request.url, used)
        if renewed is not None:
            response.close()
            used = renewed
            response = self._transport.send(_signed(request, used))
            if response.status not in REFUSALS:
                return response
        with response:
            raise self._logins.refusal(request, response, used)


def is_presigned(url: str) -> bool:
    """Whether the URL itself carries the permission."""
    names = (name.lower() for name, _ in parse_qsl(urlsplit(url).query))
    return any(name in _SIGNATURES for name in names)


def _brought(request: Request) -> Authorization | None:
    value = next((v for k, v in request.headers.items() if k.lower() == "authorization"), None)
    return Authorization(value, "the URL itself") if value else None


def _signed(request: Request, used: Authorization | None) -> Request:
    if used is None:
        return request
    kept = {k: v for k, v in request.headers.items() if k.lower() != "authorization"}
    return replace(request, headers={**kept, "Authorization": used.value})
