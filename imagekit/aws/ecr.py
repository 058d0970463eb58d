"""Signing in to a private ECR."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping

from imagekit.aws.account import client_options
from imagekit.aws.calls import Calls
from imagekit.aws.identity import registry_host
from imagekit.aws.refusals import hint_for
from imagekit.aws.session import session
from imagekit.model.errors import AwsRefused, RemoteRefused

_ACTION = "ecr:GetAuthorizationToken"


def ecr_token(
    account: str,
    region: str,
    environ: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[str, str]:
    """User and password for the registry of `account` in `region`, good for 12 hours.

    One `GetAuthorizationToken` with the credentials that boto3 finds (lambda_rules E1), tried again
    while that may help; `environ` says the profile and the endpoint, and its keys go before those
    of files. RemoteRefused, with the command that helps, where there are no credentials, they have
    expired or are not allowed.
    """
    registry = registry_host(account, region)
    try:
        answer = Calls(environ=environ, sleep=sleep).describe(
            f"a token for {registry}",
            _ACTION,
            lambda: (
                session(environ, region)
                .client("ecr", **client_options(environ, "ECR"))
                .get_authorization_token()
            ),
        )
        data = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(data, validate=True).decode().partition(":")
    except AwsRefused as error:
        cause = error.__cause__
        hint = hint_for(cause, environ, _ACTION) if isinstance(cause, Exception) else error.hint
        raise RemoteRefused(what=f"AWS gives no token for {registry}", hint=hint) from cause
    except (KeyError, IndexError, binascii.Error, UnicodeDecodeError) as error:
        raise RemoteRefused(what=f"AWS gave no token for {registry}") from error
    return user, password
