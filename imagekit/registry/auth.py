"""Answering a registry's challenge: once for each scope, then remembered in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from msgspec import Struct, field

from imagekit.model.errors import RemoteRefused
from imagekit.net.http import BytesBody, Request, Transport, failure
from imagekit.net.redirects import follow
from imagekit.registry.challenge import Challenge, Scope, covers, parse_challenge
from imagekit.registry.credentials import Basic, Credential, Credentials, Token

_TOKEN_BYTES = 1024 * 1024


class _Host(Struct):
    """What is known of one registry."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    challenge: Challenge | None = None
    credential: Credential | None = None
    tokens: list[tuple[frozenset[Scope], str]] = field(default_factory=list)
    basic: str | None = None

    def header(self, scopes: Iterable[Scope]) -> str | None:
        """The `Authorization` that is known to do for `scopes`."""
        if self.basic is not None:
            return self.basic
        needed = frozenset(scopes)
        return next((token for granted, token in self.tokens if covers(granted, needed)), None)

    def forget(self, header: str) -> None:
        """Never use `header` again."""
        self.basic = None if self.basic == header else self.basic
        self.tokens = [pair for pair in self.tokens if pair[1] != header]


class Authenticator:
    """Gives the `Authorization` for a request; safe to share between threads."""

    def __init__(self, transport: Transport, credentials: Credentials) -> None:
        self._transport = transport
        self._credentials = credentials
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    def header(self, registry: str, scopes: tuple[Scope, ...]) -> str | None:
        """What to send with a request; None before the registry's first challenge.

        Once it is known that the registry wants bearer tokens, one for new scopes is fetched
        without asking for another challenge.
        """
        host = self._host(registry)
        with host.lock:
            known = host.header(scopes)
            if known is None and host.challenge is not None:
                known = self._earn(registry, host, scopes, host.challenge)
            return known

    def answer(
        self, registry: str, scopes: tuple[Scope, ...], said: str, sent: str | None
    ) -> str | None:
        """What to send after a 401 that said `said` to `sent`; None where there is no more to say.

        Of many threads that were refused with one token, the first fetches a new one.
        """
        challenge = parse_challenge(said)
        if challenge is None:
            return None
        host = self._host(registry)
        with host.lock:
            if sent is not None:
                host.forget(sent)
            known = host.header(scopes)
            if known is not None:
                return known
            rejected = host.credential if sent is not None and sent.startswith("Basic ") else None
            host.challenge = challenge
            host.credential = self._credentials.for_registry(registry, rejected=rejected)
            return self._earn(registry, host, scopes, challenge)

    def _host(self, registry: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(registry, _Host())

    def _earn(
        self, registry: str, host: _Host, scopes: tuple[Scope, ...], challenge: Challenge
    ) -> str | None:
        credential = host.credential
        if challenge.scheme == "basic":
            host.basic = credential.header if isinstance(credential, Basic) else None
            return host.basic
        token = f"Bearer {self._token(registry, credential, scopes, challenge)}"
        host.tokens.append((frozenset(scopes), token))
        return token

    def _token(
        self,
        registry: str,
        credential: Credential | None,
        scopes: tuple[Scope, ...],
        challenge: Challenge,
    ) -> str:
        request = _token_request(credential, scopes, challenge)
        with follow(self._transport, request) as response:
            if response.status != 200:
                raise failure(request, response, hint=f"docker login {registry}")
            data = response.read(_TOKEN_BYTES)
        try:
            found = json.loads(data)
            return str(found.get("token") or found["access_token"])
        except (ValueError, KeyError, AttributeError) as error:
            raise RemoteRefused(
                what=f"the token service of {registry} gave no token",
                causes=(request.url.partition("?")[0],),
            ) from error


def _token_request(
    credential: Credential | None, scopes: tuple[Scope, ...], challenge: Challenge
) -> Request:
    # distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
    names = _scope_names(scopes, challenge)
    if isinstance(credential, Token):
        form = {
            "grant_type": "refresh_token",
            "client_id": "imagekit",
            "service": challenge.service,
            "scope": " ".join(names),
            "refresh_token": credential.value,
        }
        return Request(
            method="POST",
            url=challenge.realm,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=BytesBody(urlencode(form).encode()),
        )
    service = [("service", challenge.service)] if challenge.service else []
    query = urlencode([*service, *(("scope", name) for name in names)])
    joint = "&" if urlsplit(challenge.realm).query else "?"
    headers = {"Authorization": credential.header} if isinstance(credential, Basic) else {}
    return Request(method="GET", url=f"{challenge.realm}{joint}{query}", headers=headers)


def _scope_names(scopes: tuple[Scope, ...], challenge: Challenge) -> list[str]:
    # A mirror may know the repository by another name, which its challenge says.
    ours = [str(scope) for scope in scopes]
    known = tuple(f"repository:{scope.repository}:" for scope in scopes)
    theirs = [name for name in challenge.scope.split() if not name.startswith(known)]
    return ours + theirs
