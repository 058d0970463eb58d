"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Functions = Annotated[
    list[str] | None, typer.Argument(metavar="[FUNCTION]...", help="All of them if left out.")
]
Project = Annotated[
    Path,
    typer.Option("--project", metavar="DIR", help="Where the configuration is, or below it."),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Say more, with tracebacks.")]
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
