"""Commands that measure starts: `bench`, `profile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagekit.cli import options
from imagekit.cli.completion import function_names
from imagekit.cli.local import Env, Network, Stage
from imagekit.cli.project import lock_mode

if TYPE_CHECKING:
    from imagekit.model.packaging import Asked

HERE = Path()

Artefact = Annotated[
    str | None,
    typer.Argument(
        metavar="[FUNCTION|ARTEFACT]",
        help="Built first if it is a function. Default: the only one here.",
        autocompletion=function_names,
    ),
]

Packagings = Annotated[
    list[str] | None,
    typer.Option("--packaging", metavar="WORD", help="Of functions; several are compared."),
]


def profile(
    artefact: Artefact = None,
    runs: Annotated[int, typer.Option("--runs", metavar="N", help="The median of so many.")] = 5,
    fail_over: Annotated[
        str | None,
        typer.Option("--fail-over", metavar="800ms", help="Exit 1 where imports take longer."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Write to imagekit.lock which bytecode saves most."),
    ] = False,
    env: Env = None,
    stage: Stage = None,
    packaging: options.Packaging = None,
    arch: options.Arch = None,
    json: options.Json = False,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Show what imports cost at start: by package, layer and module; what could wait."""
    from imagekit.pipeline.request import Request
    from imagekit.pipeline.starting.profile import ProfileRequest, read_limit, run
    from imagekit.pipeline.starting.wish import Wish, read_variables

    asked = ProfileRequest(
        artefact=artefact,
        runs=runs,
        wish=Wish(
            request=Request.of(None, packaging, arch, lock_mode(locked, frozen)),
            variables=read_variables(env or ()),
            stage=stage,
        ),
        fail_over_ms=read_limit(fail_over),
        keep=keep,
    )
    with options.workshop(project, verbose=verbose) as workshop:
        run(workshop, asked, json=json)


def bench(
    artefacts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FUNCTION|ARTEFACT]...",
            help="Functions are built first. Default: the only one here.",
            autocompletion=function_names,
        ),
    ] = None,
    count: Annotated[int, typer.Option("-n", metavar="N", help="Cold starts of each.")] = 20,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="FILE|JSON", help="`-` reads stdin. Default: {}."),
    ] = None,
    packaging: Packagings = None,
    env: Env = None,
    stage: Stage = None,
    network: Network = False,
    remote: Annotated[
        bool, typer.Option("--remote", help="Fresh environments of the deployed functions.")
    ] = False,
    arch: options.Arch = None,
    json: options.Json = False,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Time cold starts in fresh containers, artefacts in turn: to ready, to the first answer."""
    from imagekit.pipeline.request import Request
    from imagekit.pipeline.starting import bench, bench_remote
    from imagekit.pipeline.starting.wish import Wish, read_event, read_variables

    mode = lock_mode(locked, frozen)
    asked = bench.BenchRequest(
        artefacts=tuple(artefacts or ()),
        count=count,
        event=read_event(event, sys.stdin.buffer.read),
        packagings=_packagings(packaging),
        wish=Wish(
            request=Request.of(None, None, arch, mode),
            variables=read_variables(env or ()),
            stage=stage,
            network=network,
        ),
    )
    with options.workshop(project, verbose=verbose) as workshop:
        (bench_remote if remote else bench).run(workshop, asked, json=json)


def report(
    artefacts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FUNCTION|ARTEFACT]...",
            help="Artefacts are compared by their starts. Default: all functions here.",
            autocompletion=function_names,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The page.")] = Path(
        "report.html"
    ),
    count: Annotated[int, typer.Option("-n", metavar="N", help="Cold starts of each.")] = 5,
    runs: Annotated[int, typer.Option("--runs", metavar="N", help="Of the imports.")] = 3,
    packaging: Packagings = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Start nothing: no imports, no cold starts.")
    ] = False,
    no_registry: Annotated[
        bool, typer.Option("--no-registry", help="Do not ask what the repository has.")
    ] = False,
    env: Env = None,
    stage: Stage = None,
    network: Network = False,
    arch: options.Arch = None,
    locked: options.Locked = None,
    frozen: options.Frozen = False,
    project: options.Project = HERE,
    verbose: options.Verbose = False,
) -> None:
    """Draw footprint, layers, imports and cold starts as one HTML page that needs no network."""
    from imagekit.pipeline.request import Request
    from imagekit.pipeline.starting.page import PageRequest, write
    from imagekit.pipeline.starting.wish import Wish, read_variables

    mode = lock_mode(locked, frozen)
    asked = PageRequest(
        artefacts=tuple(artefacts or ()),
        output=output,
        starts=count,
        runs=runs,
        packagings=_packagings(packaging),
        run=not no_run,
        ask=not no_registry,
        wish=Wish(
            request=Request.of(None, None, arch, mode),
            variables=read_variables(env or ()),
            stage=stage,
            network=network,
        ),
    )
    with options.workshop(project, verbose=verbose) as workshop:
        write(workshop, asked)


def _packagings(words: list[str] | None) -> tuple[Asked, ...]:
    """Each of them known; UsageError names those that are."""
    from imagekit.pipeline.request import Request

    found = (Request.of(None, word, None, "write").packaging for word in words or ())
    return tuple(word for word in found if word is not None)
