"""AWS CodeArtifact by its host name: domain, owner and region stand in it.

https://docs.aws.amazon.com/codeartifact/latest/ug/tokens-authentication.html
"""

from __future__ import annotations

import re

from msgspec import Struct

USER = "aws"

_HOST = re.compile(
    r"(?P<domain>[a-z][a-z0-9-]*[a-z0-9])-(?P<owner>\d{12})\.d\.codeartifact\."
    r"(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
)


class Domain(Struct, frozen=True, kw_only=True):
    """What a token is asked for."""

    domain: str
    owner: str
    region: str

    @classmethod
    def of(cls, host: str) -> Domain | None:
        """Read from a host name (without port); None where it is another host."""
        found = _HOST.fullmatch(host.lower())
        return cls(**found.groupdict()) if found else None

    @property
    def command(self) -> str:
        """What shows whether AWS gives a token."""
        return (
            f"aws codeartifact get-authorization-token --domain {self.domain} "
            f"--domain-owner {self.owner} --region {self.region}"
        )
