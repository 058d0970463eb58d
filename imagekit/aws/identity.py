"""Who the caller is, as far as a repository's address needs it."""

from __future__ import annotations

from collections.abc import Mapping

from imagekit.model.errors import RemoteRefused


def home_registry(environ: Mapping[str, str]) -> str:
    """The host of the caller's own ECR: the account by STS, the region as boto3 finds it.

    RemoteRefused, with what helps, without credentials or a region.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(
        aws_access_key_id=environ.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=environ.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=environ.get("AWS_SESSION_TOKEN"),
        profile_name=environ.get("AWS_PROFILE"),
        region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
    )
    region = session.region_name
    if not region:
        raise RemoteRefused(
            what="no AWS region is set, so a bare repository name has no registry",
            hint="set AWS_REGION, or write the full reference in `repository`",
        )
    try:
        endpoint = environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL")
        client = session.client("sts", region_name=region, endpoint_url=endpoint)
        account = client.get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise RemoteRefused(
            what="AWS does not say which account this is",
            hint="aws sts get-caller-identity, or write the full reference in `repository`",
        ) from error
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}"
