"""Signing in to a private ECR."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING

from imagekit.model.errors import RemoteRefused

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient


def ecr_token(account: str, region: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """User and password for the registry of `account` in `region`, good for 12 hours.

    One `GetAuthorizationToken` with the credentials that boto3 finds (lambda_rules E1); `environ`
    says the profile and the endpoint, and its keys go before those of files. RemoteRefused, with
    the command that helps, where there are no credentials, they have expired or are not allowed.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    suffix = ".cn" if region.startswith("cn-") else ""
    registry = f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}"
    try:
        answer = _client(region, environ).get_authorization_token()
        data = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(data, validate=True).decode().partition(":")
    except (BotoCoreError, ClientError) as error:
        raise _refused(registry, error, environ) from error
    except (KeyError, IndexError, binascii.Error, UnicodeDecodeError) as error:
        raise RemoteRefused(what=f"AWS gave no token for {registry}") from error
    return user, password


def _client(region: str, environ: Mapping[str, str]) -> ECRClient:
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id=environ.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=environ.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=environ.get("AWS_SESSION_TOKEN"),
        profile_name=environ.get("AWS_PROFILE"),
        region_name=region,
    )
    return session.client(
        "ecr",
        endpoint_url=environ.get("AWS_ENDPOINT_URL_ECR") or environ.get("AWS_ENDPOINT_URL"),
        # botocore brings its own authorities; a company's proxy needs the user's.
        verify=environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or None,
        config=Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard"}),
    )


_EXPIRED_LOGIN = frozenset(
    {
        "LoginRefreshRequired",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
_NOBODY = frozenset({"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError"})
_EXPIRED_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
)


def _refused(registry: str, error: Exception, environ: Mapping[str, str]) -> RemoteRefused:
    return RemoteRefused(
        what=f"AWS gives no token for {registry}", hint=_hint(_code(error), environ)
    )


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    said = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(said or type(error).__name__)


def _hint(code: str, environ: Mapping[str, str]) -> str:
    profile = environ.get("AWS_PROFILE")
    named = f" --profile {profile}" if profile else ""
    if code in _EXPIRED_LOGIN:
        return f"aws sso login{named}"
    if code in _NOBODY:
        return f"aws configure{named}, or aws sso login{named}, or set AWS_PROFILE"
    if code == "ProfileNotFound":
        return "aws configure list-profiles"
    if code in _EXPIRED_KEYS:
        return "get new credentials; aws sts get-caller-identity says whether they are good"
    if code.startswith("AccessDenied"):
        return "aws sts get-caller-identity, and allow it ecr:GetAuthorizationToken"
    return "aws sts get-caller-identity, or check the region and HTTPS_PROXY"
