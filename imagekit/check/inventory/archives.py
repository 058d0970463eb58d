"""Reading a ZIP with all that it needs: what its loader unpacks at start, and its Lambda layers.

What cannot be found, or is not what the ZIP was built with, is a part that says so.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final, cast

from msgspec import Struct
from msgspec.structs import replace

from imagekit.check.attached import named_layers
from imagekit.check.inventory.claims import Owner, is_record
from imagekit.check.inventory.parts import Inventory, Noted, Part, digest_of
from imagekit.check.members import UNREADABLE, MemberStream, entry_of
from imagekit.check.opened import OpenZip
from imagekit.check.unpacked import described
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.lambda_layer import ATTACHED
from imagekit.model.packaging import ARCHIVE, DEFAULT_STORAGE, LOADER

Find = Callable[[Digest, int], Path | None]
"""Where an archive of this content and size may lie, None for nowhere."""

LOADER_FILES: Final = Owner("imagekit's loader", "")

_NESTED: Final = "packages in the ZIP"
_BUCKET: Final = "packages in s3://"
_NOT_HERE: Final = "it is neither in the store nor, as it was built, beside the ZIP"


def nowhere(_digest: Digest, _size_bytes: int) -> None:
    """Finds nothing: then there is only what the ZIP holds, and what was opened with it."""


class ZipReader(Struct, frozen=True, kw_only=True):
    """Reads ZIPs; an archive that two of them share is read once."""

    content: bool
    """Whether the blocks of files are hashed."""
    find: Find
    known: dict[Digest, Part]
    """What was read already, by digest; more is added."""

    def read(self, archive: OpenZip) -> Inventory:
        """The ZIP first, then what is unpacked at start, then its layers. CannotBuild."""
        with _open(archive.source) as file:
            try:
                with zipfile.ZipFile(file) as opened:
                    first, *more = self._parts(archive, opened)
            except UNREADABLE as error:
                raise CannotBuild(
                    what=f"{archive.name} cannot be read",
                    causes=(str(error),),
                    hint=f"imagekit check {archive.name}",
                ) from error
            size_bytes = file.seek(0, 2)
            first = replace(first, digest=digest_of(file), size_bytes=size_bytes)
        return Inventory(
            name=archive.name,
            packaging="zip",
            parts=(first, *more),
            size_bytes=size_bytes + sum(part.size_bytes or 0 for part in more),
            storage=archive.storage or DEFAULT_STORAGE,
        )

    def _parts(self, archive: OpenZip, opened: zipfile.ZipFile) -> Iterator[Part]:
        nested = self._nested(opened)
        # What is told file by file is not also told as the one file that it is.
        apart = nested is not None and nested.unread is None
        own = self._members(opened, ours=archive.ours, without=ARCHIVE if apart else None)
        loader = {
            entry.path: LOADER_FILES
            for entry in own.entries
            if entry.path.startswith(f"{LOADER}/") and entry.path != ARCHIVE
        }
        yield replace(own, name=archive.name, kind="zip", claimed={**own.claimed, **loader})
        yield from () if nested is None else (nested,)
        yield from self._in_bucket(archive, opened)
        yield from self._layers(archive, opened)

    def _nested(self, opened: zipfile.ZipFile) -> Part | None:
        """The archive in the ZIP, None where there is none."""
        if ARCHIVE not in opened.namelist():
            return None
        try:
            with opened.open(ARCHIVE) as member:
                file = cast("BinaryIO", member)
                digest = digest_of(file)  # to its end, where its CRC is compared
                part = self._whole(digest, file)
        except UNREADABLE as error:
            return Part(name=_NESTED, kind="unpacked", unread=_broken(error))
        packed = opened.getinfo(ARCHIVE).file_size
        return replace(part, name=_NESTED, kind="unpacked", packed_bytes=packed)

    def _in_bucket(self, archive: OpenZip, opened: zipfile.ZipFile) -> Iterator[Part]:
        found = described(opened)
        if found is None or found.where is None:
            return
        bucket = found.where.removeprefix("s3://").partition("/")[0]
        part = self._elsewhere(found.digest, found.size_bytes, [archive.rest])
        yield replace(
            part, name=f"{_BUCKET}{bucket}", kind="unpacked", said_bytes=found.unpacked_bytes
        )

    def _layers(self, archive: OpenZip, opened: zipfile.ZipFile) -> Iterator[Part]:
        named = named_layers(opened)
        if named is None:
            yield Part(name=ATTACHED, kind="lambda-layer", unread="it is not what imagekit writes")
        for layer in named or ():
            promised = layer.digest.hex if layer.digest else ""
            part = self._elsewhere(promised, layer.size_bytes, archive.layers)
            said = layer.unzipped_bytes
            yield replace(part, name=layer.name, kind="lambda-layer", said_bytes=said)

    def _elsewhere(
        self, promised: str, size_bytes: int, beside: Iterable[Path | BinaryIO | None]
    ) -> Part:
        """An archive that the ZIP names by the hex digits of its digest."""
        try:
            digest = Digest.parse(f"sha256:{promised}")
        except ValueError:
            return Part(name="", unread="what the ZIP says of it is not what imagekit writes")
        part = self._found(digest, size_bytes, beside)
        return replace(part, digest=digest, size_bytes=size_bytes)

    def _found(
        self, digest: Digest, size_bytes: int, beside: Iterable[Path | BinaryIO | None]
    ) -> Part:
        if part := self.known.get(digest):
            return part
        for source in (self.find(digest, size_bytes), *beside):
            if source is None:
                continue
            try:
                with _open(source) as file:
                    if file.seek(0, 2) == size_bytes and digest_of(file) == digest:
                        return self._whole(digest, file)
            except UNREADABLE as error:
                return Part(name="", unread=_broken(error))
        return Part(name="", unread=_NOT_HERE)

    def _whole(self, digest: Digest, file: BinaryIO) -> Part:
        """All of an archive of this digest, read once."""
        if digest not in self.known:
            with zipfile.ZipFile(file) as opened:
                self.known[digest] = replace(self._members(opened), digest=digest)
        return self.known[digest]

    def _members(
        self, opened: zipfile.ZipFile, *, ours: bool = False, without: str | None = None
    ) -> Part:
        noted = Noted(content=self.content)
        for info in opened.infolist():
            if not info.filename:
                raise zipfile.BadZipFile("a member has no name")
            entry = entry_of(info, ours=ours)
            if entry.raw == without:
                continue
            if entry.kind == "file" and (self.content or is_record(entry.path)):
                with opened.open(info) as member:
                    seen, _ = noted(entry.path, info.file_size, MemberStream(member))
                entry = replace(entry, seen=seen)
            noted.entries.append(entry)
        return noted.part()


def _open(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """A file is closed at the end; what somebody else opened is not."""
    return source.open("rb") if isinstance(source, Path) else nullcontext(source)


def _broken(error: Exception) -> str:
    return f"it cannot be read: {error}"
