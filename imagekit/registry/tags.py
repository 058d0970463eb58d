"""The tags of a repository, page by page (distribution-spec, "Listing Tags")."""

from __future__ import annotations

import json
import re

from imagekit.model.errors import RemoteRefused
from imagekit.model.reference import Reference
from imagekit.net.http import Response, origin
from imagekit.registry.wire import Call, Wire

_PAGE = 1000
"""As many as ECR gives at once; a registry may give fewer."""
_PAGES = 100
_PAGE_BYTES = 4 << 20
# RFC 8288; the spec has one link alone, to the page that follows.
_NEXT = re.compile(r"<([^>]*)>\s*;\s*rel=\"?next\"?")


def list_tags(wire: Wire, reference: Reference) -> tuple[str, ...]:
    """Every tag in the repository of `reference`, in the registry's order; no retries.

    Errors: those of `Wire.expect`; RemoteRefused for what is no list of tags, for one without end,
    and for a next page on another host, which is not asked.
    """
    asked = wire.url(reference, f"/tags/list?n={_PAGE}")
    here = origin(asked)
    found: list[str] = []
    for _ in range(_PAGES):
        call = Call(method="GET", reference=reference, path=asked)
        with wire.expect(call, 200) as response:
            found += _tags(response, reference)
            link = _NEXT.search(response.headers.get("link", ""))
        if link is None:
            return tuple(found)
        asked = _next(wire, reference, asked, link[1])
        if origin(asked) != here:
            raise _refused(reference, f"the next page would be at {origin(asked)[1]}")
    raise _refused(reference, f"there are more than {_PAGES} pages")


def _next(wire: Wire, reference: Reference, asked: str, link: str) -> str:
    try:
        url = wire.location(reference, asked, link)
        origin(url)
    except ValueError as error:
        raise _refused(reference, "the link to the next page is no URL") from error
    return url


def _tags(response: Response, reference: Reference) -> list[str]:
    data = response.read(_PAGE_BYTES + 1)
    if len(data) > _PAGE_BYTES:
        raise _refused(reference, "a page is over 4 MiB")
    try:
        tags = json.loads(data)["tags"]
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(reference, "the answer is no list of tags") from error
    # Some registries say null where every tag was deleted.
    if tags is not None and not (
        isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    ):
        raise _refused(reference, "the answer is no list of tags")
    return tags or []


def _refused(reference: Reference, why: str) -> RemoteRefused:
    return RemoteRefused(
        what=f"the tags of {reference.name} cannot be listed", causes=(why,), temporary=False
    )
