"""Archives in a bucket of S3."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imagekit.aws.account import client_options, region_of
from imagekit.aws.calls import Calls
from imagekit.aws.session import session
from imagekit.model.digest import Digest

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Buckets:
    """The buckets that one identity sees in one region. Every method raises AwsRefused."""

    def __init__(self, environ: Mapping[str, str], *, sleep: Callable[[float], None]) -> None:
        self._environ = environ
        self._calls = Calls(environ=environ, sleep=sleep)

    @cached_property
    def _client(self) -> S3Client:
        options = client_options(self._environ, "S3")
        return session(self._environ, region_of(self._environ)).client("s3", **options)

    def connect(self) -> None:
        """Make the client now: making one is not safe in threads, using it is."""
        _ = self._client

    def has(self, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        found = self._calls.find(
            f"look for s3://{bucket}/{key}",
            "s3:GetObject and s3:ListBucket",
            lambda: self._client.head_object(Bucket=bucket, Key=key),
        )
        return found is not None

    def put(self, bucket: str, key: str, file: Path, digest: Digest) -> None:
        """Store the file under its key; S3 holds its bytes against `digest`.

        Its key names its content, so it may be sent again.
        """
        checksum = base64.b64encode(bytes.fromhex(digest.hex)).decode()

        def call() -> None:
            with file.open("rb") as body:
                self._client.put_object(Bucket=bucket, Key=key, Body=body, ChecksumSHA256=checksum)

        self._calls.describe(f"store s3://{bucket}/{key}", "s3:PutObject", call)
