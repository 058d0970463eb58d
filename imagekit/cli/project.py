"""Commands over a project: `lock`, `plan`, `build`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import options

HERE = Path()


def lock(
    functions: options.Functions = None,
    upgrade_base: Annotated[
        list[str] | None,
        typer.Option(
            options.UPGRADE_BASE,
            metavar="[NAME]",
            help="Pin what is newest of bases and extensions, or of this one. May be given again.",
        ),
    ] = None,
    upgrade_python: Annotated[
        bool, typer.Option("--upgrade-python", help="Compile with the newest CPython found.")
    ] = False,
    repackage: Annotated[
        bool, typer.Option("--repackage", help="Decide again between ZIP and image.")
    ] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Write nothing; refuse if anything would change.")
    ] = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Bring imagekit.lock up to date: base digests, packaging, CPython, packages."""
    from imagekit.pipeline.lock import Upgrade, bring_up_to_date
    from imagekit.pipeline.request import Request

    request = Request.of(functions, None, None, "locked" if locked else "write")
    upgrade = Upgrade(bases=options.names(upgrade_base), python=upgrade_python, packaging=repackage)
    with options.workshop(project, verbose=verbose) as workshop:
        bring_up_to_date(workshop, request, upgrade)


def plan(
    functions: options.Functions = None,
    packaging: options.Packaging = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Every packaging: fits or not, sizes, starts.")
    ] = False,
    arch: options.Arch = None,
    json: options.Json = False,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Show what a build would make: packaging and why, layers, sizes. Downloads no package."""
    from imagekit.pipeline import compare as comparing
    from imagekit.pipeline import plan as planning
    from imagekit.pipeline.request import Request

    request = Request.of(functions, packaging, arch, lock_mode(locked, frozen))
    with options.workshop(project, verbose=verbose) as workshop:
        (comparing if compare else planning).show(workshop, request, json=json)


def build(
    functions: options.Functions = None,
    packaging: options.Packaging = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="auto|oci|docker", help="Who makes the image.")
    ] = "auto",
    arch: options.Arch = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Default: dist.")
    ] = None,
    format: Annotated[
        str, typer.Option("--format", metavar="oci|docker-archive", help="Of an image on disk.")
    ] = "oci",
    complete: Annotated[
        bool, typer.Option("--complete", help="Put the base's layers in the layout too.")
    ] = False,
    push: Annotated[bool, typer.Option("--push", help="Push to the repository.")] = False,
    to: options.To = None,
    tag: options.Tags = None,
    reuse: options.Reuse = True,
    create: Annotated[
        bool, typer.Option("--create", help="Make a repository of ECR that is missing.")
    ] = False,
    load: Annotated[bool, typer.Option("--load", help="Hand the image to Docker.")] = False,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    json: options.Json = False,
    metadata_file: options.MetadataFile = None,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Make what Lambda takes: an image, or a ZIP where it fits. Prints a path or a reference."""
    from imagekit.pipeline.build import run
    from imagekit.pipeline.request import Outputs, Request

    request = Request.of(functions, packaging, arch, lock_mode(locked, frozen))
    outputs = Outputs(
        engine=engine,
        folder=output,
        format=format,
        complete=complete,
        push=push,
        to=to,
        tags=tuple(tag or ()),
        create=create,
        load=load,
        reuse=reuse,
    )
    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, request, outputs, json=json, metadata_file=metadata_file)


def lock_mode(locked: bool | None, frozen: bool) -> str:
    """`locked`, `frozen` or `write`; in CI an unasked build must not change a lock.

    UsageError where both are asked for.
    """
    if locked and frozen:
        from imagekit.model.errors import UsageError

        raise UsageError(
            what="--locked compares the locks, and --frozen takes them unread: not both",
            hint="leave one of them out",
        )
    if frozen:
        return "frozen"
    if locked is None:
        locked = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return "locked" if locked else "write"
