"""The models of AWS's services in botocore and boto3: one folder a service, 30 MB of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# `botocore/data/s3/2006-03-01/service-2.json.gz`; files right in `data` are everybody's:
# endpoints.json, partitions.json, sdk-default-configuration.json, _retry.json.
_MODEL: Final = re.compile(r"^(?:botocore|boto3)/data/([^/]+)/")

CREDENTIALS: Final = frozenset(["sts", "sso", "sso-oidc", "signin"])
"""What botocore itself calls to get credentials (botocore/credentials.py, botocore/tokens.py)."""


def service_of(path: str) -> str | None:
    """The service whose model lies at `path`; None for any other file."""
    found = _MODEL.match(path)
    return found[1] if found else None


def is_other_service(path: str, services: frozenset[str]) -> bool:
    """Whether it is the model of a service that is neither named nor needed for credentials."""
    service = service_of(path)
    return service is not None and service not in services and service not in CREDENTIALS


def services_in(paths: Iterable[str]) -> tuple[str, ...]:
    """Every service that has a model there, sorted."""
    return tuple(sorted({found for path in paths if (found := service_of(path))}))
