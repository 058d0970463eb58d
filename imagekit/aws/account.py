"""A stage's account and region, as variables that every call to AWS then reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagekit.aws.refusals import hint_for
from imagekit.aws.session import session
from imagekit.model.errors import RemoteRefused

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SESSION = "imagekit"


def stage_environ(
    environ: Mapping[str, str],
    *,
    region: str | None = None,
    profile: str | None = None,
    role_arn: str | None = None,
) -> dict[str, str]:
    """`environ` for one stage: its region; its profile's keys, or those of its role.

    A role is assumed with the caller's own keys (one `AssumeRole`, good for an hour).
    RemoteRefused where AWS does not let us.
    """
    found = dict(environ)
    if region:
        found |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if profile:
        # Keys in the environment would win over the profile's.
        found = {name: value for name, value in found.items() if name not in _KEYS}
        found["AWS_PROFILE"] = profile
    if role_arn:
        found |= _assumed(found, role_arn)
        found.pop("AWS_PROFILE", None)
    return found


def region_of(environ: Mapping[str, str]) -> str:
    """The region that calls go to: `environ`'s, else the profile's. RemoteRefused without one."""
    from botocore.exceptions import BotoCoreError

    try:
        said = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        region = said or session(environ, None).region_name
    except BotoCoreError as error:
        raise unusable(error, environ) from error
    if not region:
        raise RemoteRefused(
            what="no AWS region is set", hint="set AWS_REGION, or `region` of the stage"
        )
    return region


def unusable(error: Exception, environ: Mapping[str, str]) -> RemoteRefused:
    """botocore cannot even be asked: a profile that is not there, a file that it cannot read."""
    return RemoteRefused(
        what="AWS's own configuration cannot be used", hint=hint_for(error, environ, "sts")
    )


def endpoint(environ: Mapping[str, str], service: str) -> str | None:
    """Where calls of a service go, if not to AWS: `AWS_ENDPOINT_URL_SERVICE`."""
    return environ.get(f"AWS_ENDPOINT_URL_{service}") or environ.get("AWS_ENDPOINT_URL")


def client_options(environ: Mapping[str, str], service: str) -> dict[str, Any]:
    """What every client is made with: endpoint, authorities, time limits, no tries of its own."""
    from botocore.config import Config

    return {
        "endpoint_url": endpoint(environ, service),
        # botocore brings its own authorities; a company's proxy needs the user's.
        "verify": environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or None,
        "config": Config(
            connect_timeout=10,
            read_timeout=70,
            max_pool_connections=50,
            retries={"mode": "standard", "total_max_attempts": 1},  # aws.calls tries again
        ),
    }


def _assumed(environ: Mapping[str, str], role_arn: str) -> dict[str, str]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = session(environ, region_of(environ)).client(
            "sts", endpoint_url=endpoint(environ, "STS")
        )
        keys = client.assume_role(RoleArn=role_arn, RoleSessionName=_SESSION)["Credentials"]
    except (BotoCoreError, ClientError) as error:
        raise RemoteRefused(
            what=f"AWS does not let us be {role_arn}",
            hint=hint_for(error, environ, f"sts:AssumeRole on {role_arn}"),
        ) from error
    values = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return dict(zip(_KEYS, values, strict=True))
