"""The words of `packaging`: how a function's code and packages reach Lambda."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct

from imagekit.model.digest import Digest

PackageType = Literal["zip", "image"]
"""What Lambda knows."""

Packaging = Literal["image", "zip", "zip-layers", "zip-nested", "zip-s3"]
"""What an artefact is. All but `image` are, for Lambda, functions of package type Zip."""

Asked = Literal["auto", "image", "zip", "zip-layers", "zip-nested", "zip-s3"]
"""What a person may ask for; `auto` takes `zip` or `image`, never another."""

PACKAGINGS: tuple[Asked, ...] = get_args(Asked)

UNPACKING = ("zip-nested", "zip-s3")
"""Those that unpack to `/tmp` at start what does not fit below the limit of a ZIP."""

LOADER = "imagekit_loader"
"""A folder at the root of a ZIP that unpacks at start."""
DESCRIPTION = f"{LOADER}/bundle.json"
"""What the loader has to know: digest, size, parts, and the bucket where it lies in one."""
ARCHIVE = f"{LOADER}/packages.zip"
"""What it unpacks, where it lies in the ZIP."""

DEFAULT_STORAGE = 512
"""MB of `/tmp` where nobody asks for more (lambda_rules P6)."""


class Unpacks(Struct, frozen=True, kw_only=True):
    """What is unpacked to `/tmp` at start; sizes are foreseen, and exact once it was made."""

    layers: tuple[str, ...]
    """By name, in the plan's order."""
    packed_bytes: int
    unpacked_bytes: int
    disk_bytes: int
    """Of `/tmp`, in whole blocks; foreseen."""
    bucket: str | None = None
    """Where it lies; None: in the ZIP."""
    digest: Digest | None = None
    """Of the archive, once it was made."""
    path: Path | None = None
    """Where it was written for whoever uploads it."""

    @property
    def key(self) -> str | None:
        """Its name in the bucket: its content's."""
        return key_of(self.digest) if self.bucket and self.digest else None


def key_of(digest: Digest) -> str:
    """The key in a bucket of an archive of this content."""
    return f"imagekit/{digest.hex}.zip"


def rest_path(archive: Path) -> Path:
    """Where a build writes what goes into a bucket: beside the ZIP, `NAME.packages.zip`."""
    return archive.with_suffix(".packages.zip")


def package_type(packaging: Packaging) -> PackageType:
    """What Lambda calls it, for life (lambda_rules L9)."""
    return "image" if packaging == "image" else "zip"


def is_zip(packaging: str | None) -> bool:
    """Whether a word, as it was asked for, surely means a ZIP: not `auto`, and not nothing."""
    return packaging is not None and packaging.startswith("zip")
