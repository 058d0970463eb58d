"""Commands over an artefact that is there already: `check`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options


def check(
    artefact: Annotated[
        str, typer.Argument(help="A function, a layout, an archive, a ZIP, or a reference.")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Say what Lambda would refuse or mis-run, before anything is pushed."""
    from imagekit.pipeline.check import run
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    if not run(workshop, artefact, strict=strict, json=json):
        raise typer.Exit(1)
