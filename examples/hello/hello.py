"""The smallest useful function: it greets, and says a number the way people do."""

from __future__ import annotations

import platform
from typing import Any

import humanize


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Greet `event["name"]`, with `event["count"]` in words."""
    name = event.get("name", "world")
    count = humanize.intword(event.get("count", 1_200_000))
    return {"message": f"Hello, {name}! {count}", "python": platform.python_version()}
