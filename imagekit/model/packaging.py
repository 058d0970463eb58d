"""The words of `packaging`: how a function's code and packages reach Lambda."""

from __future__ import annotations

from typing import Literal, get_args

from imagekit.model.function import PackageType

Packaging = Literal["image", "zip", "zip-layers", "zip-nested", "zip-s3"]
"""What an artefact is. All but `image` are, for Lambda, functions of package type Zip."""

Asked = Literal["auto", "image", "zip", "zip-layers", "zip-nested", "zip-s3"]
"""What a person may ask for; `auto` takes `zip` or `image`, never another."""

PACKAGINGS: tuple[Asked, ...] = get_args(Asked)

UNPACKING = ("zip-nested", "zip-s3")
"""Those that unpack to `/tmp` at start what does not fit below the limit of a ZIP."""


def package_type(packaging: Packaging) -> PackageType:
    """What Lambda calls it, for life (lambda_rules L9)."""
    return "image" if packaging == "image" else "zip"


def is_zip(packaging: str | None) -> bool:
    """Whether a word, as it was asked for, surely means a ZIP: not `auto`, and not nothing."""
    return packaging is not None and packaging.startswith("zip")
