"""Signing in to a private ECR."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING

from imagekit.aws.refusals import hint_for
from imagekit.aws.session import session
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
    from botocore.config import Config

    return session(environ, region).client(
        "ecr",
        endpoint_url=environ.get("AWS_ENDPOINT_URL_ECR") or environ.get("AWS_ENDPOINT_URL"),
        # botocore brings its own authorities; a company's proxy needs the user's.
        verify=environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or None,
        config=Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard"}),
    )


def _refused(registry: str, error: Exception, environ: Mapping[str, str]) -> RemoteRefused:
    return RemoteRefused(
        what=f"AWS gives no token for {registry}",
        hint=hint_for(error, environ, "ecr:GetAuthorizationToken"),
    )
