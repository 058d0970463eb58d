"""What one deployment is to bring about: everything decided, nothing asked yet."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from imagekit.model.deployment import VersionNote
from imagekit.model.digest import Digest
from imagekit.model.lambda_layer import LambdaLayer
from imagekit.model.packaging import PackageType
from imagekit.model.release import Code
from imagekit.model.target import Architecture
from imagekit.project.config import LambdaSettings

MEMORY = 1024
"""MB of a function that is made here, where the configuration says nothing."""
TIMEOUT = 30
"""Seconds, likewise."""


class Upload(Struct, frozen=True):
    """Put a file into a bucket, under a key that names its content."""

    bucket: str
    key: str
    file: Path
    digest: Digest


class Command(Struct, frozen=True, kw_only=True):
    """Which handler an image is to call for a function; functions may share an image."""

    handler: str
    image: str
    """The handler that the image itself names."""

    def over(self, now: tuple[str, ...]) -> tuple[str, ...] | None:
        """What the function has to say in place of the image's CMD; None: it is right already.

        `now` is what it says. A module that is neither the handler's nor the image's is somebody's
        wrapper round it, and stays.
        """
        if not now:
            return None if self.image == self.handler else (self.handler,)
        ours = len(now) == 1 and _top(now[0]) in (_top(self.handler), _top(self.image))
        return (self.handler,) if ours and now != (self.handler,) else None


def _top(handler: str) -> str:
    return handler.replace("/", ".").partition(".")[0]


class Meant(Struct, frozen=True, kw_only=True):
    """One function in one place, as far as it is known before its artefact is made."""

    name: str
    """As Lambda calls it."""
    package: PackageType
    architecture: Architecture | None
    """None: not known, as for a ZIP that was made elsewhere."""
    settings: LambdaSettings
    runtime: str | None = None
    """Of a ZIP, as `handler`; None: not known."""
    handler: str | None = None
    create: bool = False
    """Whether a function that is not there is made; `settings.role` then says as whom."""
    anyway: bool = False
    """Whether to go on where CloudFormation owns the function, or its architecture changes."""

    @property
    def parameter(self) -> str:
        """What is to run, as a parameter of a template that owns the function."""
        return "ImageUri=IMAGE" if self.package == "image" else "CodeUri=ARCHIVE"


class Wanted(Meant, frozen=True, kw_only=True):
    """The same with all that is to be brought about."""

    digest: Digest
    """Of the image's manifest, or of the archive."""
    sha256: str
    """What Lambda will call CodeSha256 (lambda_rules L8)."""
    code: Code
    archive: Path | None = None
    """A ZIP on this disk, for what goes through a bucket."""
    rest: Upload | None = None
    """What the archive's loader fetches at start."""
    layers: tuple[LambdaLayer, ...] = ()
    """Lambda layers that the archive needs, in their order; without a `path` where they are not on
    this disk."""
    bucket: str | None = None
    """Where archives go that are too large for a direct upload."""
    alias: str | None = None
    note: VersionNote = field(default_factory=VersionNote)
    """What is known of the artefact; `was` is added when a version is published."""
    command: Command | None = None
    """Of an image; None: what it starts is its own affair."""

    @property
    def parameter(self) -> str:
        """As a template would have it."""
        return f"ImageUri={self.code.image}" if self.code.image else f"CodeUri={self.archive}"


class Facts(Struct, frozen=True, kw_only=True):
    """What only refusals need to know."""

    region: str
    """Where the function is, or will be."""
    size_bytes: int | None = None
    """Of an archive."""
    unzipped_bytes: int | None = None
    layer_bytes: tuple[tuple[str, int], ...] = ()
    """ARN or name and bytes of each layer that the function will have, as far as they are known."""
    rest_is_here: bool = True
    """Whether what goes into a bucket for the archive's loader is on this disk."""
    image_region: str | None = None
    """None: not in a private ECR."""
    elsewhere: bool = False
    """Calls go to another endpoint than AWS's own: any registry will do."""
