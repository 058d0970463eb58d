"""Who the caller is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from imagekit.aws.account import client_options, region_of
from imagekit.aws.calls import Calls
from imagekit.aws.session import session


class Caller(Struct, frozen=True, kw_only=True):
    """An account, who in it, and the region that is set."""

    account: str
    arn: str
    region: str

    @property
    def registry(self) -> str:
        """The host of the caller's own ECR."""
        return registry_host(self.account, self.region)


def caller(environ: Mapping[str, str], sleep: Callable[[float], None]) -> Caller:
    """The account by STS, the region as boto3 finds it. One GetCallerIdentity, allowed to all.

    RemoteRefused, with what helps, without credentials or a region.
    """
    region = region_of(environ)
    calls = Calls(environ=environ, sleep=sleep)
    said = calls.describe(
        "which account this is",
        "sts:GetCallerIdentity",
        lambda: (
            session(environ, region)
            .client("sts", **client_options(environ, "STS"))
            .get_caller_identity()
        ),
    )
    return Caller(account=said["Account"], arn=said["Arn"], region=region)


def home_registry(environ: Mapping[str, str], sleep: Callable[[float], None]) -> str:
    """The host of the caller's own ECR; errors as `caller`'s."""
    return caller(environ, sleep).registry


def registry_host(account: str, region: str) -> str:
    """`ACCOUNT.dkr.ecr.REGION.amazonaws.com`, with China's ending."""
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}"
