"""Signing in to a private ECR."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from imagekit.aws.account import client_options
from imagekit.aws.identity import registry_host
from imagekit.aws.refusals import hint_for
from imagekit.aws.session import session
from imagekit.model.errors import RemoteRefused


def ecr_token(account: str, region: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """User and password for the registry of `account` in `region`, good for 12 hours.

    One `GetAuthorizationToken` with the credentials that boto3 finds (lambda_rules E1); `environ`
    says the profile and the endpoint, and its keys go before those of files. RemoteRefused, with
    the command that helps, where there are no credentials, they have expired or are not allowed.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    registry = registry_host(account, region)
    try:
        client = session(environ, region).client("ecr", **client_options(environ, "ECR"))
        answer = client.get_authorization_token()
        data = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(data, validate=True).decode().partition(":")
    except (BotoCoreError, ClientError) as error:
        raise _refused(registry, error, environ) from error
    except (KeyError, IndexError, binascii.Error, UnicodeDecodeError) as error:
        raise RemoteRefused(what=f"AWS gave no token for {registry}") from error
    return user, password


def _refused(registry: str, error: Exception, environ: Mapping[str, str]) -> RemoteRefused:
    return RemoteRefused(
        what=f"AWS gives no token for {registry}",
        hint=hint_for(error, environ, "ecr:GetAuthorizationToken"),
    )
