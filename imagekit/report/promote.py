"""What a promotion did, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable

from msgspec import Struct

from imagekit.model.sizes import size
from imagekit.report.text import seconds

SCHEMA = 1


class Promoted(Struct, frozen=True, kw_only=True):
    """One image that is in one repository now."""

    name: str
    reference: str
    """By digest."""
    tags: tuple[str, ...]
    sent_bytes: int
    mounted_bytes: int
    size_bytes: int
    seconds: float


def promoted_line(promoted: Promoted) -> str:
    """What happened, in one line: `scoring  HOST/NAME:TAG  sent 12 of 433 MB  …  4.1 s`."""
    place = promoted.reference.partition("@")[0]
    tags = f":{','.join(promoted.tags)}" if promoted.tags else ""
    parts = [promoted.name, f"{place}{tags}"]
    if promoted.sent_bytes or promoted.mounted_bytes:
        parts.append(f"sent {size(promoted.sent_bytes)} of {size(promoted.size_bytes)}")
    else:
        parts.append("was there already")
    if promoted.mounted_bytes:
        parts.append(f"mounted {size(promoted.mounted_bytes)}")
    return "  ".join((*parts, seconds(promoted.seconds)))


def promoted_json(done: Iterable[Promoted]) -> str:
    """`{"schema": 1, "images": […]}`."""
    images = [
        {
            "name": one.name,
            "reference": one.reference,
            "digest": one.reference.partition("@")[2],
            "tags": list(one.tags),
            "sent_bytes": one.sent_bytes,
            "mounted_bytes": one.mounted_bytes,
            "seconds": round(one.seconds, 3),
        }
        for one in done
    ]
    return json.dumps({"schema": SCHEMA, "images": images}, indent=2)
