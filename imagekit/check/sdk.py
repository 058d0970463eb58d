"""Whether boto3 comes with what it stands on (lambda_rules R5, Z13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from imagekit.check.findings import Findings, Rule

_OF_BOTO3: Final = ("botocore", "s3transfer", "jmespath", "urllib3")


def check_sdk(names: Iterable[str], rule: Rule, place: str = "/var/task") -> Findings:
    """`names` lie beside the handler: parts of the SDK alone mix with the runtime's."""
    listed = set(names)
    parts = [name for name in _OF_BOTO3 if name in listed]
    if parts and "boto3" not in listed:
        yield rule.found(
            place, f"has {', '.join(parts)} without boto3, which the runtime then mixes in"
        )
