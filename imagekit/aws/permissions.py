"""The least IAM policy for what a configuration does, one statement for each purpose. Pure.

What a registry asks of IAM for each request of Docker's protocol:
docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from imagekit.aws.policies import READS, partition
from imagekit.model.ecr import RepositorySettings

_PULL = ("ecr:BatchCheckLayerAvailability", *READS)
_PUSH = (
    *_PULL,
    "ecr:CompleteLayerUpload",
    "ecr:DescribeRepositories",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_DEPLOY = (
    "lambda:CreateAlias",
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:ListAliases",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
)
_LOOK = (
    "ecr:DescribeRepositories",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRepositoryPolicy",
)
_LOOK_WIDE = (
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRepositoryCreationTemplates",
    "ecr:GetAccountSetting",
)
_COLLECT = ("ecr:BatchDeleteImage", "ecr:DescribeImages", "ecr:GetRepositoryPolicy")
_COLLECT_WIDE = ("lambda:GetFunction", "lambda:ListFunctions", "lambda:ListVersionsByFunction")

Place = tuple[str, str, str]
"""Account, region and name; `*` where it is not known."""


class Needs(Struct, frozen=True, kw_only=True):
    """What the functions of a project are made of and become."""

    repositories: tuple[Place, ...] = ()
    layers_kept: tuple[Place, ...] = ()
    """Repositories of ECR where layers are shared."""
    bases: tuple[Place, ...] = ()
    """Repositories of ECR that are only read."""
    functions: tuple[Place, ...] = ()
    roles: tuple[str, ...] = ()
    """Those that functions are given."""
    assumed: tuple[str, ...] = ()
    """Those that stages are deployed as."""
    buckets: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    """ARNs of versions of Lambda layers, whose size counts."""
    packages: tuple[tuple[str, str], ...] = ()
    """Account and region where packages are published as Lambda layers."""
    settings: RepositorySettings = field(default_factory=RepositorySettings)


def least_policy(needs: Needs) -> dict[str, object]:
    """An IAM policy; each `Sid` begins with the command that needs the statement."""
    statements = [*_images(needs), *_deployment(needs), *_rest(needs)]
    return {"Version": "2012-10-17", "Statement": statements}


def _images(needs: Needs) -> Iterator[dict[str, object]]:
    here = _arns("ecr", "repository/", needs.repositories)
    if needs.repositories or needs.bases:
        yield _statement("BuildSignIn", ("ecr:GetAuthorizationToken",), ("*",))
    if needs.repositories:
        yield _statement("BuildPush", _PUSH, here)
    if needs.layers_kept:
        yield _statement("BuildLayers", _PUSH, _arns("ecr", "repository/", needs.layers_kept))
    if needs.bases:
        yield _statement("BuildBase", _PULL, _arns("ecr", "repository/", needs.bases))
    if needs.repositories and needs.settings.create:
        made = (*here, *_arns("ecr", "repository/", needs.layers_kept))
        yield _statement("BuildCreate", tuple(_creation(needs.settings)), made)
        key = needs.settings.encryption
        if key not in ("AES256", "KMS"):
            actions = ("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant")
            yield _statement("BuildCreateKey", actions, (key if key.startswith("arn:") else "*",))


def _creation(settings: RepositorySettings) -> Iterator[str]:
    yield from ("ecr:CreateRepository", "ecr:SetRepositoryPolicy")
    if settings.keep is not None or settings.untagged_days is not None:
        yield "ecr:PutLifecyclePolicy"
    if settings.tags:
        yield "ecr:TagResource"


def _deployment(needs: Needs) -> Iterator[dict[str, object]]:
    functions = _arns("lambda", "function:", needs.functions)
    if functions:
        both = (*functions, *(f"{one}:*" for one in functions))
        yield _statement("Deploy", _DEPLOY, both)
    if functions and needs.repositories:
        # Whoever points a function at an image must be able to read it (lambda_rules L4).
        here = _arns("ecr", "repository/", needs.repositories)
        yield _statement("DeployImage", READS, here)
    if needs.roles:
        yield _statement("DeployRole", ("iam:PassRole",), needs.roles)
    if needs.layers:
        yield _statement("DeployLayers", ("lambda:GetLayerVersion",), needs.layers)
    if needs.packages:
        # Their names begin alike; a version's ARN has its number behind the name.
        named = _arns("lambda", "layer:", ((*place, "imagekit-*") for place in needs.packages))
        actions = ("lambda:ListLayerVersions", "lambda:PublishLayerVersion")
        yield _statement("DeployPackages", (*actions, "lambda:GetLayerVersion"), named)
    if needs.assumed:
        yield _statement("DeployStage", ("sts:AssumeRole",), needs.assumed)
    if needs.buckets:
        objects = tuple(f"arn:aws:s3:::{one}/*" for one in needs.buckets)
        yield _statement("DeployBucket", ("s3:GetObject", "s3:PutObject"), objects)


def _rest(needs: Needs) -> Iterator[dict[str, object]]:
    here = _arns("ecr", "repository/", needs.repositories)
    if here:
        looked_at = (*here, *_arns("ecr", "repository/", needs.layers_kept))
        yield _statement("DoctorLook", _LOOK, looked_at)
        yield _statement("DoctorRegistry", _LOOK_WIDE, ("*",))
        yield _statement("GcImages", _COLLECT, here)
        yield _statement("GcFunctions", _COLLECT_WIDE, ("*",))


def _statement(sid: str, actions: Iterable[str], resources: Iterable[str]) -> dict[str, object]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(set(actions)),
        "Resource": sorted(set(resources)),
    }


def _arns(service: str, kind: str, places: Iterable[Place]) -> tuple[str, ...]:
    return tuple(
        f"arn:{partition(region)}:{service}:{region}:{account}:{kind}{name}"
        for account, region, name in places
    )
