"""What uv is handed so that it asks the project's indexes and is let in: by environment alone.

Arguments are for everyone on the machine to see, the environment is not.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.errors import CannotBuild, CommandFailed, RemoteRefused
from imagekit.net.http import redact
from imagekit.net.userinfo import join, split
from imagekit.project.indexes.chain import Chain
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.named import foreign_indexes
from imagekit.project.indexes.netrc import netrc_login, netrc_path
from imagekit.project.indexes.offline import offline
from imagekit.project.indexes.signing import index_refused
from imagekit.project.indexes.uv import uv_indexes, variables_of
from imagekit.project.indexes.values import Index, Login, Place

Start = Callable[[Mapping[str, str]], str]
"""Runs uv with an environment; what it wrote to stdout."""

_SLOTS = (
    ("UV_DEFAULT_INDEX", "default", " "),
    ("UV_INDEX", "extra", " "),
    ("UV_FIND_LINKS", "find-links", ","),
)
_URLS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
# uv has no exit status of its own for this; these are reqwest's words for the two statuses.
_REFUSED = re.compile(r"\b(401 Unauthorized|403 Forbidden)\b")
_URL = re.compile(r"https?://[^\s'\"`<>|()]+")


class Handover(Struct, frozen=True, kw_only=True):
    """Indexes and logins of one place, for every uv that is run for it."""

    chain: Chain
    place: Place

    def run(self, start: Start, environ: Mapping[str, str], command: str) -> str:
        """Run `uv COMMAND`; once more, with another login, where an index does not take the first.

        Raises IndexRefused where it takes neither, and what `start` raises, without passwords.
        """
        builds = command == "build"
        # A lock is read without asking an index, as a rule: no token is fetched for that.
        silent = offline(self.place.folders, self._machine(environ)) is not None
        signs = not silent and command != "export"
        try:
            return self._try(start, environ, signs=signs, builds=builds)
        except CommandFailed as error:
            if silent:
                raise self._scrubbed(error) from None
            self._renew(error, signs=signs)
        try:
            return self._try(start, environ, signs=True, builds=builds)
        except CommandFailed as error:
            url, status = self._refused(error)
            self._refuse(error, url, status, self._login(url))

    def where(self, url: str) -> str | None:
        """The file and key, or the variable, that names the index of a URL."""
        index = self.chain.nearest(url)
        return index.where if index else None

    def git(self, url: str, environ: Mapping[str, str]) -> dict[str, str]:
        """Variables that let git in where the lock's URL carried user and password.

        CannotBuild where uv's switches forbid all traffic.

        https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
        """
        silence = offline(self.place.folders, self._machine(environ))
        if silence and silence.network and "://" in url and not url.startswith("file:"):
            raise CannotBuild(
                what=f"{silence.why} forbids asking {redact(url)}",
                hint="build once with a network; what was built from a commit is kept",
            )
        login = self.chain.carried(url)
        if login is None:
            return {}
        number = int(environ.get("GIT_CONFIG_COUNT", "0"))
        parts = urlsplit(url)
        return {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            f"GIT_CONFIG_VALUE_{number}": f"Authorization: {login.header}",
        }

    def _try(self, start: Start, environ: Mapping[str, str], *, signs: bool, builds: bool) -> str:
        handed = {**environ, **dict(self._foreign(environ, builds=builds))}
        if not signs:
            return start(handed)
        with self._signed(handed) as signed:
            return start(signed) if builds else _outspoken(start, signed)

    def _foreign(self, environ: Mapping[str, str], *, builds: bool) -> Iterator[tuple[str, str]]:
        """What the project's own tool names goes where uv itself names nothing better."""
        own = tuple(uv_indexes(self.place.folders, self._machine(environ)))
        known = {index.url for index in own}
        foreign = foreign_indexes(self.place, self.chain.machine, builds=builds)
        for variable, role, separator in _SLOTS:
            if role == "default" and any(index.role == role for index in own):
                continue
            urls = [one.url for one in foreign if one.role == role and one.url not in known]
            if urls:
                said = environ.get(variable, "").split(separator)
                yield variable, separator.join([word for word in said if word] + urls)
        if self._pinned(foreign) and "UV_INDEX_STRATEGY" not in environ:
            # pip looks everywhere. With hashes that is safe: no other file can slip in.
            yield "UV_INDEX_STRATEGY", "unsafe-best-match"

    @contextmanager
    def _signed(self, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """With logins for every index that uv will know; nothing is left behind."""
        handed = dict(environ)
        for variable in _URLS:
            separator = "," if variable == "UV_FIND_LINKS" else " "
            words = environ.get(variable, "").split(separator)
            if any(words):
                handed[variable] = separator.join(self._word(word) for word in words if word)
        machines: dict[str, Login] = {}
        for index in uv_indexes(self.place.folders, self._machine(environ)):
            login = self._login(index.url)
            if login is None:
                continue
            if index.name:
                user, password = variables_of(index.name)
                handed |= {user: login.user, password: login.password or ""}
            elif index.variable is None and login != index.login:
                host = urlsplit(index.url).hostname or ""
                if login != netrc_login(host, self.chain.machine):
                    machines.setdefault(host, login)
        if not machines:
            yield handed
            return
        with _scratch_netrc(machines, self.chain.machine) as path:
            yield {**handed, "NETRC": str(path)}

    def _word(self, word: str) -> str:
        """One of a variable's URLs with its login in it; a name before it stays."""
        name, equals, url = word.partition("=")
        if not equals or "://" in name:
            name, equals, url = "", "", word
        try:
            plain, _ = split(url)
        except ValueError:
            return word
        login = self._login(plain) if "://" in plain else None
        return f"{name}{equals}{join(plain, *login.pair)}" if login else word

    def _renew(self, error: CommandFailed, *, signs: bool) -> None:
        """Find another login for whom the error names; IndexRefused where there is none."""
        url, status = self._refused(error)
        used = self._login(url) if signs else None
        if self.chain.another(url, used.header if used else None) is None:
            self._refuse(error, url, status, used)

    def _refused(self, error: CommandFailed) -> tuple[str, int]:
        """Who did not let uv in, and the status; the error itself where it says no such thing."""
        found = _refused_url(error.stderr_tail)
        if found is None:
            raise self._scrubbed(error) from None
        return found

    def _login(self, url: str) -> Login | None:
        try:
            return self.chain.login(url)
        except RemoteRefused:
            return None  # Said once the index refuses us for it: it may never be asked.

    def _machine(self, environ: Mapping[str, str]) -> Machine:
        return replace(self.chain.machine, environ=environ)

    def _pinned(self, foreign: tuple[Index, ...]) -> bool:
        if self.place.kind != "requirements" or not any(one.role == "extra" for one in foreign):
            return False
        from imagekit.project.locks.requirements import read_requirements

        return read_requirements(self.place.path).hashed

    def _refuse(self, error: CommandFailed, url: str, status: int, used: Login | None) -> NoReturn:
        found = index_refused(self.chain, url, status, used.source if used else None)
        raise found from (found.__cause__ or self._scrubbed(error))

    def _scrubbed(self, error: CommandFailed) -> CommandFailed:
        self.chain.indexes()  # Who was never asked for a login knows no password to take out.
        return CommandFailed(
            argv=tuple(map(self.chain.scrub, error.argv)),
            status=error.status,
            stderr_tail=self.chain.scrub(error.stderr_tail),
        )


def _outspoken(start: Start, environ: Mapping[str, str]) -> str:
    """Run uv; where it fails, in the way in which it says that an index did not let it in.

    With the strategies that ask every index it passes over such a one without a word.
    """
    try:
        return start(environ)
    except CommandFailed as error:
        strategy = environ.get("UV_INDEX_STRATEGY", "")
        if not strategy.startswith("unsafe") or _refused_url(error.stderr_tail):
            raise
        try:
            start({**environ, "UV_INDEX_STRATEGY": "first-index"})
        except CommandFailed as outspoken:
            if _refused_url(outspoken.stderr_tail):
                raise outspoken from None
        raise


def _refused_url(said: str) -> tuple[str, int] | None:
    """The URL that uv was not let in to, and the status; None where it says no such thing."""
    for line in said.splitlines():
        status, url = _REFUSED.search(line), _URL.search(line)
        if status and url:
            return url[0], int(status[0][:3])
    return None


@contextmanager
def _scratch_netrc(machines: Mapping[str, Login], machine: Machine) -> Iterator[Path]:
    """The user's file with these entries before its own, for as long as the block lasts.

    Only for indexes without a name in a file of uv's: nothing else reaches those.
    """
    lines = [
        f"machine {host} login {login.user} password {login.password or ''}\n"
        for host, login in machines.items()
    ]
    before = netrc_path(machine)
    if before is not None:
        with suppress(OSError, UnicodeDecodeError):
            lines.append(before.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="imagekit-") as folder:
        path = Path(folder, "netrc")
        # The folder is the user's alone, and so is what is made with this mode.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
            file.writelines(lines)
        yield path
