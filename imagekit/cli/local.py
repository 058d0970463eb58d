"""Commands that run functions as Lambda does: `invoke`, `serve`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options
from imagekit.cli.project import lock_mode

HERE = Path()

Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable; may be given again."),
]
Stage = Annotated[
    str | None, typer.Option("--stage", metavar="NAME", help="With that stage's settings.")
]
Network = Annotated[
    bool, typer.Option("--network", help="With a network, and your AWS keys. Default: none.")
]


def invoke(
    artefact: Annotated[
        str | None,
        typer.Argument(
            metavar="[FUNCTION|ARTEFACT]",
            help="Built first if it is a function. Default: the only one here.",
            autocompletion=options.function_names,
        ),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="FILE|JSON", help="`-` reads stdin. Default: {}."),
    ] = None,
    env: Env = None,
    stage: Stage = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="Call the deployed function instead.")
    ] = False,
    network: Network = False,
    packaging: options.Packaging = None,
    arch: options.Arch = None,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Run one event in Lambda's sandbox, in Docker. Prints the answer; exit 1 if it failed."""
    from imagekit.pipeline.request import Request
    from imagekit.pipeline.starting.invoke import InvokeRequest, run, run_remote
    from imagekit.pipeline.starting.wish import Wish, read_event, read_variables

    asked = InvokeRequest(
        artefact=artefact,
        event=read_event(event, sys.stdin.buffer.read),
        wish=Wish(
            request=Request.of(None, packaging, arch, lock_mode(locked, frozen)),
            variables=read_variables(env or ()),
            stage=stage,
            network=network,
        ),
    )
    with options.workshop(project, verbose=verbose) as workshop:
        status = run_remote(workshop, asked) if remote else run(workshop, asked)
    raise typer.Exit(status)


def serve(
    functions: options.Functions = None,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="On loopback; 0: any.")
    ] = 9000,
    env: Env = None,
    stage: Stage = None,
    network: Network = False,
    arch: options.Arch = None,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Keep functions warm behind Lambda's Invoke over HTTP; a change of their source reloads."""
    from imagekit.pipeline.request import Request
    from imagekit.pipeline.starting.serve import ServeRequest, run
    from imagekit.pipeline.starting.wish import Wish, read_variables

    asked = ServeRequest(
        functions=tuple(functions or ()),
        port=port,
        wish=Wish(
            request=Request.of(None, None, arch, lock_mode(locked, frozen)),
            variables=read_variables(env or ()),
            stage=stage,
            network=network,
        ),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, asked)
