"""What a person asked for, as values that are known to be usable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct

from imagekit.model.errors import UsageError
from imagekit.model.packaging import PACKAGINGS, Asked
from imagekit.model.target import ARCHITECTURES, Architecture
from imagekit.plan.docker_steps import ENGINES

LockMode = Literal["write", "locked", "frozen"]

FORMATS = ("oci", "docker-archive")


class Request(Struct, frozen=True, kw_only=True):
    """Which functions, and how."""

    functions: tuple[str, ...] = ()
    packaging: Asked | None = None
    architecture: Architecture | None = None
    lock_mode: LockMode = "write"
    shares: bool = False
    """Functions that differ by their handler alone get one image; who deploys it names the handler
    in the function's own configuration."""

    @classmethod
    def of(
        cls,
        functions: Sequence[str] | None,
        packaging: str | None,
        architecture: str | None,
        lock_mode: str,
    ) -> Request:
        """Read the words of a command line; UsageError names those that are known."""
        if packaging is not None:
            _known("--packaging", packaging, PACKAGINGS)
        if architecture is not None:
            _known("--arch", architecture, ARCHITECTURES)
        return cls(
            functions=tuple(functions or ()),
            packaging=cast("Asked | None", packaging),
            architecture=cast("Architecture | None", architecture),
            lock_mode=cast("LockMode", lock_mode),
        )


class Outputs(Struct, frozen=True, kw_only=True):
    """Where the artefacts go. What contradicts itself is a UsageError when it is made."""

    folder: Path | None = None
    """None: `dist`, or nowhere when the image is pushed or loaded."""
    format: str = "oci"
    complete: bool = False
    push: bool = False
    to: str | None = None
    tags: tuple[str, ...] = ()
    create: bool = False
    """Make a repository of ECR that is not there."""
    load: bool = False
    engine: str = "auto"
    zips_too: bool = False
    """With `push`: a ZIP goes to its folder, and is no reason to refuse."""
    reuse: bool = True
    """Take layers that the store lacks from the image that was pushed before."""

    def __post_init__(self) -> None:
        _known("--engine", self.engine, ENGINES)
        _known("--format", self.format, FORMATS)
        if (self.to or self.tags) and not self.push:
            raise UsageError(what="--to and --tag say where to push", hint="add `--push`")
        if self.create and not self.push:
            raise UsageError(what="--create makes what a push needs", hint="add `--push`")

    def require_images(self, zips: Sequence[str]) -> None:
        """UsageError where a form of images was asked for, and only `zips` are made, by name."""
        asked = "--complete" if self.complete else f"--format {self.format}"
        if self.complete or self.format != FORMATS[0]:
            raise UsageError(
                what=f"{asked} is about images, and {', '.join(zips)} is a ZIP",
                hint=f"leave `{asked}` out, or add `--packaging image`",
            )

    @property
    def reuses(self) -> bool:
        """Whether a registry may have the layers: where nobody here needs their bytes."""
        return self.reuse and self.push and not (self.writes_files or self.load)

    @property
    def writes_files(self) -> bool:
        """Whether an image is written to a folder; a ZIP always is."""
        return self.folder is not None or not (self.push or self.load)


def known_architecture(text: str) -> Architecture:
    """The architecture of that name; UsageError for any other word."""
    _known("--arch", text, ARCHITECTURES)
    return cast("Architecture", text)


def _known(option: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise UsageError(
            what=f"{option} {given} is not known", hint=f"use one of: {', '.join(known)}"
        )
