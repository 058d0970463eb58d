"""A home, a project and an environment in which indexes are set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from imagekit.project.indexes.chain import Chain
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.named import all_indexes
from imagekit.project.indexes.values import Index, Place

HOST = "index.example.com"
URL = f"https://{HOST}/simple/"
WHEEL = f"https://{HOST}/files/demo-1.0-py3-none-any.whl"


class World(Struct):
    """Everything lies below `root`; nothing of the user's machine is read."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    system: str = "linux"
    kind: str = "any"
    lock: str = "pyproject.toml"

    def __post_init__(self) -> None:
        self.environ.setdefault("PATH", str(self.root / "bin"))
        # An empty folder in place of the machine's own settings.
        self.environ.setdefault("XDG_CONFIG_DIRS", str(self.root / "etc"))
        (self.project / ".git").mkdir(parents=True)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def machine(self) -> Machine:
        return Machine(environ=self.environ, home=self.home, system=self.system)

    @property
    def place(self) -> Place:
        return Place(kind=self.kind, path=self.project / self.lock, folders=(self.project,))

    def write(self, path: str, text: str) -> Path:
        """A file below `root`."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def program(self, name: str, script: str) -> Path:
        """A program on PATH that notes its arguments in `NAME.calls`."""
        calls = self.root / f"{name}.calls"
        path = self.write(f"bin/{name}", f'#!/bin/sh\necho "$@" >> "{calls}"\n{script}\n')
        path.chmod(0o755)
        return calls

    def indexes(self) -> tuple[Index, ...]:
        """All that are named."""
        return all_indexes((self.place,), self.machine)

    def chain(self, aws: Callable[[str, str, str], str] | None = None) -> Chain:
        """Who we are, for this place."""
        chain = Chain(self.machine, aws)
        chain.learn(self.place)
        return chain

    def said(self, url: str = WHEEL) -> tuple[str, str, str] | None:
        """User, password and source for a URL."""
        login = self.chain().login(url)
        return (*login.pair, login.source) if login else None


def pyproject(tool: str, table: str, entries: Mapping[str, object]) -> str:
    """A `[[tool.TOOL.TABLE]]` with one entry."""
    lines = [f"[[tool.{tool}.{table}]]"]
    for key, value in entries.items():
        lines.append(f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return "\n".join([*lines, ""])
