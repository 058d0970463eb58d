"""Shell completion: the script for a shell, and what is offered in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
ASKED_BY_SHELL = "_IMAGEKIT_COMPLETE"
"""Set by the script that a shell runs to be told what may follow."""

_DETECT = "this shell"
_OPTIONS = ("--install-completion", "--show-completion")


def with_shell(arguments: Sequence[str]) -> list[str]:
    """The arguments; where a completion option names no shell, it means the one that runs us."""
    found = list(arguments)
    return [*found, _DETECT] if found[-1:] and found[-1] in _OPTIONS else found


def prepare() -> None:
    """Have typer know how each shell asks; only needed where one does."""
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()


def install(context: typer.Context, param: typer.CallbackParam, value: str | None) -> None:
    """Put the script where the shell finds it, say where, and stop."""
    from typer.completion import install_callback

    _answer(install_callback, context, param, value)


def show(context: typer.Context, param: typer.CallbackParam, value: str | None) -> None:
    """Print the script and stop."""
    from typer.completion import show_callback

    _answer(show_callback, context, param, value)


def _answer(
    callback: Callable[..., Any],
    context: typer.Context,
    param: typer.CallbackParam,
    value: str | None,
) -> None:
    if value is not None and not context.resilient_parsing:
        callback(context, param, _shell(value))


def _shell(value: str) -> str:
    shell = _running_us() if value == _DETECT else value
    if shell in SHELLS:
        return shell
    what = f"{shell} has no completion here" if shell else "which shell this is cannot be told"
    from imagekit.model.errors import UsageError

    raise UsageError(what=what, hint=f"name one of: {', '.join(SHELLS)}")


def _running_us() -> str:
    import shellingham

    try:
        name, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        return ""
    return str(name)


def function_names(context: typer.Context, incomplete: str) -> list[str]:
    """The functions of the project here that begin so; none where it cannot be read."""
    from imagekit import __version__

    # A shell shows whatever is written, in the middle of the line that is typed.
    from imagekit.model.errors import ImagekitError
    from imagekit.project.read_config import load

    with suppress(ImagekitError, OSError, ValueError):
        folder = context.params.get("project") or Path(os.curdir)
        names = (one.name for one in load(Path(folder), version=__version__).functions)
        given = context.params.get("functions") or ()
        return [name for name in names if name.startswith(incomplete) and name not in given]
    return []
