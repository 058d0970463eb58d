"""The `imagekit` command: parses, calls the pipeline, and gives every end its exit code.

0 done · 1 could not be built, or a check failed · 2 the input is wrong · 3 the other side refused ·
70 a bug in imagekit · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from imagekit.cli import (
    artefacts,
    base,
    cache,
    completion,
    deploy,
    dockerfile,
    doctor,
    gc,
    init,
    local,
    measure,
    options,
    project,
    promote,
    release,
)
from imagekit.cli.sections import Sections
from imagekit.console import Console, open_streams

BUG = 70

app = typer.Typer(
    name="imagekit",
    cls=Sections,
    add_completion=False,  # typer's options take no shell, and fail where it cannot be detected
    help="Packages Python functions for AWS Lambda: an image or a ZIP, without Docker.",
    epilog="A first project: imagekit init, plan, then build. Every command has --help.",
    no_args_is_help=True,
    # Rich help costs 70 ms at every start, and tracebacks with locals would show secrets.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)
app.command()(init.init)
app.command()(project.lock)
app.command()(project.plan)
app.command()(project.build)
app.command()(artefacts.check)
app.command()(artefacts.inspect)
app.command()(artefacts.diff)
app.command()(release.release)
app.command()(deploy.deploy)
app.command()(deploy.status)
app.command()(deploy.rollback)
app.command()(local.invoke)
app.command()(local.serve)
app.command()(measure.bench)
app.command()(measure.profile)
app.command()(measure.report)
app.command()(promote.promote)
app.command()(gc.gc)
app.command()(doctor.doctor)
app.command()(dockerfile.dockerfile)
app.add_typer(base.app)
app.add_typer(cache.app)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
    verbose: options.Verbose = False,
    install_completion: Annotated[
        str | None,
        typer.Option(
            metavar="[SHELL]", callback=completion.install, help="Complete words in your shell."
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(
            metavar="[SHELL]", callback=completion.show, help="Print the script that does."
        ),
    ] = None,
) -> None:
    """Packages Python functions for AWS Lambda: an image or a ZIP, without Docker."""
    if version:
        from imagekit import __version__

        Console().answer(f"imagekit {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and end the process.

    Leaves by `os._exit` once everything is flushed: after Ctrl-C no worker thread may hold the
    process back (whatever it was writing lies beside its final name, where nobody looks), and on
    every other end this saves Python's own tear-down.
    """
    open_streams()
    status = run(sys.argv[1:], Console())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run(arguments: list[str], console: Console) -> int:
    """Run one command line and give its exit code; words of errors go to `console.err`."""
    settings = options.Settings()
    if completion.ASKED_BY_SHELL in os.environ:
        completion.prepare()
    try:
        words = completion.with_shell(options.with_values(arguments))
        app(words, prog_name="imagekit", obj=settings)
    except SystemExit as end:
        # Typer takes a socket's EPIPE for stdout's, which never has one (console.open_streams).
        if isinstance(end.__context__, BrokenPipeError):
            return _failed(end.__context__, console, verbose=settings.verbose)
        return _status(end)
    except Exception as error:
        return _failed(error, console, verbose=settings.verbose)
    return 0


def _status(end: SystemExit) -> int:
    return end.code if isinstance(end.code, int) else 0


def _failed(error: Exception, console: Console, *, verbose: bool) -> int:
    from imagekit.model.errors import ImagekitError, UsageError
    from imagekit.report.errors import REPORT_BUG, words

    if verbose:
        console.say("".join(traceback.format_exception(error)))
    if isinstance(error, FileNotFoundError) and not _is_here():
        error = UsageError(what="the current folder was removed", hint="cd to one that is there")
    if isinstance(error, ImagekitError):
        console.say(words(error))
        return error.exit_code
    if not verbose:
        console.say(f"error: {traceback.format_exception_only(error)[-1].splitlines()[-1]}")
    console.say(f"\nhint: {REPORT_BUG}")
    return BUG


def _is_here() -> bool:
    try:
        return Path.cwd().is_dir()
    except FileNotFoundError:
        return False
