"""What uv's own words come to: who did not answer, and which line it cannot read.

uv has one exit status for both, so its words are read; where they are not clear they are left as
they are. https://docs.astral.sh/uv/reference/troubleshooting/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from imagekit.model.errors import CommandFailed, ImagekitError, LockError, RemoteRefused

_FETCH = re.compile(r"Failed to fetch:\s+`?(https?://[^\s`]+)")
_CAUSE = re.compile(r"(?:cause|Caused by):\s+(.+)")
_STATUS = re.compile(r"\b((?:401|403|407|429|5\d\d) [A-Z][A-Za-z -]*)\)?\s+for\s+url")
_UNREACHED = re.compile(r"client error \(Connect\)|operation timed out|dns error|tcp connect error")
_WHY = (
    (re.compile("certificate", re.I), "its certificate is not trusted"),
    (re.compile("connection refused|actively refused", re.I), "connection refused"),
    (re.compile("dns error|lookup address|not known", re.I), "the host's name is not known"),
    (re.compile("timed out|timeout", re.I), "no answer in time"),
    (re.compile("unreachable", re.I), "there is no way to it"),
)
_CERTIFICATE = "name your certificate authority's PEM file in SSL_CERT_FILE"
_POSITION = re.compile(r"Couldn't parse requirement\s+in\s+`([^`]+)`\s+at\s+position\s+(\d+)")
_LINE = re.compile(r"^error: (.+):\s+(\S+):(\d+):\d+$", re.M)
_OPTION = re.compile(r"Consider\s+using\s+a\s+higher\s+`--python-version`\s+value\.?")


def understood(
    error: CommandFailed, folder: Path, where: Callable[[str], str | None]
) -> ImagekitError:
    """The failure of a uv that ran in `folder`, as RemoteRefused or LockError where uv says so.

    `where` tells by a URL which setting names its index.
    """
    return _unreached(error, where) or _unread(error, folder) or _with_our_key(error)


def _unreached(error: CommandFailed, where: Callable[[str], str | None]) -> RemoteRefused | None:
    said = error.stderr_tail
    url = _FETCH.search(said)
    if url is None:
        return None
    status = _STATUS.search(said)
    if status is None and not _UNREACHED.search(said):
        return None
    named = where(url[1])
    place = f"{url[1]}{f' (index of {named})' if named else ''}"
    if status:
        return RemoteRefused(
            what=f"{place} answered {status[1]}",
            hint=f"run it again later; or name another index in {named or 'UV_DEFAULT_INDEX'}",
            temporary=True,
        )
    why = next((words for pattern, words in _WHY if pattern.search(said)), None)
    causes = [line.rstrip() for line in _CAUSE.findall(said)]
    index = f"correct {named}" if named else "name one that can be in UV_DEFAULT_INDEX"
    if "Failed to download" in said:
        index = "correct the URL of the requirement"
    proxy = "set HTTPS_PROXY=http://HOST:PORT if a proxy leads there"
    trusted = why is not None and "certificate" in why
    return RemoteRefused(
        what=f"{place} cannot be reached: {why or causes[-1]}",
        hint=_CERTIFICATE if trusted else f"{index}; or {proxy}",
        temporary=not trusted,
    )


def _unread(error: CommandFailed, folder: Path) -> LockError | None:
    """The innermost file, as one may include another."""
    said = error.stderr_tail
    if found := list(_POSITION.finditer(said)):
        path = folder / found[-1][1]
        why = _CAUSE.search(said, found[-1].end())
        number = _line_number(path, int(found[-1][2]))
        if number is None or why is None:
            return None
        line = path.read_text(encoding="utf-8", errors="replace").splitlines()[number - 1]
        return LockError(path=path, problems=(f"line {number}: {line.strip()}: {why[1]}",))
    if (found_line := _LINE.search(said)) and (folder / found_line[2]).is_file():
        problem = f"line {found_line[3]}: {found_line[1]}"
        return LockError(path=folder / found_line[2], problems=(problem,))
    return None


def _line_number(path: Path, position: int) -> int | None:
    """The line, counted from 1, of what starts at a byte; None where the file is not to be read."""
    try:
        return path.read_bytes()[:position].count(b"\n") + 1
    except OSError:
        return None


def _with_our_key(error: CommandFailed) -> CommandFailed:
    """uv's advice names an option of its own, for which imagekit has a key."""
    said, times = _OPTION.subn('Set a newer one: the key `python = "…"`.', error.stderr_tail)
    if not times:
        return error
    said = said.replace("The `--python-version` value", "The Python version")
    return CommandFailed(argv=error.argv, status=error.status, stderr_tail=said, hint=error.hint)
