"""What a layer or a ZIP holds, one value a member."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from imagekit.contents.elf import ElfFacts

Kind = Literal["file", "folder", "symlink", "hardlink", "other"]


class Seen(Struct, frozen=True, kw_only=True):
    """What the content of a file told. Only what rules need is kept."""

    elf: ElfFacts | None = None
    pyc: bytes = b""
    """The sixteen bytes that every `.pyc` begins with (PEP 552)."""
    source_hash: bytes = b""
    """Of a Python source, as the `.pyc` of the expected version states it."""
    blocks: bytes = b""
    """Hashes of the file's blocks, one after the other, for who compares artefacts."""


NOTHING_SEEN = Seen()


class Entry(Struct, frozen=True, kw_only=True):
    """One member of an archive."""

    path: str
    """Relative, without `./` and slashes at its ends; empty for the root."""
    raw: str
    """As the archive spells it."""
    kind: Kind
    mode: int
    """Permission bits."""
    size_bytes: int
    mtime: int
    """Whole seconds since 1970."""
    link: str = ""
    """Where a link leads, as the archive spells it."""
    oddities: tuple[str, ...] = ()
    """What else the header says that no layer needs: `xattr NAME`, `fraction`."""
    seen: Seen = NOTHING_SEEN
    place: str = ""
    """The layer's name; empty in a ZIP."""
    ours: bool = False

    @property
    def where(self) -> str:
        """The path with its layer, for people."""
        return f"{self.place}: {self.path}" if self.place else self.path


def plain_path(raw: str) -> str:
    """The path that every spelling means: `./a/`, `/a` and `a` are `a`."""
    if raw.startswith(("./", "/")) or raw.endswith("/") or "//" in raw or "/./" in raw:
        return "/".join(part for part in raw.split("/") if part not in ("", "."))
    return "" if raw == "." else raw
