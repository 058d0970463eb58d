"""TOML files of other tools, read without trusting their shape or quoting what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from imagekit.model.errors import ConfigError, Problem
from imagekit.net.userinfo import split
from imagekit.project.indexes.values import Login


def read(path: Path) -> dict[str, object]:
    """The content; empty where there is no such file.

    ConfigError names the file and the line, and quotes none of it: it may hold a token.
    """
    try:
        found = path.stat()
    except OSError:
        return {}
    return _parsed(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _parsed(path: Path, stamp: int, size_bytes: int) -> dict[str, object]:
    import tomli

    try:
        return tomli.loads(path.read_bytes().decode("utf-8-sig"))
    except tomli.TOMLDecodeError as error:
        what = f"line {error.lineno}: not TOML"
    except (OSError, UnicodeDecodeError):
        what = "it cannot be read"
    raise ConfigError(problems=(Problem(str(path), what),))


def table(content: Mapping[str, object], *keys: str) -> dict[str, object]:
    """The table under `keys`; empty where there is none."""
    found: object = content
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def tables(value: object) -> Iterator[dict[str, object]]:
    """The tables of an array of tables."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def text(content: Mapping[str, object], key: str) -> str | None:
    """The text under `key`; None where there is none, or an empty one."""
    found = content.get(key)
    return found if isinstance(found, str) and found else None


def texts(content: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The texts under `key`, one or a list of them."""
    found = content.get(key)
    if isinstance(found, str):
        return (found,)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def plain_url(url: str, source: str) -> tuple[str, Login | None] | None:
    """The http URL without user and password, and those; None for a folder or what is no URL."""
    try:
        bare, found = split(url.strip())
    except ValueError:
        return None
    if not bare.lower().startswith(("http://", "https://")):
        return None
    return bare, Login(user=found.user, password=found.password, source=source) if found else None
