"""`imagekit promote`: the same image elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options


def promote(
    artefact: Annotated[
        str, typer.Argument(help="A function (its newest build), a path, docker:NAME, a reference.")
    ],
    destinations: Annotated[
        list[str],
        typer.Argument(
            metavar="DESTINATION...",
            help="REPOSITORY[:TAG]; the host of an ECR alone keeps the repository's name.",
        ),
    ],
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="May have {function} in it; may be repeated."),
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make repositories of ECR that are missing.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", metavar="N", min=1, help="Destinations at once.")
    ] = 4,
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Bring an image to other repositories, regions and accounts: the same digest everywhere."""
    from imagekit.pipeline.pushing.promote import Wish, run
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    wish = Wish(
        destinations=tuple(destinations), tags=tuple(tag or ()), create=create, together=jobs
    )
    run(workshop, artefact, wish, json=json)
