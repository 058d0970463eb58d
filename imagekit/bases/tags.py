"""Calendar tags: which tag of a repository is newer than the one in use. Pure.

`2026.11.18`, `2026.11.18-2`, `v2026.11.18`, `2026.11.18-x86_64`, `3.13.2026.11.18.12`,
`trixie-20261118`: what stands before and after the day must be the same, so that `2026.11.18-slim`
is followed by the next `-slim`, and Python 3.13's tags by none of 3.14's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from imagekit.model.target import ARCHITECTURES, Architecture

_CALENDAR = re.compile(
    r"(?P<prefix>|.*\D)"
    r"(?P<year>20\d\d)(?P<between>[.-]?)(?P<month>\d\d)(?P=between)(?P<day>\d\d)"
    r"(?P<serial>(?:[.-]\d+(?![A-Za-z0-9_]))*)"
    r"(?P<suffix>(?:[._-].*)?)"
)


class CalendarTag(Struct, frozen=True, kw_only=True):
    """A tag that says when it was published."""

    text: str
    scheme: tuple[str, str, str]
    """What stands before the day, within it and behind it, the architecture left out."""
    version: tuple[date, tuple[int, ...]]
    """The day, and what counts several of one day."""
    architecture: str | None
    """Where the tag is for one alone (decision 11): `x86_64`, `arm64`."""


def calendar(tag: str) -> CalendarTag | None:
    """Read a tag; None where it names no day."""
    found = _CALENDAR.fullmatch(tag)
    if found is None:
        return None
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None
    suffix, architecture = _split(found["suffix"])
    return CalendarTag(
        text=tag,
        scheme=(found["prefix"], found["between"], suffix),
        version=(day, tuple(int(number) for number in re.findall(r"\d+", found["serial"]))),
        architecture=architecture,
    )


def newer(tag: str, tags: Iterable[str], architecture: Architecture) -> tuple[str, ...]:
    """Those of `tags` that follow `tag` in its scheme, one a version, the newest last.

    Tags of another architecture are none; of two for one version, that written as `tag` is. Empty
    where `tag` names no day.
    """
    own = calendar(tag)
    if own is None:
        return ()
    found: dict[tuple[date, tuple[int, ...]], CalendarTag] = {}
    for one in _same_scheme(own, tags, architecture):
        other = found.get(one.version)
        if other is None or one.architecture == own.architecture:
            found[one.version] = one
    return tuple(found[key].text for key in sorted(found) if key > own.version)


def newest(tag: str, tags: Iterable[str], architecture: Architecture) -> str:
    """What an upgrade of `tag` takes; `tag` itself where nothing is newer."""
    return (tag, *newer(tag, tags, architecture))[-1]


def _same_scheme(
    own: CalendarTag, tags: Iterable[str], architecture: Architecture
) -> Iterable[CalendarTag]:
    for text in sorted(tags):
        one = calendar(text)
        if one and one.scheme == own.scheme and one.architecture in (None, architecture):
            yield one


def _split(suffix: str) -> tuple[str, str | None]:
    for architecture in ARCHITECTURES:
        if suffix.endswith(f"-{architecture}"):
            return suffix.removesuffix(f"-{architecture}"), architecture
    return suffix, None
