"""A stage's account and region, and which of AWS's errors are worth another try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagekit.aws.account import region_of, stage_environ
from imagekit.aws.calls import Calls
from imagekit.model.errors import AwsRefused, RemoteRefused
from tests.services.moto import ACCOUNT, KEYS

ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"


def test_region_of_a_stage_wins() -> None:
    """Over both of the environment's variables."""
    environ = stage_environ({**KEYS, "AWS_REGION": "us-east-1"}, region="eu-west-1")

    assert region_of(environ) == "eu-west-1"
    assert environ["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_profile_of_a_stage_goes_before_keys_of_the_environment() -> None:
    """boto3 would take the keys."""
    environ = stage_environ({**KEYS, "AWS_SESSION_TOKEN": "t"}, profile="prod")

    assert environ == {"AWS_PROFILE": "prod"}


def test_role_is_assumed_with_the_callers_keys(moto: str) -> None:
    """Its own keys from then on, with a token; the caller's profile is no longer asked."""
    caller = {**KEYS, "AWS_ENDPOINT_URL": moto, "AWS_REGION": "eu-west-1"}
    environ = stage_environ(caller, role_arn=ROLE)

    assert environ["AWS_ACCESS_KEY_ID"] != KEYS["AWS_ACCESS_KEY_ID"]
    assert environ["AWS_SESSION_TOKEN"]
    assert "AWS_PROFILE" not in environ


def test_role_that_nobody_may_assume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose it is, and how to sign in."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RemoteRefused, match=f"does not let us be {ROLE}") as refused:
        stage_environ({"AWS_REGION": "eu-west-1"}, role_arn=ROLE)

    assert "aws sso login" in (refused.value.hint or "")


def test_no_region_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor a profile has one."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(RemoteRefused, match="no AWS region is set"):
        region_of(KEYS)


def refusal(code: str, message: str = "", status: int = 400) -> Any:
    """What botocore raises."""
    from botocore.exceptions import ClientError

    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "UpdateFunctionCode")


def broken(name: str) -> Any:
    """A way to AWS that broke."""
    from botocore import exceptions

    return getattr(exceptions, name)(endpoint_url="https://lambda", error="cut")


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (refusal("TooManyRequestsException", status=429), True),
        (refusal("ServiceException", status=500), True),
        (refusal("Odd", status=503), True),
        (refusal("ResourceConflictException", status=409), True),
        (refusal("PreconditionFailedException", status=412), True),
        (
            refusal("InvalidParameterValueException", "The role cannot be assumed by Lambda."),
            True,
        ),
        (
            refusal(
                "AccessDeniedException",
                "Lambda does not have permission to access the ECR image.",
                403,
            ),
            True,
        ),
        (refusal("InvalidParameterValueException", "Source image x does not exist."), False),
        (refusal("AccessDeniedException", "not authorized", 403), False),
        (refusal("ResourceNotFoundException", status=404), False),
        (broken("ConnectionClosedError"), True),
        (broken("ReadTimeoutError"), True),
        (broken("EndpointConnectionError"), True),
        (broken("SSLError"), False),
    ],
    ids=lambda value: "" if isinstance(value, bool) else str(value)[:60],
)
def test_which_errors_are_worth_another_try(error: Exception, temporary: bool) -> None:
    """A change is never made twice blindly; what may help is said by the error."""
    made: list[int] = []

    def call() -> None:
        made.append(1)
        raise error

    calls = Calls(environ={}, sleep=lambda seconds: None)
    with pytest.raises(AwsRefused) as refused:
        calls.change("do it", "lambda:UpdateFunctionCode", call)
    assert refused.value.temporary is temporary
    assert refused.value.__cause__ is error
    assert len(made) == 1

    made.clear()
    with pytest.raises(AwsRefused):
        calls.describe("look", "lambda:GetFunction", call)
    assert len(made) == (5 if temporary else 1)
