"""The real parts a pipeline works with: environment, store, console, connections."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imagekit.console import Console
from imagekit.model.errors import UsageError
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.net.http import Request, Response, Transport
    from imagekit.registry.client import Registry


@dataclass
class Workshop:
    """Made once a command; what is expensive to make is made when it is first used."""

    environ: Mapping[str, str]
    console: Console
    store: Store
    folder: Path
    """Where the search for the configuration starts."""

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

    @property
    def created(self) -> str:
        """The image's `created`: `SOURCE_DATE_EPOCH` if it is set, else the first moment of all.

        It moves no layer (design, command line), and with the clock left out the same project
        gives the same image tomorrow.
        """
        return moment(self.environ.get("SOURCE_DATE_EPOCH"))

    @cached_property
    def registry(self) -> Registry:
        """Every registry, with the credentials that Docker or AWS has for it."""
        from imagekit.registry.client import Registry
        from imagekit.registry.credentials import Credentials
        from imagekit.registry.endpoints import endpoints

        credentials = Credentials(self.environ, ecr=self._ecr_token)
        return Registry(
            self.transport, credentials, endpoints=endpoints(self.environ), sleep=time.sleep
        )

    def home_registry(self) -> str:
        """The host of the caller's own ECR. RemoteRefused without credentials or a region."""
        from imagekit.aws.identity import home_registry

        return home_registry(self.environ)

    def _ecr_token(self, account: str, region: str) -> tuple[str, str]:
        from imagekit.aws.ecr import ecr_token

        return ecr_token(account, region, self.environ)


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


def moment(epoch: str | None) -> str:
    """RFC 3339 of seconds since 1970; UsageError for what is no whole number.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    try:
        found = datetime.fromtimestamp(int(epoch or "0"), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            what=f"SOURCE_DATE_EPOCH is {epoch!r}", hint="set it to whole seconds, or not at all"
        ) from error
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The store's folder: `IMAGEKIT_CACHE_DIR`, else the platform's user cache folder."""
    if named := environ.get("IMAGEKIT_CACHE_DIR"):
        return Path(named).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("imagekit", appauthor=False)
