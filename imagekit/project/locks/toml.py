"""TOML files that others wrote, read without trusting their shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imagekit.model.errors import LockError


def read_toml(path: Path) -> dict[str, object]:
    """The file's content; LockError where it cannot be read or is not TOML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(path=path, problems=(f"it cannot be read: {error}",)) from error
    return parse_toml(text, path)


def parse_toml(text: str, path: Path) -> dict[str, object]:
    """The content of `text`; LockError naming `path` where it is not TOML."""
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise LockError(path=path, problems=(f"it is not TOML: {error}",)) from error


def table(content: Mapping[str, object], *keys: str) -> dict[str, object]:
    """The table under `keys`; empty where there is none."""
    found: object = content
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list; empty where it is none."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
