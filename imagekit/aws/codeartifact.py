"""A token for a CodeArtifact domain."""

from __future__ import annotations

from collections.abc import Mapping

from imagekit.aws.refusals import hint_for
from imagekit.aws.session import session
from imagekit.model.errors import RemoteRefused

_PERMISSIONS = "codeartifact:GetAuthorizationToken and sts:GetServiceBearerToken"
_SECONDS = 3600
"""More than any build takes; AWS gives 15 minutes to 12 hours, and imagekit asks again."""


def codeartifact_token(domain: str, owner: str, region: str, environ: Mapping[str, str]) -> str:
    """The password of user `aws` for the repositories of `domain` in `region`, for an hour.

    One `GetAuthorizationToken` with the credentials that boto3 finds, as for ECR; the endpoint is
    `AWS_ENDPOINT_URL_CODEARTIFACT` where set. RemoteRefused, with the command that helps, where
    there are no credentials, they have expired or are not allowed.
    https://docs.aws.amazon.com/codeartifact/latest/APIReference/API_GetAuthorizationToken.html
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    what = f"the CodeArtifact domain {domain} of {owner} in {region}"
    try:
        client = session(environ, region).client(
            "codeartifact",
            endpoint_url=environ.get("AWS_ENDPOINT_URL_CODEARTIFACT")
            or environ.get("AWS_ENDPOINT_URL"),
            verify=environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or None,
            config=Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard"}),
        )
        answer = client.get_authorization_token(
            domain=domain, domainOwner=owner, durationSeconds=_SECONDS
        )
    except (BotoCoreError, ClientError) as error:
        raise RemoteRefused(
            what=f"AWS gives no token for {what}",
            hint=hint_for(error, environ, _PERMISSIONS),
        ) from error
    token = answer.get("authorizationToken")
    if not token:
        raise RemoteRefused(what=f"AWS gave no token for {what}")
    return token
