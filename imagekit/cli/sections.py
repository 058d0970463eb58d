"""`imagekit --help` by section: the words of a working day first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

SECTIONS: dict[str, tuple[str, ...]] = {
    "Commands": (
        "init",
        "lock",
        "plan",
        "build",
        "check",
        "release",
        "deploy",
        "status",
        "rollback",
        "invoke",
    ),
    "Bases": ("base",),
    "Measure": ("inspect", "diff", "bench", "profile", "report", "serve"),
    "Platform": ("promote", "gc", "doctor", "verify", "dockerfile", "cache"),
}
"""As the design lists them; what does not exist is left out."""


_UNLISTED = "More"


class Sections(TyperGroup):
    """Lists its commands under the headings of `SECTIONS`, in their order."""

    def list_commands(self, ctx: Context) -> list[str]:
        """The names in the order of the sections; any other after them."""
        ordered = [name for names in SECTIONS.values() for name in names]
        known = super().list_commands(ctx)
        return sorted(known, key=lambda name: ordered.index(name) if name in ordered else 99)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write a list for each section, all with one width of names."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        shown = {name: command for name, command in found if command and not command.hidden}
        for heading in (*SECTIONS, _UNLISTED):
            inside = {name: one for name, one in shown.items() if _section(name) == heading}
            if inside:
                with formatter.section(heading):
                    formatter.write_dl(_rows(inside, max(map(len, shown)), formatter.width))


def _section(name: str) -> str:
    found = (heading for heading, names in SECTIONS.items() if name in names)
    return next(found, _UNLISTED)


def _rows(commands: dict[str, Command], width: int, line: int) -> list[tuple[str, str]]:
    limit = line - 6 - width
    return [
        (name.ljust(width), command.get_short_help_str(limit)) for name, command in commands.items()
    ]
