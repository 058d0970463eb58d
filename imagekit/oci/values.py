"""JSON that others wrote, read into types: a wrong type is a ValueError that names the key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from imagekit.model.digest import Digest

Object = Mapping[str, object]


def parse_object(data: bytes) -> Object:
    """A JSON document that is an object."""
    return as_object(_parse(data), "the document")


def parse_list(data: bytes) -> list[object]:
    """A JSON document that is a list."""
    found = _parse(data)
    if not isinstance(found, list):
        raise ValueError("the document is not a list")
    return found


def _parse(data: bytes) -> object:
    try:
        found: object = json.loads(data)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def canonical(value: object) -> bytes:
    """The one form that imagekit writes: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def as_object(value: object, where: str) -> Object:
    """The value as an object."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    return cast("Object", value)


def object_at(value: Object, key: str) -> Object:
    """The object at `key`; empty where it is missing or null."""
    found = value.get(key)
    return {} if found is None else as_object(found, key)


def list_at(value: Object, key: str) -> list[object]:
    """The list at `key`; empty where it is missing or null."""
    found = value.get(key)
    if found is not None and not isinstance(found, list):
        raise ValueError(f"{key} is not a list")
    return found or []


def objects_at(value: Object, key: str) -> tuple[Object, ...]:
    """The list of objects at `key`."""
    return tuple(as_object(item, key) for item in list_at(value, key))


def texts_at(value: Object, key: str) -> tuple[str, ...]:
    """The list of strings at `key`."""
    found = list_at(value, key)
    if not all(isinstance(item, str) for item in found):
        raise ValueError(f"{key} holds something else than text")
    return tuple(cast("list[str]", found))


def text_at(value: Object, key: str) -> str:
    """The string at `key`; empty where it is missing or null."""
    return optional_text_at(value, key) or ""


def optional_text_at(value: Object, key: str) -> str | None:
    """The string at `key`, or None."""
    found = value.get(key)
    if found is not None and not isinstance(found, str):
        raise ValueError(f"{key} is not text")
    return found


def pairs_at(value: Object, key: str) -> tuple[tuple[str, str], ...]:
    """The object at `key` whose values are text, as pairs in the order of their keys."""
    found = object_at(value, key)
    return tuple((name, text_at(found, name)) for name in sorted(found))


def number_at(value: Object, key: str, default: int | None = None) -> int:
    """The whole number at `key`, not below zero."""
    found = value.get(key, default)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{key} is not a size")
    return found


def digest_at(value: Object, key: str) -> Digest:
    """The sha256 digest at `key`."""
    return Digest.parse(text_at(value, key))
