"""Following redirects without carrying credentials to another host."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from msgspec.structs import replace

from imagekit.net.http import Request, Response, Transport, no_answer, origin

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST = 5
_ONLY_FOR_ORIGIN = frozenset({"authorization", "cookie"})


def follow(transport: Transport, request: Request) -> Response:
    """Send a request and go where the answer points, five times at most.

    What has a body is never sent on: the redirect is given back as it came.
    `Authorization` is dropped for good as soon as scheme, host or port changes: blobs lie on
    storage hosts that refuse it, and that it is not meant for. From https to http is refused.
    """
    for _ in range(_MOST + 1):
        response = transport.send(request)
        location = response.headers.get("location")
        if response.status not in _REDIRECTS or not location or request.body is not None:
            return response
        response.close()
        request = _next(request, _target(request, location))
    raise no_answer(request, f"more than {_MOST} redirects", temporary=False)


def _target(request: Request, location: str) -> str:
    try:
        url = urljoin(request.url, location)
        origin(url)
    except ValueError as error:
        raise no_answer(request, f"a redirect to no URL: {error}", temporary=False) from error
    return url


def _next(request: Request, url: str) -> Request:
    here, there = origin(request.url), origin(url)
    if here[0] == "https" and urlsplit(url).scheme != "https":
        raise no_answer(replace(request, url=url), "a redirect from https to http", temporary=False)
    if here == there:
        return replace(request, url=url)
    kept = {k: v for k, v in request.headers.items() if k.lower() not in _ONLY_FOR_ORIGIN}
    return replace(request, url=url, headers=kept)
