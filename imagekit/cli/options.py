"""What several commands share: options, and what is there while a command runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagekit.cli.completion import function_names
from imagekit.console import Console, groups_of

if TYPE_CHECKING:
    from imagekit.pipeline.workshop import Workshop
    from imagekit.store import Store


UPGRADE_BASE = "--upgrade-base"


class Settings:
    """What is said before or after the command alike; one for each run of the command line."""

    verbose = False


def _verbose(context: typer.Context, value: bool) -> bool:
    """`imagekit --verbose build` and `imagekit build --verbose` are the same."""
    settings = context.ensure_object(Settings)
    settings.verbose = settings.verbose or value
    return settings.verbose


def console(*, verbose: bool = False) -> Console:
    """This process's streams; in CI, stages are folded as its log does it."""
    return Console(verbose=verbose, groups=groups_of(os.environ))


def store() -> Store:
    """The store, where this user's environment has it."""
    from imagekit.pipeline.workshop import cache_folder
    from imagekit.store import Store

    return Store(cache_folder(os.environ))


def with_values(arguments: Sequence[str]) -> list[str]:
    """The arguments; `--upgrade-base` without a NAME is given an empty one.

    Typer has no options whose value may be left out. What follows is the NAME unless it is an
    option itself, as with `git` and `pip`.
    """
    found = list(arguments)
    for place, word in enumerate(found):
        if word == "--":
            break
        if word == UPGRADE_BASE and (found[place + 1 : place + 2] or ["-"])[0].startswith("-"):
            found[place] = f"{UPGRADE_BASE}="
    return found


def names(given: Sequence[str] | None) -> tuple[str, ...] | None:
    """None where the option was not given; none named means all, also beside named ones."""
    if given is None:
        return None
    return () if "" in given else tuple(given)


@contextmanager
def workshop(folder: Path, *, verbose: bool) -> Iterator[Workshop]:
    """The real parts for one command that builds or plans.

    What the command uses of the store stays there while it runs; afterwards, once a day, the store
    is brought below its limit.
    """
    from imagekit.pipeline.tidy import limit_of, tidy
    from imagekit.pipeline.workshop import Workshop

    limit_bytes = limit_of(os.environ)
    found = Workshop.open(os.environ, console(verbose=verbose), folder)
    with found.store.held():
        yield found
        if said := tidy(found.store, limit_bytes):
            found.console.say(said)


Functions = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FUNCTION]...", help="All of them if left out.", autocompletion=function_names
    ),
]
Project = Annotated[
    Path,
    typer.Option("--project", metavar="DIR", help="Where the configuration is, or below it."),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", callback=_verbose, help="Say how long each stage takes; show tracebacks."
    ),
]
To = Annotated[
    str | None, typer.Option("--to", metavar="REPOSITORY[:TAG]", help="Push there instead.")
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="May have {function} in it; may be repeated."),
]
Reuse = Annotated[
    bool,
    typer.Option(
        "--reuse/--no-reuse", help="Take layers that are not here from the image pushed before."
    ),
]
MetadataFile = Annotated[
    Path | None,
    typer.Option("--metadata-file", metavar="FILE", help="Write the JSON there as well."),
]
Locked = Annotated[
    bool | None,
    typer.Option(
        "--locked/--no-locked",
        help="Refuse a missing or stale lock. The default where CI is set.",
        show_default=False,
    ),
]
Frozen = Annotated[bool, typer.Option("--frozen", help="Use the locks unread.")]
Packaging = Annotated[
    str | None, typer.Option("--packaging", metavar="auto|image|zip", help="As in the project.")
]
Arch = Annotated[
    str | None, typer.Option("--arch", metavar="x86_64|arm64", help="As in the project.")
]
Stages = Annotated[
    list[str] | None,
    typer.Option(
        "--stage", metavar="NAME", help="Where; may be given again. Needed where stages exist."
    ),
]
Jobs = Annotated[int, typer.Option("-j", "--jobs", metavar="N", help="As many at a time.")]
