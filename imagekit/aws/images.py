"""The images of a repository: listed, and deleted by digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imagekit.aws.repositories import Ecr
from imagekit.model.digest import Digest
from imagekit.model.ecr import StoredImage

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef

_AT_ONCE = 100
"""botocore, ecr/2015-09-21: ImageIdentifierList."""


def stored_images(ecr: Ecr, name: str) -> tuple[StoredImage, ...]:
    """Every image of the repository, archived ones too. Raises AwsRefused."""
    pages = ecr.client.get_paginator("describe_images")
    found = ecr.describe(
        "DescribeImages",
        name,
        lambda: [
            one
            for page in pages.paginate(
                registryId=ecr.account, repositoryName=name, filter={"imageStatus": "ANY"}
            )
            for one in page["imageDetails"]
        ],
    )
    return tuple(_image(one) for one in found)


def delete_images(ecr: Ecr, name: str, digests: Sequence[Digest]) -> tuple[tuple[Digest, str], ...]:
    """Delete by digest, in this order; those that ECR kept, with its reason. Raises AwsRefused.

    What is gone already is as good as deleted.
    """
    batches = (digests[start : start + _AT_ONCE] for start in range(0, len(digests), _AT_ONCE))
    return tuple(kept for batch in batches for kept in _delete(ecr, name, batch))


def _delete(ecr: Ecr, name: str, batch: Sequence[Digest]) -> Iterator[tuple[Digest, str]]:
    said = ecr.describe(
        "BatchDeleteImage",
        name,
        lambda: ecr.client.batch_delete_image(
            registryId=ecr.account,
            repositoryName=name,
            imageIds=[{"imageDigest": str(one)} for one in batch],
        ),
    )
    for one in said["failures"]:
        if one["failureCode"] != "ImageNotFound":
            digest = Digest.parse(one["imageId"]["imageDigest"])
            yield digest, f"{one['failureCode']}: {one['failureReason']}"


def _image(said: ImageDetailTypeDef) -> StoredImage:
    subject = said.get("subjectManifestDigest")
    return StoredImage(
        digest=Digest.parse(said["imageDigest"]),
        tags=tuple(sorted(said.get("imageTags", ()))),
        pushed=said["imagePushedAt"].timestamp(),
        size_bytes=said.get("imageSizeInBytes", 0),
        media_type=said.get("imageManifestMediaType", ""),
        subject=Digest.parse(subject) if subject else None,
        archived=said.get("imageStatus", "ACTIVE") != "ACTIVE",
    )
