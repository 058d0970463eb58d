"""`system`, `run` and `dockerfile`: what of a function only Docker can do."""

from __future__ import annotations

import re
from typing import Protocol

from imagekit.model.packaging import is_zip
from imagekit.project.config_table import Table

# Names of dpkg and rpm, with a version where one is asked for (`libpq5=17.5-1`). They go into a
# shell's words, so nothing that a shell would read is in here, and none is an option.
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_:=~-]*")

ZIP_STEPS_HINT = (
    'write `packaging = "image"`; a deployed function\'s package type can never change, so a ZIP '
    "that was decided on needs a new function and `imagekit lock --repackage`"
)


class _Keys(Protocol):
    @property
    def packaging(self) -> str | None: ...
    @property
    def system(self) -> tuple[str, ...] | None: ...
    @property
    def run(self) -> tuple[str, ...] | None: ...
    @property
    def dockerfile(self) -> str | None: ...


def read_system(table: Table) -> tuple[str, ...] | None:
    """Packages of the base's distribution; problems go to the table's findings."""
    packages = table.texts("system")
    for package in packages or ():
        if not _PACKAGE.fullmatch(package):
            table.problem("system", f"{package!r} is not the name of a package")
    return packages


def read_run(table: Table) -> tuple[str, ...] | None:
    """Shell commands."""
    commands = table.texts("run")
    for command in commands or ():
        if "\0" in command:
            table.problem("run", "must not hold a NUL character")
    return commands


def refuse_steps_in_zip(table: Table, keys: _Keys) -> None:
    """Note each key that an asked-for ZIP cannot have."""
    if not is_zip(keys.packaging):
        return
    for key, value in (("system", keys.system), ("run", keys.run), ("dockerfile", keys.dockerfile)):
        if value:
            what = "is of an image that Docker builds; a ZIP has nothing to run it in"
            table.problem(key, what, 'write `packaging = "image"`')
