"""A token for CodeArtifact, against a front of its one call."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.aws.codeartifact import codeartifact_token
from imagekit.model.errors import RemoteRefused
from tests.services.codeartifact import codeartifact

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTS", "AWS_SECRET_ACCESS_KEY": "tests-secret-key"}
OWNER, REGION = "123456789012", "eu-west-1"


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore finds no credentials but those of the test."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_CODEARTIFACT", "AWS_ENDPOINT_URL"])
def test_token_is_of_the_domain_its_owner_and_its_region(variable: str) -> None:
    """The call is signed for the region of the index, whatever the caller's own region is."""
    with codeartifact() as aws:
        environ = {**KEYS, variable: aws.url, "AWS_REGION": "us-east-1"}
        token = codeartifact_token("team", OWNER, REGION, environ)

    assert token == aws.tokens[0]
    assert aws.asked == [("team", OWNER)]
    assert f"/{REGION}/codeartifact/aws4_request" in aws.scopes[0]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDeniedException", "codeartifact:GetAuthorizationToken and sts:GetServiceBearer"),
        ("ExpiredTokenException", "get new credentials"),
    ],
)
def test_refusal_says_what_to_type(code: str, hint: str) -> None:
    """Which domain, and the permission or the command that helps; no key is in the error."""
    with codeartifact() as aws:
        aws.refusal = code
        environ = {**KEYS, "AWS_ENDPOINT_URL_CODEARTIFACT": aws.url}
        with pytest.raises(RemoteRefused, match=f"domain team of {OWNER} in {REGION}") as refused:
            codeartifact_token("team", OWNER, REGION, environ)

    assert hint in (refused.value.hint or "")
    assert "tests-secret-key" not in f"{refused.value}{refused.value.__cause__}"


def test_nobody_is_told_how_to_sign_in() -> None:
    """No credentials anywhere."""
    with pytest.raises(RemoteRefused) as refused:
        codeartifact_token("team", OWNER, REGION, {})

    assert "aws sso login" in (refused.value.hint or "")
