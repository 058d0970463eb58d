"""Values in the query of a URL (RFC 3986, 3.4): they may be secrets, so none of them is kept.

`?token=s3cret` is kept as `?token=***`. Who needs the whole URL again finds it where the user wrote
it (`put_back`), as with user and password. The fragment stays: it names a digest or a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote, urlsplit

from imagekit.net.http import origin
from imagekit.net.userinfo import without_userinfo

_MASK = "***"
_QUERY = re.compile(r"(https?://[^\s?#\"<>`]*\?)([^\s#\"<>`]*)", re.IGNORECASE)
_WITH_QUERY = re.compile(r"https?://[^\s?#\"'<>`]*\?[^\s#\"'<>`]+(?:#[^\s\"'<>`]*)?", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


def masked(text: str) -> str:
    """The text, each value in the query of an http URL in it replaced."""
    if "?" not in text:
        return text
    return _QUERY.sub(lambda match: match[1] + _masked_query(match[2]), text)


def is_masked(url: str) -> bool:
    """Whether values of the URL's query were replaced."""
    parts = re.split("[&;]", urlsplit(url).query) if _MASK in url else []
    return any(part.rpartition("=")[2] == _MASK for part in parts)


def put_back(
    url: str, name: str, texts: Iterable[str], environ: Mapping[str, str] | None = None
) -> str | None:
    """The whole URL of what was masked, without user and password; None where no text has it.

    Where several differ in nothing but values, it is the one on a line that names the package
    `name`. `${NAME}` stands for a variable of `environ`, as in a requirements file.
    """
    wanted = _key(url)
    found: dict[str, bool] = {}
    for line, whole in _with_query(texts, environ or {}):
        if _key(whole) == wanted and not is_masked(whole):
            found[whole] = found.get(whole, False) or _names(line, name)
    if len(found) > 1:
        found = {whole: named for whole, named in found.items() if named}
    if len(found) != 1:
        return None
    return urlsplit(next(iter(found)))._replace(fragment=urlsplit(url).fragment).geturl()


def _masked_query(query: str) -> str:
    """Names stay; what has no name is a value."""
    pieces = re.split("([&;])", query)
    return "".join(piece if piece in ("", "&", ";") else _one(piece) for piece in pieces)


def _one(piece: str) -> str:
    name, equals, _ = piece.partition("=")
    return f"{name}={_MASK}" if equals else _MASK


def _with_query(texts: Iterable[str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each line with a URL that has a query, and that URL."""
    for text in texts:
        for line in text.splitlines() if "?" in text else ():
            for url in _WITH_QUERY.findall(line):
                # A variable's value may hold what ends a URL: put in after it was cut out.
                plain = without_userinfo(url)
                yield line, _VARIABLE.sub(lambda match: environ.get(match[1], match[0]), plain)


def _key(url: str) -> tuple[object, ...] | None:
    """What two spellings of a URL have in common, whatever the values in its query."""
    try:
        parts = urlsplit(url)
        return origin(url), unquote(parts.path), unquote(_masked_query(parts.query))
    except ValueError:
        return None


def _names(line: str, name: str) -> bool:
    """Whether the package's name stands in the line as a word (PEP 503)."""
    plain = re.sub(r"[-_.]+", "-", line).lower()
    word = re.escape(re.sub(r"[-_.]+", "-", name).lower())
    return re.search(rf"(?<![a-z0-9-]){word}(?![a-z0-9-])", plain) is not None
