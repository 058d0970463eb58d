"""The rules over what imagekit makes itself, while it makes it: nothing is read a second time.

Our tar writer cannot break the rules of form: tests hold that by the same rules which read any
layer. What depends on the packages is watched as their files go by.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.check.machine import ElfFile, Expected, misfits
from imagekit.check.rules import R1
from imagekit.contents.elf import inspect_elf
from imagekit.model.errors import ChecksFailed
from imagekit.model.target import Target
from imagekit.model.tree import Data, Deflated, FileEntry, Tree

RULES_VERSION: Final = 1
"""Raised when a layer that passed may no longer pass; `LayerRecord.checks` holds what it passed."""

_ELF: Final = b"\x7fELF"
_NEVER_ELF: Final = (".py", ".pyc", ".pyi", ".txt", ".json")


class ElfWatch(Struct):
    """Notes every ELF file of a tree as its content is read. For one layer, in one thread."""

    target: Target
    _found: dict[str, ElfFile] = field(default_factory=dict)

    def over(self, tree: Tree) -> Tree:
        """The same tree; reading its contents tells the watch what they are."""
        return Tree(tuple(self._watched(entry) for entry in tree))

    @property
    def glibc(self) -> str | None:
        """The newest glibc that was asked for, such as `2.28`."""
        asked = [file.facts.glibc for file in self._found.values() if file.facts.glibc]
        return "{}.{}".format(*max(asked)) if asked else None

    def refuse(self, name: str) -> None:
        """Raise ChecksFailed with every file that the target cannot load; `name` is the layer's."""
        found = misfits(tuple(self._found.values()), Expected.of(self.target))
        if wrong := tuple((R1.id, path, what) for path, what in sorted(found)):
            raise ChecksFailed(artefact=name, findings=wrong)

    def _watched(self, entry: FileEntry) -> FileEntry:
        if entry.link_target is not None or entry.path.endswith(_NEVER_ELF):
            return entry
        return replace(entry, content=_Watched(self._found, entry))


class _Watched(Struct, frozen=True):
    found: dict[str, ElfFile]
    entry: FileEntry

    def read(self) -> Data:
        """The bytes, looked at."""
        data = self.entry.content.read()
        if data.startswith(_ELF) and (facts := inspect_elf(data)):
            path = self.entry.path
            self.found[path] = ElfFile(path=path, facts=facts, executable=self.entry.executable)
        return data

    def deflated(self) -> Deflated | None:
        """As it lies in the wheel; not looked at."""
        return self.entry.content.deflated()
