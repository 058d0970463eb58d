"""`imagekit doctor`: what a release needs, looked at before it is tried."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options


def doctor(
    functions: options.Functions = None,
    policy: Annotated[
        bool, typer.Option("--policy", help="Print the least IAM policy for it instead.")
    ] = False,
    stage: options.Stages = None,
    json: options.Json = False,
    project: options.Project = Path(),
    verbose: options.Verbose = False,
) -> None:
    """Look at all that a release needs; say what is missing, and what mends it."""
    from imagekit.pipeline.workshop import Workshop

    workshop = Workshop.open(os.environ, options.console(verbose=verbose), project)
    if policy:
        from imagekit.pipeline.account.permissions import show

        show(workshop, tuple(functions or ()), tuple(stage or ()))
        return
    from imagekit.pipeline.account.doctor import exit_code, run

    found = run(workshop, tuple(functions or ()), tuple(stage or ()), json=json)
    if code := exit_code(found):
        raise typer.Exit(code)
