"""Repositories of a private ECR: looked at, and made where somebody asked for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from imagekit.aws import policies
from imagekit.aws.account import client_options
from imagekit.aws.calls import Calls
from imagekit.aws.identity import caller
from imagekit.aws.session import session
from imagekit.model.ecr import MOVING, Encryption, Repository, RepositorySettings
from imagekit.model.errors import AwsRefused, RemoteRefused
from imagekit.net.retry import with_retries

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import (
        CreateRepositoryRequestTypeDef,
        EncryptionConfigurationTypeDef,
        RepositoryTypeDef,
    )

T = TypeVar("T")

_NOT_THERE = frozenset(
    {
        "LifecyclePolicyNotFoundException",
        "RepositoryNotFoundException",
        "RepositoryPolicyNotFoundException",
    }
)
_ALREADY_THERE = "RepositoryAlreadyExistsException"
_MOVABLE = f"{MOVING}*"
"""Tags that may be moved in a repository that imagekit made."""


class Ecr(Struct, frozen=True, kw_only=True):
    """The private ECR of one account in one region. Errors of all methods: AwsRefused."""

    account: str
    region: str
    calls: Calls
    client: ECRClient

    @classmethod
    def open(cls, account: str, region: str, calls: Calls) -> Ecr:
        """As the identity that `calls` is for. Nothing is asked yet."""
        client = calls.change(
            f"a client for ECR in {region}",
            "ecr:DescribeRepositories",
            lambda: session(calls.environ, region).client(
                "ecr", **client_options(calls.environ, "ECR")
            ),
        )
        return cls(account=account, region=region, calls=calls, client=client)

    def find(self, name: str) -> Repository | None:
        """The repository, None where there is none."""
        found = self._find(
            "DescribeRepositories",
            name,
            lambda: self.client.describe_repositories(
                registryId=self.account, repositoryNames=[name]
            ),
        )
        return None if found is None else self._repository(found["repositories"][0])

    def policy(self, name: str) -> str | None:
        """The text of its policy, None without one."""
        found = self._find(
            "GetRepositoryPolicy",
            name,
            lambda: self.client.get_repository_policy(registryId=self.account, repositoryName=name),
        )
        return None if found is None else found["policyText"]

    def lifecycle(self, name: str) -> str | None:
        """The text of its lifecycle rules, None without any."""
        found = self._find(
            "GetLifecyclePolicy",
            name,
            lambda: self.client.get_lifecycle_policy(registryId=self.account, repositoryName=name),
        )
        return None if found is None else found["lifecyclePolicyText"]

    def mounts_blobs(self) -> bool:
        """Whether blobs of one repository can be mounted into another (lambda_rules E13)."""
        said = self.describe(
            "GetAccountSetting",
            "blob mounting",
            lambda: self.client.get_account_setting(name="BLOB_MOUNTING"),
        )
        return said["value"] == "ENABLED"

    def template_for(self, name: str) -> str | None:
        """The prefix of the creation template by which a push makes `name` (lambda_rules E2)."""
        pages = self.client.get_paginator("describe_repository_creation_templates")
        prefixes = self.describe(
            "DescribeRepositoryCreationTemplates",
            name,
            lambda: [
                one["prefix"]
                for page in pages.paginate()
                for one in page["repositoryCreationTemplates"]
                if "CREATE_ON_PUSH" in one.get("appliedFor", ())
            ],
        )
        fits = (one for one in prefixes if one == "ROOT" or _is_below(name, one))
        # The longest prefix wins; ROOT is for what no other fits.
        return max(fits, key=lambda one: 0 if one == "ROOT" else len(one), default=None)

    def is_cache(self, name: str) -> bool:
        """Whether the repository belongs to a pull-through cache (lambda_rules E13, E25)."""
        pages = self.client.get_paginator("describe_pull_through_cache_rules")
        prefixes = self.describe(
            "DescribePullThroughCacheRules",
            name,
            lambda: [
                one["ecrRepositoryPrefix"]
                for page in pages.paginate(registryId=self.account)
                for one in page["pullThroughCacheRules"]
            ],
        )
        return any(_is_below(name, one) for one in prefixes)

    def create(self, name: str, settings: RepositorySettings) -> bool:
        """Make the repository, let Lambda in, and set its lifecycle; whether it was made.

        One that somebody else made meanwhile is left as it is.
        """
        self._at_home(name)
        if not self._made(name, _request(name, settings)):
            return False
        self._set_policies(name, settings)
        return True

    def finish(self, name: str, settings: RepositorySettings) -> None:
        """Let Lambda into a repository that imagekit made and was cut off from; else nothing.

        What imagekit makes is told by the tags that may move, and lacks a policy only then.
        """
        found = self.find(name)
        if found is not None and _MOVABLE in found.exclusions and self.policy(name) is None:
            self._set_policies(name, settings)

    def _made(self, name: str, request: CreateRepositoryRequestTypeDef) -> bool:
        """Whether it was made here; where the answer is lost, the next try finds it there."""
        lost = False

        def make() -> bool:
            nonlocal lost
            try:
                self._change(
                    "CreateRepository", name, lambda: self.client.create_repository(**request)
                )
            except AwsRefused as error:
                if error.code == _ALREADY_THERE:
                    return lost
                lost = lost or error.temporary
                raise
            return True

        return with_retries(make, sleep=self.calls.sleep)

    def _set_policies(self, name: str, settings: RepositorySettings) -> None:
        client = self.client
        others = [one for one in settings.accounts if one != self.account]
        found = policies.reading_policy(self.region, others)
        if settings.functions:
            found = policies.repository_policy(self.account, self.region, others)
        if found is not None:
            policy = json.dumps(found)
            self.describe(
                "SetRepositoryPolicy",
                name,
                lambda: client.set_repository_policy(repositoryName=name, policyText=policy),
            )
        rules = policies.lifecycle(settings.keep, settings.untagged_days)
        if rules is not None:
            self.describe(
                "PutLifecyclePolicy",
                name,
                lambda: client.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=rules),
            )

    def describe(self, action: str, name: str, call: Callable[[], T]) -> T:
        """A call that may be made again: it changes nothing, or sets what it says whole."""
        return self.calls.describe(self._what(action, name), f"ecr:{action}", call)

    def _change(self, action: str, name: str, call: Callable[[], T]) -> T:
        return self.calls.change(self._what(action, name), f"ecr:{action}", call)

    def _find(self, action: str, name: str, call: Callable[[], T]) -> T | None:
        try:
            return self.describe(action, name, call)
        except AwsRefused as error:
            if error.code not in _NOT_THERE:
                raise
            return None

    def _what(self, action: str, name: str) -> str:
        return f"{action} for {name} in {self.region} of account {self.account}"

    def _at_home(self, name: str) -> None:
        """ECR makes repositories in the caller's account alone, whatever the name says."""
        here = caller(self.calls.environ, self.calls.sleep)
        if here.account != self.account:
            raise RemoteRefused(
                what=f"{name} belongs to account {self.account}, and this is {here.account}",
                causes=(f"you are {here.arn}",),
                hint=f"set AWS_PROFILE to a profile of account {self.account}",
            )

    def _repository(self, said: RepositoryTypeDef) -> Repository:
        encryption = said.get("encryptionConfiguration", {"encryptionType": "AES256"})
        filters = said.get("imageTagMutabilityExclusionFilters", [])
        return Repository(
            account=self.account,
            region=self.region,
            name=said["repositoryName"],
            mutability=said["imageTagMutability"],
            exclusions=tuple(one["filter"] for one in filters),
            scan=said.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption=Encryption(kind=encryption["encryptionType"], key=encryption.get("kmsKey")),
        )


def _request(name: str, settings: RepositorySettings) -> CreateRepositoryRequestTypeDef:
    request: CreateRepositoryRequestTypeDef = {
        "repositoryName": name,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": settings.scan},
        "encryptionConfiguration": _encryption(settings.encryption),
    }
    if settings.immutable:
        request["imageTagMutability"] = "IMMUTABLE_WITH_EXCLUSION"
        request["imageTagMutabilityExclusionFilters"] = [
            {"filterType": "WILDCARD", "filter": _MOVABLE}
        ]
    if settings.tags:
        request["tags"] = [{"Key": key, "Value": value} for key, value in settings.tags]
    return request


def _encryption(said: str) -> EncryptionConfigurationTypeDef:
    if said == "AES256":
        return {"encryptionType": "AES256"}
    return {"encryptionType": "KMS"} if said == "KMS" else {"encryptionType": "KMS", "kmsKey": said}


def _is_below(name: str, prefix: str) -> bool:
    return name.startswith(f"{prefix.rstrip('/')}/")
