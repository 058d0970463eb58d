"""Image references: `registry/repository[:tag][@digest]`."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.digest import Digest

# distribution-spec, "Pulling manifests"; ECR's narrower form (lambda_rules E21) fits within it.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# A region's classic host, its FIPS host, and the dual-stack one: three names of one registry.
_ECR = re.compile(
    r"(\d{12})\.(?:dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"|dkr-ecr(?:-fips)?\.([a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))"
)

DOCKER_HUB = "docker.io"


class Reference(Struct, frozen=True, order=True, kw_only=True):
    """Where an image lies; `str()` writes it back."""

    registry: str
    """Host, with a port where one is given."""
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as Docker does; anything else is a ValueError."""
        name, at, digest = text.partition("@")
        registry, repository = _split_host(name)
        repository, tag = _split_tag(repository)
        if registry == DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        if not _REPOSITORY.fullmatch(repository):
            raise ValueError(f"not an image reference: {text!r}")
        if tag is not None and not _TAG.fullmatch(tag):
            raise ValueError(f"not a tag: {tag!r}")
        return cls(
            registry=registry,
            repository=repository,
            tag=tag,
            digest=Digest.parse(digest) if at else None,
        )

    @property
    def name(self) -> str:
        """Registry and repository, without tag or digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def ecr(self) -> tuple[str, str] | None:
        """Account and region, where the registry is a private ECR."""
        found = _ECR.fullmatch(self.registry)
        return (found[1], found[2] or found[3]) if found else None

    def at(self, digest: Digest) -> Reference:
        """The same repository, by digest alone."""
        return replace(self, tag=None, digest=digest)

    def tagged(self, tag: str) -> Reference:
        """The same repository, by tag alone."""
        return replace(self, tag=tag, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def is_tag(text: str) -> bool:
    """Whether registries take `text` as a tag."""
    return _TAG.fullmatch(text) is not None


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    # The first part is a host only if it could not be a path: Docker's own rule.
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, name


def _split_tag(repository: str) -> tuple[str, str | None]:
    name, colon, tag = repository.rpartition(":")
    return (name, tag) if colon else (repository, None)
