"""Who we are: files of Docker and Podman, helpers, AWS."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError, RemoteRefused
from imagekit.registry.credentials import Basic, Credentials, Token

HOST = "registry.example.com"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def encoded(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, config: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def found(
    home: Path, host: str = HOST, environ: Mapping[str, str] | None = None
) -> Basic | Token | None:
    return Credentials(environ or {}, home=home).for_registry(host)


@pytest.mark.parametrize(
    "key",
    [HOST, f"https://{HOST}", f"https://{HOST}/", f"https://{HOST}/v1/", f"http://{HOST}/v2/"],
)
def test_every_spelling_of_a_registry_is_known(key: str, tmp_path: Path) -> None:
    """Docker wrote its keys in many ways over the years."""
    write(tmp_path / ".docker/config.json", {"auths": {key: encoded("anne", "a:b")}})

    assert found(tmp_path) == Basic("anne", "a:b")


def test_docker_hub_goes_by_its_old_name(tmp_path: Path) -> None:
    """`docker login` without a name writes the address of the first index."""
    auths = {"https://index.docker.io/v1/": encoded("anne", "word")}
    write(tmp_path / ".docker/config.json", {"auths": auths})

    assert found(tmp_path, "docker.io") == Basic("anne", "word")


def test_nobody_without_files(tmp_path: Path) -> None:
    """No file, no entry, an empty entry: ask anonymously."""
    assert found(tmp_path) is None
    write(tmp_path / ".docker/config.json", {"auths": {HOST: {}, "other": encoded("a", "b")}})
    assert found(tmp_path) is None


def test_identity_token_goes_before_the_password(tmp_path: Path) -> None:
    """An entry with both: the token is what the user logged in with."""
    entry = {**encoded("anne", "word"), "identitytoken": "tok"}
    write(tmp_path / ".docker/config.json", {"auths": {HOST: entry}})

    assert found(tmp_path) == Token("tok")


def test_places_are_asked_in_order(tmp_path: Path) -> None:
    """REGISTRY_AUTH_FILE, Docker's, then Podman's; a file that knows nothing is passed over."""
    explicit = write(tmp_path / "explicit.json", {"auths": {HOST: encoded("explicit", "x")}})
    write(tmp_path / "docker/config.json", {"auths": {HOST: encoded("docker", "x")}})
    write(tmp_path / "run/containers/auth.json", {"auths": {HOST: encoded("podman", "x")}})
    write(tmp_path / ".config/containers/auth.json", {"auths": {HOST: encoded("kept", "x")}})
    environ = {
        "REGISTRY_AUTH_FILE": str(explicit),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }
    users = []
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", None):
        credential = found(tmp_path, environ=environ)
        assert isinstance(credential, Basic)
        users.append(credential.user)
        environ.pop(name or "", None)

    assert users == ["explicit", "docker", "podman", "kept"]


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"auths": {"registry.example.com": {"auth": "?"}}}']
)
def test_broken_file_is_named(config: str, tmp_path: Path) -> None:
    """A file that cannot be read is the user's to mend: exit 2 with its path, no secret."""
    path = write(tmp_path / ".docker/config.json", config)
    with pytest.raises(ConfigError) as broken:
        found(tmp_path)

    assert broken.value.problems[0].where.startswith(str(path))


def test_secrets_are_not_in_a_repr() -> None:
    """Values end up in logs."""
    assert "word" not in repr((Basic("anne", "word"), Token("word")))


def helper(folder: Path, name: str, script: str) -> dict[str, str]:
    """A helper on a PATH of its own: a Python script that reads the server from stdin."""
    folder.mkdir(exist_ok=True)
    source = folder / f"{name}.py"
    source.write_text(f"import json, sys\nserver = sys.stdin.read()\n{script}\n")
    program = folder / (f"docker-credential-{name}" + (".bat" if os.name == "nt" else ""))
    lines = {
        "nt": f'@"{sys.executable}" "{source}" %*\n',
        "posix": f'#!/bin/sh\nexec "{sys.executable}" "{source}" "$@"\n',
    }
    program.write_text(lines[os.name])
    program.chmod(0o755)
    return {"PATH": str(folder)}


ANSWERS = """
assert sys.argv[1:] == ["get"], sys.argv
print(json.dumps({"ServerURL": server, "Username": "anne", "Secret": "for " + server}))
"""


@pytest.mark.parametrize(
    ("config", "host", "asked"),
    [
        ({"credHelpers": {HOST: "mine"}}, HOST, HOST),
        ({"credsStore": "mine"}, HOST, HOST),
        ({"credsStore": "mine"}, "docker.io", "https://index.docker.io/v1/"),
    ],
)
def test_helper_is_asked(config: object, host: str, asked: str, tmp_path: Path) -> None:
    """`get` with the registry on stdin, the answer as JSON on stdout."""
    write(tmp_path / ".docker/config.json", config)

    credential = found(tmp_path, host, helper(tmp_path / "bin", "mine", ANSWERS))
    assert credential == Basic("anne", f"for {asked}")


def test_helper_for_one_registry_goes_before_the_file(tmp_path: Path) -> None:
    """`credHelpers` before `auths`, `auths` before `credsStore`."""
    environ = helper(tmp_path / "bin", "mine", ANSWERS)
    auths = {HOST: encoded("file", "x"), "other.example.com": encoded("file", "x")}
    config = {"auths": auths, "credHelpers": {HOST: "mine"}, "credsStore": "mine"}
    write(tmp_path / ".docker/config.json", config)

    assert found(tmp_path, HOST, environ) == Basic("anne", f"for {HOST}")
    assert found(tmp_path, "other.example.com", environ) == Basic("file", "x")


def test_helper_gives_an_identity_token(tmp_path: Path) -> None:
    """The user name `<token>` says so."""
    script = 'print(json.dumps({"Username": "<token>", "Secret": "tok"}))'
    write(tmp_path / ".docker/config.json", {"credsStore": "mine"})

    assert found(tmp_path, HOST, helper(tmp_path / "bin", "mine", script)) == Token("tok")


def test_helper_that_does_not_know_the_registry(tmp_path: Path) -> None:
    """Its own words for that are no error."""
    script = 'print("credentials not found in native keychain"); sys.exit(1)'
    write(tmp_path / ".docker/config.json", {"credsStore": "mine"})

    assert found(tmp_path, HOST, helper(tmp_path / "bin", "mine", script)) is None


@pytest.mark.parametrize(
    "script",
    ['print("the keychain is locked"); sys.exit(1)', 'print("secret-word")', "print('[]')"],
)
def test_helper_that_fails_is_named(script: str, tmp_path: Path) -> None:
    """Exit 3, the helper's name, something to type; what might be a secret is not quoted."""
    write(tmp_path / ".docker/config.json", {"credHelpers": {HOST: "mine"}})
    with pytest.raises(RemoteRefused, match="docker-credential-mine") as refused:
        found(tmp_path, HOST, helper(tmp_path / "bin", "mine", script))

    assert refused.value.hint
    assert "secret-word" not in str(refused.value)


def test_helper_that_is_gone(tmp_path: Path) -> None:
    """A `credsStore` outlives Docker Desktop; a helper for this very registry is missed."""
    environ = {"PATH": str(tmp_path)}
    write(tmp_path / ".docker/config.json", {"credsStore": "gone"})
    assert found(tmp_path, HOST, environ) is None
    write(tmp_path / ".docker/config.json", {"credHelpers": {HOST: "gone"}})
    with pytest.raises(RemoteRefused):
        found(tmp_path, HOST, environ)


def test_helper_runs_once(tmp_path: Path) -> None:
    """An answer is remembered: helpers may ask the user to unlock something."""
    log = tmp_path / "log"
    script = f"open({str(log)!r}, 'a').write('x')\n{ANSWERS}"
    write(tmp_path / ".docker/config.json", {"credsStore": "mine"})
    credentials = Credentials(helper(tmp_path / "bin", "mine", script), home=tmp_path)
    for _ in range(3):
        credentials.for_registry(HOST)

    assert log.read_text() == "x"


def test_aws_is_asked_for_ecr_alone(tmp_path: Path) -> None:
    """And only where no file knows the registry."""
    asked: list[tuple[str, str]] = []

    def ecr(account: str, region: str) -> tuple[str, str]:
        asked.append((account, region))
        return "AWS", f"token {len(asked)}"

    credentials = Credentials({}, home=tmp_path, ecr=ecr)
    assert credentials.for_registry(HOST) is None
    assert credentials.for_registry(ECR) == Basic("AWS", "token 1")
    assert asked == [("123456789012", "eu-west-1")]
    write(tmp_path / ".docker/config.json", {"auths": {ECR: encoded("AWS", "file")}})
    assert Credentials({}, home=tmp_path, ecr=ecr).for_registry(ECR) == Basic("AWS", "file")
    assert len(asked) == 1


def test_refused_login_is_renewed_once(tmp_path: Path) -> None:
    """AWS is asked once for something better; a second refusal is final."""
    write(tmp_path / ".docker/config.json", {"auths": {ECR: encoded("AWS", "stale")}})
    credentials = Credentials({}, home=tmp_path, ecr=lambda account, region: ("AWS", "new"))
    stale = credentials.for_registry(ECR)
    fresh = credentials.for_registry(ECR, rejected=stale)

    assert (stale, fresh) == (Basic("AWS", "stale"), Basic("AWS", "new"))
    assert credentials.for_registry(ECR, rejected=stale) == fresh
    assert credentials.for_registry(ECR, rejected=fresh) is None


def test_home_is_the_environments(tmp_path: Path) -> None:
    """`~` is where HOME says."""
    write(tmp_path / ".docker/config.json", {"auths": {HOST: encoded("anne", "word")}})

    assert Credentials({"HOME": str(tmp_path)}).for_registry(HOST) == Basic("anne", "word")
