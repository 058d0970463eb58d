"""Who we are to an index: one chain of sources, asked when a server is to be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from msgspec import Struct, field

from imagekit.model.errors import RemoteRefused
from imagekit.net.http import origin
from imagekit.project.indexes.codeartifact import USER, Domain
from imagekit.project.indexes.keyring import keyring_login, told
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.named import all_indexes, nearest
from imagekit.project.indexes.netrc import netrc_login
from imagekit.project.indexes.uv import uv_settings
from imagekit.project.indexes.values import AwsToken, Index, Login, Place

# Shorter ones are words that stand everywhere ("aws", "x"), and no secrets.
_SHORTEST_SECRET = 4


class _Scope(Struct):
    """What is known of one index, or of one host without any."""

    asked: bool = False
    login: Login | None = None
    refused: set[str] = field(default_factory=set)
    """Headers that the server did not take."""
    aws: RemoteRefused | None = None
    """Why AWS gave no token, where it was asked for one."""


class Chain:
    """Finds logins and remembers them while the command runs; safe to share between threads.

    Nothing is read, and nobody asked, before `login` or `indexes` is called.
    """

    def __init__(self, machine: Machine, aws: AwsToken | None = None) -> None:
        self.machine = machine
        self._aws = aws
        self._places: list[Place] = []
        self._indexes: tuple[Index, ...] | None = None
        self._scopes: dict[object, _Scope] = {}
        self._secrets: set[str] = set()
        self._lock = threading.RLock()

    def learn(self, place: Place) -> None:
        """Packages come from this place, too."""
        with self._lock:
            if place not in self._places:
                self._places.append(place)
                self._indexes = None

    def indexes(self) -> tuple[Index, ...]:
        """All that are named for the places known by now."""
        with self._lock:
            if self._indexes is None:
                self._indexes = all_indexes(self._places, self.machine)
                for index in self._indexes:
                    self._remember(index.login)
            return self._indexes

    def login(self, url: str) -> Login | None:
        """The first that the chain has for a URL; RemoteRefused where AWS gives no token for it."""
        with self._lock:
            scope = self._scope(url)
            if not scope.asked:
                scope.login, scope.asked = self._next(url, scope, again=False), True
            if scope.login is None and scope.aws is not None:
                raise scope.aws
            return scope.login

    def another(self, url: str, refused: str | None) -> Login | None:
        """One in place of the header that was refused (None: nothing was sent).

        Files are read again and AWS is asked for a new token, in case what was refused has expired.
        """
        with self._lock:
            scope = self._scope(url)
            if scope.login is not None and scope.login.header != refused:
                return scope.login  # Another thread was refused first, and has found this one.
            if refused is not None:
                scope.refused.add(refused)
            self._indexes = None
            scope.login, scope.asked = self._next(url, scope, again=True), True
            return scope.login

    def nearest(self, url: str) -> Index | None:
        """The index that a URL belongs to, where one is named for its host."""
        return next(iter(nearest(self.indexes(), url)), None)

    def carried(self, url: str) -> Login | None:
        """What stood in the lock's own URL of a file or repository of this origin."""
        near = nearest(self.indexes(), url)
        return next((one.login for one in near if one.role == "direct" and one.login), None)

    def why_no_token(self, url: str) -> RemoteRefused | None:
        """AWS's refusal, where a token was asked for this URL and not given."""
        with self._lock:
            return self._scope(url).aws

    def scrub(self, text: str) -> str:
        """The text without any password that the chain came across."""
        with self._lock:
            secrets = sorted(self._secrets, key=len, reverse=True)
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    def _remember(self, login: Login | None) -> None:
        if login and login.password and len(login.password) >= _SHORTEST_SECRET:
            self._secrets |= {login.password, quote(login.password, safe="")}
            self._secrets.add(login.header.removeprefix("Basic "))

    def _scope(self, url: str) -> _Scope:
        index = self.nearest(url)
        return self._scopes.setdefault(index.url if index else origin(url), _Scope())

    def _next(self, url: str, scope: _Scope, *, again: bool) -> Login | None:
        for login in self._sources(url, scope, again=again):
            self._remember(login)
            if login.header not in scope.refused:
                return login
        return None

    def _sources(self, url: str, scope: _Scope, *, again: bool) -> Iterator[Login]:
        host = urlsplit(url).hostname or ""
        if again:  # AWS alone can make a new one.
            yield from self._from_aws(host, scope)
        near = nearest(self.indexes(), url)
        by_netrc = netrc_login(host, self.machine)
        for index in near:
            if index.login and index.login.password is not None:
                yield index.login
            elif index.login and by_netrc and by_netrc.user == index.login.user:
                yield by_netrc
            elif index.login and (again or self._told()):
                yield from self._from_keyring(url, index)
        if by_netrc:
            yield by_netrc
        if not again:
            yield from self._from_aws(host, scope)
        # Some servers take a token as the user.
        yield from (index.login for index in near if index.login and index.login.user)
        if again:
            yield from self._from_keyring(url, near[0] if near else None)

    def _from_keyring(self, url: str, index: Index | None) -> Iterator[Login]:
        user = index.login.user if index and index.login else None
        service = index.keyring_service if index else None
        if found := keyring_login(index.url if index else url, user, self.machine, service):
            yield found

    def _from_aws(self, host: str, scope: _Scope) -> Iterator[Login]:
        domain = Domain.of(host)
        if domain is None or self._aws is None:
            return
        try:
            token = self._aws(domain.domain, domain.owner, domain.region)
        except RemoteRefused as error:
            scope.aws = error
            return
        scope.aws = None
        source = f"AWS CodeArtifact (domain {domain.domain} of {domain.owner})"
        yield Login(user=USER, password=token, source=source)

    def _told(self) -> bool:
        folders = tuple(folder for place in self._places for folder in place.folders)
        return told(self.machine, uv_settings(folders, self.machine))
