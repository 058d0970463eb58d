"""`imagekit gc`: what no function runs any more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options


def gc(
    repositories: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REPOSITORY]...", help="Default: the project's, of every stage."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Delete; without it, only say.")] = False,
    stage: options.Stages = None,
    account: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="PROFILE|ROLE",
            help="Read this account's functions, too; may be given again.",
        ),
    ] = None,
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", min=0, help="Newest images that stay in each.")
    ] = 5,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="No other account runs the images, whatever may.")
    ] = False,
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Find images that no version of any function runs; delete them with --apply."""
    from imagekit.pipeline.account.gc import Wish, run
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    wish = Wish(
        repositories=tuple(repositories or ()),
        stages=tuple(stage or ()),
        accounts=tuple(account or ()),
        keep=keep,
        anyway=anyway,
        apply=apply,
    )
    run(workshop, wish, json=json)
