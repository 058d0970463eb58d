"""The table `publish` of a `base.toml`: where the base goes, under which tags, to whom. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import cast

from imagekit.bases.definition import Publishing
from imagekit.model.reference import Reference

CALENDAR = "calendar"
MOVING = "moving"

_KEYS = ("repository", "tags", "immutable", "regions", "accounts")
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}")
_ACCOUNT = re.compile(r"\d{12}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}")  # with room for the architecture in 128

Problems = Iterator[tuple[str, str]]


def publishing(table: Mapping[str, object]) -> Publishing:
    """The value of a table that has no problems."""
    tags = table.get("tags", CALENDAR)
    moving = str(tags[MOVING]) if isinstance(tags, dict) else None
    return Publishing(
        repository=str(table["repository"]),
        moving=moving,
        immutable=table.get("immutable", moving is None) is True,
        regions=tuple(cast("list[str]", table.get("regions", []))),
        accounts=tuple(cast("list[str]", table.get("accounts", []))),
    )


def publishing_problems(table: object) -> Problems:
    """Every key that is wrong, and what it takes."""
    if not isinstance(table, dict):
        yield "publish", "must be a table with `repository`"
        return
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            yield f"publish.{key}", "is not known" + (f"; did you mean {near[0]}?" if near else "")
    if wrong := _repository(table.get("repository")):
        yield "publish.repository", wrong
    yield from _tags(table.get("tags", CALENDAR), table.get("immutable"))
    yield from _each(table, "regions", _REGION, 'a region of AWS, such as "eu-central-1"')
    yield from _each(table, "accounts", _ACCOUNT, "an account of AWS: twelve digits, in quotes")


def _repository(text: object) -> str | None:
    if not isinstance(text, str):
        return 'must be a repository, such as "team/bases/heavy" or "registry.example/bases/heavy"'
    try:
        found = Reference.parse(text)
    except ValueError as error:
        return str(error)
    if found.tag or found.digest:
        return f"{text!r} names a tag; that is what `tags` decides"
    return None


def _tags(tags: object, immutable: object) -> Problems:
    moving = isinstance(tags, dict)
    if isinstance(tags, dict):
        tag = tags.get(MOVING)
        if list(tags) != [MOVING] or not (isinstance(tag, str) and _TAG.fullmatch(tag)):
            yield "publish.tags", f'must be "{CALENDAR}", or {{ {MOVING} = "TAG" }}'
    elif tags != CALENDAR:
        yield "publish.tags", f'must be "{CALENDAR}", or {{ {MOVING} = "TAG" }}'
    if immutable is not None and not isinstance(immutable, bool):
        yield "publish.immutable", "must be true or false"
    elif immutable is True and moving:
        yield "publish.immutable", "contradicts a tag that moves"


def _each(table: Mapping[str, object], key: str, wanted: re.Pattern[str], what: str) -> Problems:
    found = table.get(key, [])
    if not isinstance(found, list):
        yield f"publish.{key}", "must be a list of strings"
        return
    for one in found:
        if not (isinstance(one, str) and wanted.fullmatch(one)):
            yield f"publish.{key}", f"{one!r} is not {what}"
