"""Commands over artefacts that are there already: `check`, `inspect`, `diff`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options


def check(
    artefact: Annotated[
        str | None,
        typer.Argument(
            help="A function, a layout, an archive, a ZIP, or a reference. "
            "Left out: the project's only function."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    imports: Annotated[
        bool,
        typer.Option("--import", help="Import the handler as well, and name what it misses."),
    ] = False,
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Say what Lambda would refuse or mis-run, before anything is pushed."""
    from imagekit.pipeline.check import run
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    if not run(workshop, artefact, strict=strict, imports=imports, json=json):
        raise typer.Exit(1)


def inspect(
    artefact: Annotated[
        str, typer.Argument(help="A function, a layout, an archive, a ZIP, or a reference.")
    ],
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Show what an artefact holds: layers, packages, categories, largest files, limits."""
    from imagekit.pipeline.inspect import inspect
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    inspect(workshop, artefact, json=json)


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="An artefact, as for `inspect`.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What came after it.")],
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Show what changed from A to B: packages, layers, bytes to push, files, chunks."""
    from imagekit.pipeline.inspect import diff
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    diff(workshop, before, after, json=json)
