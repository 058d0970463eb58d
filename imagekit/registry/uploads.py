"""Sending one blob: a session, then all its bytes at once (lambda_rules E3 to E7).

distribution-spec, "Pushing blobs": POST then PUT. Never in chunks: ECR's `Range` is stale, and a
session that has bytes cannot be started again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import HttpError, RemoteRefused
from imagekit.model.reference import Reference
from imagekit.net.http import Body
from imagekit.net.retry import with_retries
from imagekit.registry.wire import Call, Wire

Sent = Literal["uploaded", "mounted"]


class Blob(Struct, frozen=True, kw_only=True):
    """What is sent, and the repository that may have it already."""

    digest: Digest
    body: Body
    mount_from: str | None = None


def begin(
    wire: Wire, reference: Reference, digest: Digest, mount_from: str | None = None
) -> str | None:
    """Open an upload; its URL, or None where the registry mounted the blob instead.

    A registry that refuses to mount is asked again for a plain session.
    """
    if mount_from is None:
        return _session(wire, reference, "")
    query = urlencode({"mount": str(digest), "from": mount_from}, safe=":/")
    try:
        return _session(wire, reference, f"?{query}", mount=digest, reads=mount_from)
    except HttpError as error:
        if error.temporary:
            raise
        return _session(wire, reference, "")


def send(
    wire: Wire,
    reference: Reference,
    blob: Blob,
    *,
    present: Callable[[], bool],
    sleep: Callable[[float], None],
) -> Sent:
    """Have the blob in the repository: mounted if that works, else uploaded.

    Each try opens a new session (E5). Before trying again it is asked whether the blob has
    arrived all the same (`present`): the connection may have broken after the last byte.
    """
    tries = 0

    def once() -> Sent:
        nonlocal tries
        tries += 1
        if tries > 1 and present():
            return "uploaded"
        session = begin(wire, reference, blob.digest, blob.mount_from)
        if session is None:
            return "mounted"
        _finish(wire, reference, session, blob)
        return "uploaded"

    return with_retries(once, sleep=sleep)


def _session(
    wire: Wire,
    reference: Reference,
    query: str,
    *,
    mount: Digest | None = None,
    reads: str | None = None,
) -> str | None:
    call = Call(
        method="POST",
        reference=reference,
        path=f"/blobs/uploads/{query}",
        headers={"Content-Length": "0"},
        write=True,
        reads=reads,
    )
    with wire.expect(call, 201, 202) as response:
        # Only 201 says that the blob was mounted; any other 2xx is a session (E14).
        named = response.headers.get("docker-content-digest", str(mount))
        if mount is not None and response.status == 201 and named == str(mount):
            return None
        location = response.headers.get("location")
    if not location:
        raise RemoteRefused(what=f"{reference.registry} opened an upload without saying where")
    return wire.location(reference, response.url, location)


def _finish(wire: Wire, reference: Reference, session: str, blob: Blob) -> None:
    joint = "&" if urlsplit(session).query else "?"
    call = Call(
        method="PUT",
        reference=reference,
        path=f"{session}{joint}digest={quote(str(blob.digest), safe=':')}",
        headers={"Content-Type": "application/octet-stream"},
        body=blob.body,
        write=True,
    )
    try:
        wire.expect(call, 200, 201, 202, 204).close()
    except HttpError as error:
        # The session is gone or spoilt, not the blob: a new one may do (E5).
        error.temporary = error.temporary or error.status in (404, 416)
        raise
