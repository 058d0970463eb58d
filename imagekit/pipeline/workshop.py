"""The real parts a pipeline works with: environment, store, console, connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.console import Console
from imagekit.model.errors import CannotBuild, UsageError
from imagekit.project.indexes import Indexes
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.net.http import Request, Response, Transport
    from imagekit.project.indexes.offline import Offline
    from imagekit.registry.client import Registry
    from imagekit.registry.credentials import Credentials


class Workshop(Struct, dict=True):
    """Made once a command; what is expensive to make is made when it is first used."""

    environ: Mapping[str, str]
    console: Console
    store: Store
    folder: Path
    """Where the search for the configuration starts."""
    now: Callable[[], float] = time.time
    """Seconds since 1970."""
    sleep: Callable[[float], None] = time.sleep
    """Waits so many seconds between two tries, and while others are at work."""

    @classmethod
    def open(cls, environ: Mapping[str, str], console: Console, folder: Path) -> Workshop:
        """Take the process's environment; `IMAGEKIT_CACHE_DIR` moves the store."""
        return cls(
            environ=environ, console=console, store=Store(cache_folder(environ)), folder=folder
        )

    @cached_property
    def transport(self) -> Transport:
        """One pool of connections for wheels and registries, opened at its first request."""
        return _Lazy(self.environ)

    @cached_property
    def indexes(self) -> Indexes:
        """Package indexes as the project's own tools have them, and who we are to them."""
        return Indexes(self.environ, aws=self._codeartifact_token)

    @cached_property
    def index_transport(self) -> Transport:
        """The same pool for wheels: signed in, where an index wants that."""
        return _SignedIn(self.transport, self.indexes)

    @property
    def created(self) -> str:
        """The image's `created`: `SOURCE_DATE_EPOCH` if it is set, else the first moment of all.

        It moves no layer (design, command line), and with the clock left out the same project
        gives the same image tomorrow.
        """
        return moment(self.environ.get("SOURCE_DATE_EPOCH"))

    @property
    def today(self) -> date:
        """The day in UTC, `SOURCE_DATE_EPOCH`'s where it is set: pins and their age are told by it.

        UsageError where that is no whole number.
        """
        epoch = self.environ.get("SOURCE_DATE_EPOCH")
        return _time(epoch or str(int(self.now()))).date()

    @cached_property
    def registry(self) -> Registry:
        """Every registry, with the credentials that Docker or AWS has for it."""
        from imagekit.registry.client import Registry
        from imagekit.registry.endpoints import endpoints

        return Registry(
            self.transport, self.credentials, endpoints=endpoints(self.environ), sleep=self.sleep
        )

    @cached_property
    def credentials(self) -> Credentials:
        """Who we are to registries, as Docker or AWS has it."""
        from imagekit.registry.credentials import Credentials

        return Credentials(self.environ, ecr=self._ecr_token)

    def home_registry(self) -> str:
        """The host of the caller's own ECR. RemoteRefused without credentials or a region."""
        return self._home

    @cached_property
    def _home(self) -> str:
        """Asked for once: every bare name of a repository needs it."""
        from imagekit.aws.identity import home_registry

        return home_registry(self.environ, self.sleep)

    def _codeartifact_token(self, domain: str, owner: str, region: str) -> str:
        from imagekit.aws.codeartifact import codeartifact_token

        return codeartifact_token(domain, owner, region, self.environ)

    def _ecr_token(self, account: str, region: str) -> tuple[str, str]:
        from imagekit.aws.ecr import ecr_token

        return ecr_token(account, region, self.environ, self.sleep)


class _Lazy:
    """A transport that costs its 65 ms of imports only where something is sent."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @cached_property
    def _real(self) -> Transport:
        from imagekit.net.transport import connect

        return connect(self._environ)

    def send(self, request: Request) -> Response:
        """As the transport beneath."""
        return self._real.send(request)


@dataclass(eq=False, kw_only=True)
class NotAsked(CannotBuild):
    """An index was to be asked, and uv's own switches forbid it."""


class _SignedIn:
    """`net.authorized.Authorizing`, made with the first request; refuses where uv is offline."""

    def __init__(self, transport: Transport, indexes: Indexes) -> None:
        self._transport = transport
        self._indexes = indexes

    @cached_property
    def _real(self) -> Transport:
        from imagekit.net.authorized import Authorizing

        return Authorizing(self._transport, self._indexes.logins())

    @cached_property
    def _offline(self) -> Offline | None:
        return self._indexes.offline()

    def send(self, request: Request) -> Response:
        """As the transport beneath; IndexRefused where an index does not let us in, NotAsked."""
        if self._offline and not self._offline.allows(request.url):
            raise NotAsked(what=f"{self._offline.why} forbids asking an index")
        return self._real.send(request)


def moment(epoch: str | None) -> str:
    """RFC 3339 of seconds since 1970; UsageError for what is no whole number.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    return _time(epoch).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(epoch: str | None) -> datetime:
    try:
        return datetime.fromtimestamp(int(epoch or "0"), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            what=f"SOURCE_DATE_EPOCH is {epoch!r}", hint="set it to whole seconds, or not at all"
        ) from error


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The store's folder: `IMAGEKIT_CACHE_DIR`, else the platform's user cache folder."""
    if named := environ.get("IMAGEKIT_CACHE_DIR"):
        return Path(named).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("imagekit", appauthor=False)
