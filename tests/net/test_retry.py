"""Trying again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imagekit.model.errors import DigestMismatch, HttpError, ImagekitError, RemoteRefused
from imagekit.net.retry import with_retries


def refused(*, temporary: bool = True, after: float | None = None) -> HttpError:
    return HttpError(
        method="GET",
        url="https://h/",
        status=503,
        diagnostics="",
        temporary=temporary,
        retry_after_seconds=after,
    )


class Server:
    """Fails as it is told, then answers `ok`."""

    def __init__(self, *errors: ImagekitError) -> None:
        self._errors: Iterator[ImagekitError] = iter(errors)
        self.tries = 0
        self.waits: list[float] = []

    def ask(self) -> str:
        return with_retries(self._once, sleep=self.waits.append)

    def _once(self) -> str:
        self.tries += 1
        for error in self._errors:
            raise error
        return "ok"


def test_success_is_not_waited_for() -> None:
    """The first try that works ends it."""
    server = Server()

    assert (server.ask(), server.waits) == ("ok", [])


def test_temporary_failures_are_tried_again() -> None:
    """With growing pauses."""
    server = Server(*[refused() for _ in range(4)])

    assert (server.ask(), server.waits) == ("ok", [0.2, 0.4, 0.8, 1.6])


def test_five_tries_and_no_wait_after_the_last() -> None:
    """The last error is the one that is raised."""
    errors = [refused() for _ in range(6)]
    server = Server(*errors)
    with pytest.raises(HttpError) as last:
        server.ask()

    assert last.value is errors[4]
    assert (server.tries, server.waits) == (5, [0.2, 0.4, 0.8, 1.6])


@pytest.mark.parametrize(
    "error",
    [
        refused(temporary=False),
        RemoteRefused(what="no"),
        DigestMismatch(what="x", expected="a", actual="b"),
    ],
)
def test_final_failures_are_final(error: ImagekitError) -> None:
    """An error says itself whether trying again may help."""
    server = Server(error)
    with pytest.raises(type(error)):
        server.ask()

    assert (server.tries, server.waits) == (1, [])


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (0.0, 0.2), (3600.0, 30.0)])
def test_server_says_how_long(asked: float, waited: float) -> None:
    """`Retry-After` may stretch a pause, to 30 s at most."""
    server = Server(refused(after=asked))

    assert (server.ask(), server.waits) == ("ok", [waited])
