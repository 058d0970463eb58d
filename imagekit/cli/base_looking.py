"""Looking after bases: `base list`, `base outdated`."""

from __future__ import annotations

from pathlib import Path

import typer

from imagekit.cli import options

HERE = Path()


def list_bases(
    json: options.Json = False, project: options.Project = HERE, verbose: options.Verbose = False
) -> None:
    """Show every base that can be named here: pin, age, size, who uses it, what it saves them."""
    from imagekit.pipeline.bases.listing import run

    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, json=json)


def outdated(
    json: options.Json = False, project: options.Project = HERE, verbose: options.Verbose = False
) -> None:
    """Say which bases in use are behind, and what differs. Exit 1 where one is."""
    from imagekit.pipeline.bases.outdated import run

    with options.workshop(project, verbose=verbose) as workshop:
        status = run(workshop, json=json)
    if status:
        raise typer.Exit(status)
