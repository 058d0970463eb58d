"""ECR in words: a repository as it is, as it is to be made, and an image in it."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.digest import Digest

MOVING = "imagekit-"
"""Tags that begin so are moved by builds: `imagekit-NAME-ARCH` names the newest image."""


class RepositorySettings(Struct, frozen=True, kw_only=True):
    """`[tool.imagekit.ecr]`: how repositories are made, never how existing ones are changed."""

    create: bool = False
    """Make what is missing without `--create`."""
    image_wait: int = 0
    """Seconds to wait for an image that is still being replicated."""
    immutable: bool = True
    """No tag is ever moved, but for those of `MOVING`."""
    scan: bool = True
    """On push."""
    encryption: str = "AES256"
    """`AES256`, `KMS` (AWS's own key), or a KMS key: its ARN, id or alias."""
    keep: int | None = None
    """Images that ECR keeps; it expires older ones, used or not."""
    untagged_days: int | None = None
    """Days after which ECR expires images without a tag, used or not."""
    tags: tuple[tuple[str, str], ...] = ()
    """Resource tags."""
    accounts: tuple[str, ...] = ()
    """Other accounts whose functions may use the images."""
    functions: bool = True
    """Lambda fetches images from it."""

    def for_layers(self) -> RepositorySettings:
        """Those of a `layer_repository`: no function runs what is there, and nothing in it expires,
        as ECR would count each layer for an image."""
        return replace(self, functions=False, scan=False, keep=None, untagged_days=None)


class Encryption(Struct, frozen=True, kw_only=True):
    """How a repository's images are encrypted at rest."""

    kind: str
    """`AES256`, `KMS` or `KMS_DSSE`."""
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} ({self.key})" if self.key else self.kind


class Repository(Struct, frozen=True, kw_only=True):
    """One repository of a private ECR, as AWS describes it."""

    account: str
    region: str
    name: str
    mutability: str
    """`MUTABLE`, `IMMUTABLE`, or either with `_WITH_EXCLUSION`."""
    exclusions: tuple[str, ...] = ()
    """Wildcards of tags for which the opposite holds."""
    scan: bool = False
    encryption: Encryption = Encryption(kind="AES256")

    def immutable(self, tag: str) -> bool:
        """Whether this tag, once it names an image, names it for ever (lambda_rules E16)."""
        excluded = any(fnmatchcase(tag, one) for one in self.exclusions)
        return self.mutability.startswith("IMMUTABLE") != excluded


class StoredImage(Struct, frozen=True, kw_only=True):
    """One image of a repository, as ECR lists it."""

    digest: Digest
    tags: tuple[str, ...] = ()
    pushed: float = 0
    """Seconds since 1970."""
    size_bytes: int = 0
    media_type: str = ""
    subject: Digest | None = None
    """The image that this one is a document of: an SBOM, a signature."""
    archived: bool = False


class Use(Struct, frozen=True, kw_only=True):
    """A function's version that runs an image."""

    account: str
    function: str
    version: str
    """`$LATEST`, or a number. Aliases point at versions."""
    digest: Digest

    def __str__(self) -> str:
        return f"{self.function}:{self.version}"


class Verdict(Struct, frozen=True, kw_only=True):
    """What is to become of one image."""

    image: StoredImage
    why: str | None
    """Why it is kept; None where nothing points at it."""


class Collection(Struct, frozen=True, kw_only=True):
    """One repository, judged."""

    repository: str
    """Host and name."""
    verdicts: tuple[Verdict, ...]

    @property
    def unused(self) -> tuple[StoredImage, ...]:
        """What can go."""
        return tuple(one.image for one in self.verdicts if one.why is None)
