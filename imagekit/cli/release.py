"""`imagekit release`: build, push, promote and deploy in one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options
from imagekit.cli.deploy import Alias, Anyway, Canary, Role, Smoke
from imagekit.cli.project import lock_mode

HERE = Path()

Create = Annotated[
    bool, typer.Option("--create", help="Make repositories and functions that are missing.")
]
NoDeploy = Annotated[bool, typer.Option("--no-deploy", help="Stop after the push.")]
Plan = Annotated[bool, typer.Option("--plan", help="Print every step; make and change nothing.")]
Shard = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="This machine's part of them.")
]
Tfvars = Annotated[
    Path | None, typer.Option("--tfvars", metavar="FILE", help="Write images for Terraform.")
]


def release(
    functions: options.Functions = None,
    packaging: options.Packaging = None,
    arch: options.Arch = None,
    to: options.To = None,
    tag: options.Tags = None,
    reuse: options.Reuse = True,
    stage: options.Stages = None,
    alias: Alias = None,
    canary: Canary = None,
    smoke: Smoke = None,
    create: Create = False,
    role: Role = None,
    anyway: Anyway = False,
    no_deploy: NoDeploy = False,
    plan: Plan = False,
    shard: Shard = None,
    jobs: options.Jobs = 8,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    json: options.Json = False,
    metadata_file: options.MetadataFile = None,
    tfvars: Tfvars = None,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Build, check, push, promote to the stages, deploy: the same again finishes what broke off."""
    from imagekit.pipeline.deploying.handover import Handover
    from imagekit.pipeline.deploying.request import DeployRequest, read_canary, read_smoke
    from imagekit.pipeline.release import ReleaseRequest, read_shard, run, show
    from imagekit.pipeline.request import Outputs, Request

    asked = ReleaseRequest(
        build=Request.of(functions, packaging, arch, lock_mode(locked, frozen)),
        outputs=Outputs(
            push=True,
            to=to,
            tags=tuple(tag or ()),
            create=create,
            zips_too=True,
            reuse=reuse,
        ),
        deploy=DeployRequest(
            functions=tuple(functions or ()),
            stages=tuple(stage or ()),
            alias=alias,
            canary=read_canary(canary),
            smoke=read_smoke(smoke),
            create=create,
            role=role,
            anyway=anyway,
            jobs=jobs,
        ),
        shard=read_shard(shard),
        deploys=not no_deploy,
    )
    given = Handover(environ=os.environ, json=json, metadata_file=metadata_file, tfvars=tfvars)
    with options.workshop(project, verbose=verbose) as workshop:
        status = show(workshop, asked, given) if plan else run(workshop, asked, given)
    raise typer.Exit(status)
