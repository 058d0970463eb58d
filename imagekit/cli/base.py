"""`imagekit base`: bases that a team shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import base_looking, options
from imagekit.cli.project import lock_mode

app = typer.Typer(
    name="base",
    help="Bases that a team shares: pinned interpreter, system libraries, heavy packages.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.command("list")(base_looking.list_bases)
app.command()(base_looking.outdated)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A folder in base_images/, or shipped.")]
Archs = Annotated[
    list[str] | None,
    typer.Option(
        "--arch", metavar="x86_64|arm64", help="May be given again. Default: as in base.toml."
    ),
]
Upgrade = Annotated[
    bool,
    typer.Option("--upgrade", help="Start from what the origin's tag, or Debian, has today."),
]
HERE = Path()


@app.command()
def build(
    name: Name,
    arch: Archs = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Default: dist.")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="Put layers that a registry has in the layout too.")
    ] = False,
    upgrade: Upgrade = False,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    json: options.Json = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Compose and check a base. Prints the path of an OCI layout for each architecture."""
    from imagekit.pipeline.bases.publish import Wish
    from imagekit.pipeline.bases.publish import build as run

    wish = Wish.of(name, arch, lock_mode(locked, frozen), upgrade=upgrade)
    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, wish, folder=output, complete=complete, json=json)


@app.command()
def publish(
    name: Name,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="May be given again. Default: as in base.toml."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REPOSITORY[:TAG]", help="Push there instead.")
    ] = None,
    arch: Archs = None,
    upgrade: Upgrade = False,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    json: options.Json = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Compose, check and push a base. Prints a reference for each architecture, with its digest."""
    from imagekit.pipeline.bases.publish import Wish
    from imagekit.pipeline.bases.publish import publish as run

    wish = Wish.of(name, arch, lock_mode(locked, frozen), upgrade=upgrade)
    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, wish, to=to, tags=tuple(tag or ()), json=json)
