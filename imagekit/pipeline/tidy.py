"""The store's limit, and keeping it: a look at one file for each build, a scan once a day."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress

from imagekit.model.errors import UsageError
from imagekit.model.sizes import parse_size, size
from imagekit.store import Store

LIMIT = "IMAGEKIT_CACHE_LIMIT"
DEFAULT_LIMIT_BYTES = 20 * 10**9
NO_LIMIT = "none"

_TIDY_SECONDS = 24 * 3600
_TIDIED = "tidied"


def limit_of(environ: Mapping[str, str]) -> int | None:
    """`IMAGEKIT_CACHE_LIMIT` in bytes, 20 GB where it is not set; None for `none`."""
    text = environ.get(LIMIT, "").strip()
    if not text:
        return DEFAULT_LIMIT_BYTES
    return None if text.lower() == NO_LIMIT else size_asked(LIMIT, text)


def size_asked(what: str, text: str) -> int:
    """The bytes that a person wrote; UsageError for what is no size."""
    try:
        return parse_size(text)
    except ValueError as error:
        hint = f"write {what} as a size: 800MB, 10GB, 1.5GiB"
        raise UsageError(what=f"{what} is {text!r}, which is no size", hint=hint) from error


def tidy(store: Store, limit_bytes: int | None, now: float | None = None) -> str | None:
    """Once a day, at the end of a command: get below the limit. What was done, in words.

    Costs one look at one file on every other day's build.
    """
    now = time.time() if now is None else now
    mark = store.root / _TIDIED
    with suppress(OSError):
        if mark.stat().st_mtime > now - _TIDY_SECONDS:
            return None
    if limit_bytes is None or not store.root.is_dir():
        return None
    from imagekit.pipeline.cache import Wish, prune  # 4 ms that most builds do without

    mark.touch()
    os.utime(mark, (now, now))
    done = prune(store, Wish(limit_bytes=limit_bytes), now)
    if not done.files:
        return None
    return (
        f"the store was over its limit of {size(limit_bytes)}: removed {size(done.freed_bytes)} "
        "that was not used for longest (`imagekit cache` shows what is left)"
    )
