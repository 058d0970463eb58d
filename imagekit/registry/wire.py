"""One request to a registry: its address, its authorization, its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.errors import HttpError
from imagekit.model.reference import Reference
from imagekit.net.http import Body, Request, Response, Transport, origin
from imagekit.net.redirects import follow
from imagekit.registry.auth import Authenticator
from imagekit.registry.challenge import Scope
from imagekit.registry.credentials import Credentials
from imagekit.registry.endpoints import base_url
from imagekit.registry.refusals import advise, refusal

# A login from a file, then, where ECR calls that one stale, one from AWS.
_ANSWERS = 2


class Call(Struct, frozen=True, kw_only=True):
    """What is asked of a repository."""

    method: str
    reference: Reference
    path: str
    """Under the repository, such as `/manifests/latest`; or a whole URL that the registry gave."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    write: bool = False
    """Whether the token must allow pushing."""
    reads: str | None = None
    """Another repository that the call reads from, for a mount."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What the token must be good for."""
        own = Scope(repository=self.reference.repository, write=self.write)
        if self.reads is None or self.reads == self.reference.repository:
            return (own,)
        return (own, Scope(repository=self.reads))


class Wire:
    """Sends calls: authorized, redirects followed, no retries."""

    def __init__(
        self, transport: Transport, credentials: Credentials, endpoints: Mapping[str, str]
    ) -> None:
        self._transport = transport
        self._auth = Authenticator(transport, credentials)
        self._endpoints = endpoints

    def url(self, reference: Reference, path: str) -> str:
        """The URL of `path` under the repository of `reference`."""
        if path.startswith(("http://", "https://")):
            return path
        return f"{self._base(reference)}/v2/{reference.repository}{path}"

    def location(self, reference: Reference, asked: str, location: str) -> str:
        """Where a registry's `Location` points to, seen from here.

        A registry behind a proxy may write its own name or `http:` where the traffic goes
        elsewhere; the way in that worked is kept.
        """
        base = urlsplit(self._base(reference))
        url = urlsplit(urljoin(asked, location))
        if url.netloc in (base.netloc, reference.registry):
            url = url._replace(scheme=base.scheme, netloc=base.netloc)
        return url.geturl()

    def expect(self, call: Call, *statuses: int) -> Response:
        """The answer, whose status is one of `statuses`; RegistryError for any other."""
        request, response = self.send(call)
        if response.status in statuses:
            return response
        with response:
            raise refusal(request, response, call.reference)

    def send(self, call: Call) -> tuple[Request, Response]:
        """The answer, whatever its status; a challenge is answered once."""
        request = Request(
            method=call.method,
            url=self.url(call.reference, call.path),
            headers=call.headers,
            body=call.body,
        )
        try:
            return request, self._authorized(call, request)
        except HttpError as error:
            advise(error, call.reference)
            raise

    def _base(self, reference: Reference) -> str:
        return base_url(reference.registry, self._endpoints)

    def _authorized(self, call: Call, request: Request) -> Response:
        if origin(request.url) != origin(self._base(call.reference)):
            return follow(self._transport, request)
        sent = self._auth.header(call.reference.registry, call.scopes)
        response = follow(self._transport, _with(request, sent))
        for _ in range(_ANSWERS):
            challenge = _challenge(call, request, response)
            if challenge is None:
                break
            with response:
                # Read now, so that the connection is free again before the next request.
                error = refusal(request, response, call.reference)
            sent = self._auth.answer(call.reference.registry, call.scopes, challenge, sent)
            if sent is None:
                raise error
            response = follow(self._transport, _with(request, sent))
            if not sent.startswith("Basic "):
                # A token that was made for this request is as good as they get.
                break
        return response


def _with(request: Request, authorization: str | None) -> Request:
    if authorization is None:
        return request
    return replace(request, headers={**request.headers, "Authorization": authorization})


def _challenge(call: Call, request: Request, response: Response) -> str | None:
    if origin(response.url) != origin(request.url):
        return None
    if response.status == 401:
        return response.headers.get("www-authenticate")
    if response.status == 403 and call.reference.ecr:
        # ECR says 403 to a token that has expired (lambda_rules E1), without a challenge.
        return "Basic"
    return None
