"""Who we are to a registry: Docker's and Podman's files, credential helpers, ECR.

Looked up in this order, the first that knows the registry wins:

- `$REGISTRY_AUTH_FILE`
- `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`
- `$XDG_RUNTIME_DIR/containers/auth.json`
- `$XDG_CONFIG_HOME/containers/auth.json`, else `~/.config/containers/auth.json`

In each of them `credHelpers`, then `auths`, then `credsStore`. For a private ECR that none of them
knows, AWS itself is asked. Sources: docker/cli `cli/config`, containers-auth.json(5).
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagekit.model.errors import ConfigError, Problem, RemoteRefused
from imagekit.model.reference import DOCKER_HUB, Reference
from imagekit.registry.helpers import HelperAnswer, ask_helper

# Docker's files name Docker Hub by the address of its first index.
_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Basic:
    """A user and a password."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """As `Authorization` wants it (RFC 7617)."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class Token:
    """An identity token, which the token service exchanges for access tokens."""

    value: str = field(repr=False)


Credential = Basic | Token
EcrToken = Callable[[str, str], tuple[str, str]]
"""Account and region to user and password; given in, as this room does not know AWS."""


class Credentials:
    """Finds the credential for a registry and remembers it; safe to share between threads."""

    def __init__(
        self, environ: Mapping[str, str], *, home: Path | None = None, ecr: EcrToken | None = None
    ) -> None:
        self._environ = environ
        self._home = home or _home(environ)
        self._ecr = ecr
        self._lock = threading.Lock()
        self._found: dict[str, Credential | None] = {}
        self._renewed: set[str] = set()

    def for_registry(self, host: str, *, rejected: Credential | None = None) -> Credential | None:
        """The credential for `host`, None where there is none (ask anonymously).

        `rejected` is one that the registry refused: for ECR a new one is asked of AWS, once, as
        `docker login` leaves a token in its file that lives for 12 hours (lambda_rules E1).
        Errors: ConfigError for a file that is not readable, RemoteRefused for a helper or AWS.
        """
        with self._lock:
            if host not in self._found:
                self._found[host] = self._from_files(host) or self._from_aws(host)
            elif rejected is not None and rejected == self._found[host]:
                self._found[host] = self._renew(host)
            return self._found[host]

    def _renew(self, host: str) -> Credential | None:
        if host in self._renewed:
            return None
        self._renewed.add(host)
        try:
            return self._from_aws(host)
        except RemoteRefused:
            # The registry's refusal says more than AWS having nothing better to give.
            return None

    def _from_files(self, host: str) -> Credential | None:
        for path in self._files():
            config = _read(path)
            if config is not None and (found := self._from_file(path, config, host)):
                return found
        return None

    def _files(self) -> Iterator[Path]:
        environ = self._environ
        if explicit := environ.get("REGISTRY_AUTH_FILE"):
            yield Path(explicit)
        docker = environ.get("DOCKER_CONFIG")
        yield (Path(docker) if docker else self._home / ".docker") / "config.json"
        if runtime := environ.get("XDG_RUNTIME_DIR"):
            yield Path(runtime) / "containers" / "auth.json"
        settings = environ.get("XDG_CONFIG_HOME")
        yield (Path(settings) if settings else self._home / ".config") / "containers" / "auth.json"

    def _from_file(self, path: Path, config: Mapping[str, object], host: str) -> Credential | None:
        key = _HUB_KEY if host == DOCKER_HUB else host
        helper = _section(config, "credHelpers").get(host)
        if isinstance(helper, str) and helper:
            return _from_helper(ask_helper(helper, key, self._environ, required=True))
        auths = _section(config, "auths")
        for name in _spellings(host):
            entry = auths.get(name)
            if isinstance(entry, dict) and (found := _from_entry(path, name, entry)):
                return found
        store = config.get("credsStore")
        if isinstance(store, str) and store:
            return _from_helper(ask_helper(store, key, self._environ, required=False))
        return None

    def _from_aws(self, host: str) -> Credential | None:
        place = Reference(registry=host, repository="any").ecr
        if self._ecr is None or place is None:
            return None
        return Basic(*self._ecr(*place))


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(named) if named else Path.home()


def _spellings(host: str) -> Iterator[str]:
    if host == DOCKER_HUB:
        yield from (_HUB_KEY, "index.docker.io", "docker.io", "registry-1.docker.io")
        return
    yield host
    for scheme in ("https", "http"):
        yield from (f"{scheme}://{host}{path}" for path in ("", "/", "/v1/", "/v2/"))


def _read(path: Path) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else f"not JSON: {error}"
        raise ConfigError(problems=(Problem(str(path), what or "cannot be read"),)) from error
    if not isinstance(found, dict):
        raise ConfigError(problems=(Problem(str(path), "not a JSON object"),))
    return found


def _section(config: Mapping[str, object], name: str) -> dict[str, object]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _from_entry(path: Path, key: str, entry: dict[str, object]) -> Credential | None:
    if token := entry.get("identitytoken"):
        return Token(str(token))
    if pair := entry.get("auth"):
        return _from_pair(f"{path}: auths.{key}.auth", str(pair))
    user, password = entry.get("username"), entry.get("password")
    return Basic(str(user), str(password)) if user and password else None


def _from_pair(where: str, pair: str) -> Basic:
    try:
        text = base64.b64decode(pair, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    user, colon, password = text.partition(":")
    if not colon:
        raise ConfigError(problems=(Problem(where, "not base64 of user:password"),))
    return Basic(user, password.rstrip("\0"))


def _from_helper(answer: HelperAnswer | None) -> Credential | None:
    if answer is None:
        return None
    # docker/docker-credential-helpers: this user name marks an identity token.
    return Token(answer.secret) if answer.user == "<token>" else Basic(answer.user, answer.secret)
