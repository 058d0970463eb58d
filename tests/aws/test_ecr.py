"""Signing in to ECR, against moto's server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest

from imagekit.aws.ecr import ecr_token
from imagekit.model.errors import RemoteRefused
from tests.services.needs import have, leave_out
from tests.services.ports import free_port, listens, stop, wait_until

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTS", "AWS_SECRET_ACCESS_KEY": "tests"}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """AWS on this machine: its URL."""
    if find_spec("moto") is None:
        leave_out("moto", "not installed: moto[server]")
    have("moto", "moto's server")
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), seconds=60, what="moto")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """botocore finds no credentials but those of the test; gives its files' folder."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


@contextmanager
def answering(status: int, body: object) -> Iterator[str]:
    """An AWS that says this to everything: its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_token_is_user_and_password(moto: str) -> None:
    """Decoded, ready for Basic; the endpoint is the environment's."""
    user, password = ecr_token(ACCOUNT, REGION, {**KEYS, "AWS_ENDPOINT_URL_ECR": moto})

    assert user == "AWS"
    assert password


def test_profile_is_the_environments(moto: str, nobody: Path) -> None:
    """Keys of AWS_PROFILE do as well as keys in the environment."""
    (nobody / "credentials").write_text(
        "[team]\naws_access_key_id = AKIATESTS\naws_secret_access_key = tests\n"
    )
    environ = {"AWS_PROFILE": "team", "AWS_ENDPOINT_URL": moto}

    assert ecr_token(ACCOUNT, REGION, environ)[0] == "AWS"


def test_nobody_is_told_how_to_sign_in() -> None:
    """No credentials anywhere."""
    with pytest.raises(RemoteRefused, match=f"{ACCOUNT}.dkr.ecr.{REGION}") as refused:
        ecr_token(ACCOUNT, REGION, {})

    assert "aws sso login" in (refused.value.hint or "")


def test_unknown_profile_is_told_which_there_are() -> None:
    """A profile that no file has."""
    with pytest.raises(RemoteRefused) as refused:
        ecr_token(ACCOUNT, REGION, {"AWS_PROFILE": "missing"})

    assert refused.value.hint == "aws configure list-profiles"


def test_expired_sso_login_is_named_with_its_profile(nobody: Path) -> None:
    """The hint is the command that mends it."""
    (nobody / "config").write_text(
        "[profile team]\nsso_start_url = https://x.awsapps.example/start\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = dev\n"
    )
    with pytest.raises(RemoteRefused) as refused:
        ecr_token(ACCOUNT, REGION, {"AWS_PROFILE": "team"})

    assert refused.value.hint == "aws sso login --profile team"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("ExpiredTokenException", "get new credentials"),
        ("UnrecognizedClientException", "get new credentials"),
        ("AccessDeniedException", "ecr:GetAuthorizationToken"),
        ("Unheard", "aws sts get-caller-identity"),
    ],
)
def test_refusals_of_aws_say_what_to_type(code: str, hint: str) -> None:
    """What AWS says, and what helps; the keys are in no error."""
    said = {"__type": code, "message": "no"}
    with answering(400, said) as url, pytest.raises(RemoteRefused) as refused:
        ecr_token(ACCOUNT, REGION, {**KEYS, "AWS_ENDPOINT_URL_ECR": url})

    assert hint in (refused.value.hint or "")
    assert code in str(refused.value.__cause__)
    assert "AKIATESTS" not in str(refused.value)


def test_answer_without_a_token_is_said() -> None:
    """200 and nothing in it."""
    empty: list[dict[str, str]] = []
    for body in ({"authorizationData": given} for given in (empty, [{"authorizationToken": "?"}])):
        with answering(200, body) as url, pytest.raises(RemoteRefused, match="no token"):
            ecr_token(ACCOUNT, REGION, {**KEYS, "AWS_ENDPOINT_URL_ECR": url})


def test_china_has_its_own_name() -> None:
    """The registry's host in the error is the one that the user wrote."""
    with pytest.raises(RemoteRefused, match=r"\.cn-north-1\.amazonaws\.com\.cn"):
        ecr_token(ACCOUNT, "cn-north-1", {})


def test_momentary_refusals_of_a_token_are_tried_again() -> None:
    """Throttled or out of order: asked again, and given up after five tries."""
    slept: list[float] = []
    with answering(500, {"__type": "ServerException"}) as url, pytest.raises(RemoteRefused):
        ecr_token(ACCOUNT, REGION, {**KEYS, "AWS_ENDPOINT_URL_ECR": url}, slept.append)

    assert slept == [0.2, 0.4, 0.8, 1.6]
