"""Commands over functions in AWS: `deploy`, `status`, `rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options

HERE = Path()

Alias = Annotated[
    str | None, typer.Option("--alias", metavar="NAME", help="The alias that callers use.")
]

Canary = Annotated[
    str | None,
    typer.Option(
        "--canary", metavar="10%:5m[,…]", help="A share of the traffic first, for a time."
    ),
]
Smoke = Annotated[
    Path | None,
    typer.Option("--smoke", metavar="FILE", help="An event the new version must answer."),
]
Role = Annotated[
    str | None, typer.Option("--role", metavar="ARN", help="Of a function that is made.")
]
Anyway = Annotated[
    bool,
    typer.Option(
        "--anyway", help="Also where CloudFormation owns it, or its architecture changes."
    ),
]


def deploy(
    functions: options.Functions = None,
    image: Annotated[
        str | None, typer.Option("--image", metavar="REFERENCE", help="Default: the newest build.")
    ] = None,
    zip: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="Default: the newest build.")
    ] = None,
    stage: options.Stages = None,
    alias: Alias = None,
    canary: Canary = None,
    smoke: Smoke = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make a function that is not there.")
    ] = False,
    role: Role = None,
    anyway: Anyway = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done; change nothing.")
    ] = False,
    jobs: options.Jobs = 8,
    json: options.Json = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Bring functions to the newest build: code, configuration, version, alias."""
    from imagekit.pipeline.deploying.deploy import run
    from imagekit.pipeline.deploying.request import DeployRequest, read_canary, read_smoke
    from imagekit.pipeline.deploying.sent import given

    request = DeployRequest(
        functions=tuple(functions or ()),
        stages=tuple(stage or ()),
        given=given(image, zip),
        alias=alias,
        canary=read_canary(canary),
        smoke=read_smoke(smoke),
        create=create,
        role=role,
        anyway=anyway,
        dry_run=dry_run,
        jobs=jobs,
    )
    with options.workshop(project, verbose=verbose) as workshop:
        status = run(workshop, request, json=json)
    raise typer.Exit(status)


def status(
    functions: options.Functions = None,
    stage: options.Stages = None,
    alias: Alias = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar="OLD", help="Only what still runs on this base.")
    ] = None,
    json: options.Json = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Show what runs where: alias, version, code, commit, base, and what ran before."""
    from imagekit.pipeline.deploying.status import StatusRequest, run

    request = StatusRequest(
        functions=tuple(functions or ()), stages=tuple(stage or ()), alias=alias, base=base
    )
    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, request, json=json)


def rollback(
    functions: options.Functions = None,
    every: Annotated[bool, typer.Option("--all", help="Every function of the project.")] = False,
    stage: options.Stages = None,
    alias: Alias = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Default: the one before.")
    ] = None,
    json: options.Json = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Point the alias back at the version before; without an alias, run its code again."""
    from imagekit.pipeline.deploying.rollback import RollbackRequest, run

    request = RollbackRequest(
        functions=tuple(functions or ()),
        every=every,
        stages=tuple(stage or ()),
        alias=alias,
        to=to,
    )
    with options.workshop(project, verbose=verbose) as workshop:
        status = run(workshop, request, json=json)
    raise typer.Exit(status)
