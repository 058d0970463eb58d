"""What is missing for a release, from what was observed. Pure: nothing is asked here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from imagekit.aws.identity import registry_host
from imagekit.aws.policies import lets_account_in, lets_lambda_in, partition, with_reads
from imagekit.model.doctor import Finding
from imagekit.model.ecr import MOVING, Repository
from imagekit.model.function import AliasState, FunctionState
from imagekit.model.reference import Reference
from imagekit.registry.refusals import create_repository


def of_address(reference: Reference, region: str) -> Iterator[Finding]:
    """Whether a function in `region` could use an image from there (L1, E24)."""
    where, place = reference.name, reference.ecr
    if place is None:
        yield Finding(
            where=where,
            what="Lambda takes images from a private ECR alone",
            state="missing",
            hint='write `repository = "team/{function}"`, which is ECR in your own account',
        )
    elif place[1] != region:
        yield Finding(
            where=where,
            what=f"it lies in {place[1]}, and Lambda takes images of its own region, {region}",
            state="missing",
            hint=f"imagekit promote FUNCTION {registry_host(place[0], region)} --create",
        )


def of_repository(
    reference: Reference, found: Repository | None, template: str | None
) -> Iterator[Finding]:
    """Whether a push finds the repository, and what its tags do to imagekit's own."""
    where = reference.name
    if found is None and template is not None:
        what = f"is made by the first push (creation template {template})"
        yield Finding(where=where, what=what)
    elif found is None:
        hint = create_repository(reference).replace("run it again with", "imagekit build --push")
        yield Finding(where=where, what="there is no such repository", state="missing", hint=hint)
    else:
        scan = "scanned on push" if found.scan else "not scanned"
        yield Finding(where=where, what=f"is there: {found.encryption}, {scan}")
    if found is not None and found.immutable(f"{MOVING}x"):
        yield Finding(
            where=where,
            what=f"its tags are immutable: {MOVING}NAME-ARCH stays at the first image",
            state="advice",
            hint=_mutability(found),
        )


def of_shelf(
    reference: Reference, found: Repository | None, template: str | None
) -> Iterator[Finding]:
    """Whether layers can be kept there; without it a release is slower, no more."""
    if found is not None:
        yield Finding(where=reference.name, what=f"is there for layers: {found.encryption}")
    elif template is not None:
        what = f"is made by the first layer (creation template {template})"
        yield Finding(where=reference.name, what=what)
    else:
        hint = create_repository(reference).replace("run it again with", "imagekit build --push")
        what = "there is no such repository: layers are not shared"
        yield Finding(where=reference.name, what=what, state="advice", hint=hint)


def of_policy(reference: Reference, policy: str | None, user: str) -> Iterator[Finding]:
    """Whether Lambda may fetch images for functions of the account `user` (L4, L5)."""
    account, region = reference.ecr or ("", "")
    lambda_in = lets_lambda_in(policy, user, region)
    if lambda_in and (user == account or lets_account_in(policy, user)):
        yield Finding(where=reference.name, what=f"Lambda may fetch images for account {user}")
        return
    mended = shlex.quote(with_reads(policy, account, region, user))
    name = f"--repository-name {reference.repository} --region {region}"
    hint = f"aws ecr set-repository-policy {name} --policy-text {mended}"
    if user == account:
        what = "no policy lets Lambda in; Lambda adds it if you may ecr:SetRepositoryPolicy"
        yield Finding(where=reference.name, what=what, state="advice", hint=hint)
    else:
        what = f"its policy does not let functions of account {user} in"
        yield Finding(where=reference.name, what=what, state="missing", hint=hint)


def of_lifecycle(reference: Reference, rules: str | None) -> Iterator[Finding]:
    """Rules expire what is old, whether a function runs it or not (E22)."""
    try:
        found = json.loads(rules or "{}").get("rules", [])
        counts = [one["selection"]["tagStatus"] for one in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    if counts:
        yield Finding(
            where=reference.name,
            what="its lifecycle may expire images that functions run: ECR does not know them",
            state="advice",
            hint="imagekit gc knows what runs; "
            f"aws ecr delete-lifecycle-policy --repository-name {reference.repository}"
            f" --region {(reference.ecr or ('', ''))[1]}",
        )


def of_sharing(repositories: Sequence[Repository], mounting: bool) -> Iterator[Finding]:
    """Whether blobs can be mounted among the repositories of one registry (E13)."""
    if len(repositories) < 2:
        return
    first = repositories[0]
    where = f"{first.account} in {first.region}"
    if not mounting:
        yield Finding(
            where=where,
            what="blob mounting is off: what two repositories share is sent to each",
            state="advice",
            hint="aws ecr put-account-setting --name BLOB_MOUNTING --value ENABLED "
            f"--region {first.region}",
        )
    kinds = sorted({str(one.encryption) for one in repositories})
    if len(kinds) > 1:
        yield Finding(
            where=where,
            what=f"blobs are mounted between equal encryptions alone, and here are "
            f"{' and '.join(kinds)}",
            state="advice",
            hint="a repository keeps its encryption: make the others with "
            f'`encryption = "{first.encryption.key or first.encryption.kind}"` under [ecr]',
        )
    elif mounting:
        yield Finding(where=where, what="blob mounting is on, and encryption is the same")


def of_cache(reference: Reference, cache: bool) -> Iterator[Finding]:
    """Whether images come from a pull-through cache (E13, E25)."""
    if cache:
        yield Finding(
            where=reference.name,
            what="belongs to a pull-through cache: nothing is mounted from there, and whether "
            "Lambda takes its images is not known",
            state="advice",
            hint="imagekit promote its image into a repository of your own",
        )


def of_function(
    where: str,
    found: FunctionState | None,
    wanted: tuple[str | None, Sequence[str]],
    deploy: str,
) -> Iterator[Finding]:
    """Whether the function can take the artefact: package type and architectures of `wanted`.

    `deploy` is the command that deploys it.
    """
    package, architectures = wanted
    if found is None:
        yield Finding(
            where=where,
            what="there is no such function",
            state="missing",
            hint=f"{deploy} --create --role ARN",
        )
        return
    yield Finding(where=where, what=f"is there: {found.package}, {found.architecture}")
    if package is not None and package != found.package:
        yield Finding(
            where=where,
            what=f"is a function of packages as {found.package}, and this is {package}: that "
            "never changes",
            state="missing",
            hint=f'write `packaging = "{found.package}"`, or another name in `lambda.name`',
        )
    if found.architecture not in architectures:
        yield Finding(
            where=where,
            what=f"runs on {found.architecture}, and this is for {' and '.join(architectures)}",
            state="missing",
            hint=f'write `architecture = "{found.architecture}"`, or {deploy} --anyway',
        )
    if failure := found.failure:
        yield Finding(
            where=where,
            what=f"its last change failed: {failure[0]}: {failure[1]}",
            state="advice",
            hint=deploy,
        )


def of_packages(where: str, bucket: str | None, region: str) -> Iterator[Finding]:
    """What a function that fetches its packages at start needs; its role's policies are IAM's."""
    if bucket is None:
        yield Finding(
            where=where,
            what='packaging = "zip-s3" needs a bucket, and nothing names it',
            state="missing",
            hint='add `bucket = "NAME"`',
        )
        return
    objects = f"arn:{partition(region)}:s3:::{bucket}/imagekit/*"
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]}, separators=(",", ":"))
    yield Finding(
        where=where,
        what=f"its role needs s3:GetObject on {objects}, which is not looked at here",
        state="advice",
        hint="aws iam put-role-policy --role-name ROLE --policy-name imagekit-packages "
        f"--policy-document {shlex.quote(policy)}",
    )


def of_alias(where: str, name: str, found: AliasState | None, deploy: str) -> Iterator[Finding]:
    """Whether the alias that callers use is there; deploying makes it."""
    if found is None:
        what = f"there is no alias {name}; deploying makes it"
        yield Finding(where=where, what=what, state="advice", hint=deploy)
    else:
        yield Finding(where=where, what=f"alias {name} is at version {found.version}")


def _mutability(found: Repository) -> str:
    return (
        f"aws ecr put-image-tag-mutability --repository-name {found.name} "
        f"--region {found.region} --image-tag-mutability IMMUTABLE_WITH_EXCLUSION "
        "--image-tag-mutability-exclusion-filters "
        f"'filterType=WILDCARD,filter={MOVING}*'"
    )
