"""`imagekit cache`: what lies in the store, and making it smaller."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from imagekit.cli import options

app = typer.Typer(name="cache", rich_markup_mode=None)

_DAY_SECONDS = 24 * 3600


@app.callback(invoke_without_command=True)
def cache(
    context: typer.Context, json: options.Json = False, verbose: options.Verbose = False
) -> None:
    """Show what the store holds, and its limit; builds keep it below that once a day."""
    if context.invoked_subcommand is not None:
        return
    from imagekit.pipeline.cache import use_of
    from imagekit.pipeline.tidy import limit_of
    from imagekit.report.cache import use_json, use_lines

    use = use_of(options.store(), limit_of(os.environ))
    options.console().answer(use_json(use) if json else "\n".join(use_lines(use)))


@app.command()
def size(verbose: options.Verbose = False) -> None:
    """Print the store's size in bytes."""
    from imagekit.pipeline.cache import use_of

    options.console().answer(str(use_of(options.store(), None).size_bytes))


@app.command("dir")
def folder(verbose: options.Verbose = False) -> None:
    """Print the store's folder; IMAGEKIT_CACHE_DIR moves it."""
    options.console().answer(str(options.store().root))


@app.command()
def prune(
    everything: Annotated[
        bool, typer.Option("--all", help="Everything, composed bases too.")
    ] = False,
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", metavar="DAYS", min=0, help="What was not used for so long."),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option("--limit", metavar="SIZE", help="Get below it. Default: the store's limit."),
    ] = None,
    verbose: options.Verbose = False,
) -> None:
    """Remove what was not used for longest, never what a running command uses."""
    from imagekit.pipeline.cache import Wish
    from imagekit.pipeline.cache import prune as remove
    from imagekit.pipeline.tidy import limit_of, size_asked
    from imagekit.report.cache import pruned_line

    now = time.time()
    limit_bytes = size_asked("--limit", limit) if limit is not None else None
    if limit_bytes is None and older_than is None:
        limit_bytes = limit_of(os.environ)
    wish = Wish(
        limit_bytes=limit_bytes,
        unused_since=None if older_than is None else now - older_than * _DAY_SECONDS,
        everything=everything,
    )
    options.console().say(pruned_line(remove(options.store(), wish, now)))
