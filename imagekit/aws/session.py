"""boto3 as the user has it set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3


def session(environ: Mapping[str, str], region: str | None) -> boto3.Session:
    """A session with the keys or the profile that `environ` says, else what boto3 itself finds."""
    import boto3

    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    # Half a pair would end in a TypeError while signing; boto3 itself says what is missing.
    whole = bool(key and secret)
    return boto3.Session(
        aws_access_key_id=key if whole else None,
        aws_secret_access_key=secret if whole else None,
        aws_session_token=environ.get("AWS_SESSION_TOKEN") if whole else None,
        profile_name=environ.get("AWS_PROFILE"),
        region_name=region,
    )
