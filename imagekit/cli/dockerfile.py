"""`imagekit dockerfile`: what the Docker engine builds, for those who want to see or keep it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options
from imagekit.cli.completion import function_names

HERE = Path()


def dockerfile(
    function: Annotated[
        str | None,
        typer.Argument(
            metavar="[FUNCTION]",
            help="May be left out where there is one.",
            autocompletion=function_names,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Write it there, with all that it names: wheels, bytecode, source, uv.",
        ),
    ] = None,
    mounts: Annotated[
        bool,
        typer.Option("--mounts/--no-mounts", help="For BuildKit, or for builders without it."),
    ] = True,
    arch: options.Arch = None,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Print the Dockerfile of a function's image, whatever its packaging. Needs no Docker."""
    from imagekit.cli.project import lock_mode
    from imagekit.pipeline.docker.dockerfile import show
    from imagekit.pipeline.request import Request

    names = (function,) if function else None
    request = Request.of(names, "image", arch, lock_mode(locked, frozen))
    with options.workshop(project, verbose=verbose) as workshop:
        show(workshop, request, output, mounts=mounts)
