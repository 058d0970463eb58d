"""Where functions are: AWS as one identity sees it in one region, and the time there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from imagekit.aws.buckets import Buckets
from imagekit.aws.functions import Functions


class Errors(Protocol):
    """Counts failed invocations."""

    def errors(self, name: str, alias: str, version: str, began: datetime, now: datetime) -> int:
        """How many invocations of `version` through `alias` failed since `began`."""
        ...


class Place(Struct, frozen=True, kw_only=True):
    """One account and region."""

    functions: Functions
    buckets: Buckets
    metrics: Errors
    sleep: Callable[[float], None]
    """Takes seconds."""
    now: Callable[[], datetime]
