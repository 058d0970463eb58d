"""Shared objects, looked at while their bytes pass into a layer: nothing is inflated twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from imagekit.contents.elf import ElfFacts, inspect_elf
from imagekit.model.errors import ChecksFailed
from imagekit.model.target import Target
from imagekit.model.tree import Content, Deflated, FileEntry, Tree

_MAGIC = b"\x7fELF"
_NEVER_ELF = (".py", ".pyc", ".json", ".txt")


class ElfWatch:
    """Notes what each shared object of a tree asks for, as the tree is read."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._found: dict[str, ElfFacts] = {}
        self._lock = threading.Lock()

    def over(self, tree: Tree) -> Tree:
        """The same tree; reading it tells this watch."""
        return Tree(tuple(self._watched(entry) for entry in tree))

    def note(self, path: str, data: bytes) -> None:
        """`path` holds `data`."""
        if data.startswith(_MAGIC) and (facts := inspect_elf(data)):
            with self._lock:
                self._found[path] = facts

    @property
    def glibc(self) -> str | None:
        """The newest glibc version that anything asked for, such as `2.28`."""
        newest = max((f.glibc for f in self._found.values() if f.glibc), default=None)
        return f"{newest[0]}.{newest[1]}" if newest else None

    def refuse(self, artefact: str) -> None:
        """Raise ChecksFailed (rule R1) naming every file that would not load on the target."""
        findings = tuple(
            ("R1", path, why)
            for path, facts in sorted(self._found.items())
            if (why := self._unfit(facts))
        )
        if findings:
            raise ChecksFailed(
                artefact=artefact,
                findings=findings,
                hint="the wheel's tags promise something else than its files: "
                "choose another version of the package",
            )

    def _unfit(self, facts: ElfFacts) -> str | None:
        if facts.machine != self._target.machine:
            return f"is for {facts.machine}, and the function runs on {self._target.machine}"
        if facts.glibc and facts.glibc > self._target.glibc:
            needs, has = (f"{v[0]}.{v[1]}" for v in (facts.glibc, self._target.glibc))
            return f"needs glibc {needs}, and the function gets {has}"
        return None

    def _watched(self, entry: FileEntry) -> FileEntry:
        if entry.link_target is not None or entry.path.endswith(_NEVER_ELF):
            return entry
        return replace(entry, content=_Watched(entry.path, entry.content, self))


@dataclass(frozen=True, slots=True)
class _Watched:
    path: str
    content: Content
    watch: ElfWatch

    def read(self) -> bytes:
        data = self.content.read()
        self.watch.note(self.path, data)
        return data

    def deflated(self) -> Deflated | None:
        return self.content.deflated()
