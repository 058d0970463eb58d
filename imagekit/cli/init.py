"""`imagekit init`: the first command in a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options

HERE = Path()


def init(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Take the functions from this template.yaml, serverless.yml or Dockerfile alone.",
        ),
    ] = None,
    json: options.Json = False,
    project: Annotated[
        Path,
        typer.Option("--project", metavar="DIR", help="The folder to write it into."),
    ] = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Write a first configuration from what is here."""
    from imagekit.pipeline.init import start

    start(options.console(verbose=verbose), project, source, json=json)
