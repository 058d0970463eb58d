"""Trying again, where trying again may help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from imagekit.model.errors import HttpError, RemoteError

T = TypeVar("T")

DELAYS = (0.2, 0.4, 0.8, 1.6)
"""Seconds before the second, third, fourth and fifth try."""

_LONGEST_SECONDS = 30.0


def with_retries(
    operation: Callable[[], T],
    *,
    sleep: Callable[[float], None],
    delays: Iterable[float] = DELAYS,
) -> T:
    """What `operation` gives, tried again after errors that call themselves `temporary`.

    Waits as long as `delays` says, or longer if the server asks for it (at most 30 s). The error
    of the last try is raised at once, without a wait before it.
    """
    for delay in delays:
        try:
            return operation()
        except RemoteError as error:
            if not error.temporary:
                raise
            sleep(_pause(delay, error))
    return operation()


def _pause(delay: float, error: RemoteError) -> float:
    asked = error.retry_after_seconds if isinstance(error, HttpError) else None
    return min(_LONGEST_SECONDS, max(delay, asked or 0.0))
