"""Independent pieces of work side by side; Ctrl-C waits for none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def each(work: Callable[[In], Out], items: Sequence[In], jobs: int) -> list[Out]:
    """`work` of each item, at most `jobs` at a time, in the order of the items.

    The first error is raised once it is known; what has begun by then goes on.
    """
    if len(items) < 2 or jobs < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(min(jobs, len(items)))
    try:
        futures = [pool.submit(work, item) for item in items]
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
