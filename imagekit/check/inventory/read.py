"""Reading an artefact as it streams by: names and sizes, and content as hashes of its blocks.

Nothing of a file stays in memory but its name and sixteen bytes for each 4 KiB.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.check.inventory.archives import Find, ZipReader, nowhere
from imagekit.check.inventory.parts import Inventory, Noted, Part
from imagekit.check.opened import OpenImage, OpenLayer, OpenZip
from imagekit.check.stream import BrokenLayer, TarStream, UnreadLayer
from imagekit.check.tar import read_entries
from imagekit.model.digest import Digest
from imagekit.model.errors import UsageError
from imagekit.model.image import History, ImageConfig
from imagekit.oci.documents import parse_config
from imagekit.oci.history import settled_history


class Reader(Struct):
    """Reads artefacts; a layer or archive that two of them share is read once."""

    content: bool = False
    """Whether the blocks of files are hashed."""
    find: Find = nowhere
    """Where archives may lie that a ZIP names, and that were not opened with it."""
    _layers: dict[Digest, Part] = field(default_factory=dict)

    def read(self, artefact: OpenImage | OpenZip) -> Inventory:
        """All of it. UsageError for an index, CannotBuild for what cannot be read."""
        if isinstance(artefact, OpenImage):
            return self._image(artefact)
        zips = ZipReader(content=self.content, find=self.find, known=self._layers)
        return zips.read(artefact)

    def _image(self, image: OpenImage) -> Inventory:
        if not image.config_bytes:
            raise UsageError(
                what=f"{image.name} is an index of several images",
                hint="name one of them, such as REPOSITORY:TAG-x86_64 or REPOSITORY@DIGEST",
            )
        config = parse_config(image.config_bytes, name=image.name)
        history = [entry for entry in settled_history(config) if not entry.empty_layer]
        history += [History()] * len(image.layers)
        parts = tuple(
            self._layer(index, layer, entry, config)
            for index, (layer, entry) in enumerate(zip(image.layers, history, strict=False))
        )
        sizes = [part.size_bytes for part in parts]
        written = (image.config_bytes, image.manifest_bytes)
        documents = tuple(one for one in written if one)
        return Inventory(
            name=image.name,
            packaging="image",
            parts=parts,
            size_bytes=_sum((*sizes, *map(len, documents))),
            documents=documents,
        )

    def _layer(self, index: int, layer: OpenLayer, entry: History, config: ImageConfig) -> Part:
        listed = config.diff_ids[index] if index < len(config.diff_ids) else None
        diff_id = layer.diff_id or listed
        blob = layer.descriptor
        key = blob.digest if blob else diff_id
        part = self._layers.get(key) if key else None
        if part is None:
            part = self._read_layer(layer)
        if key is not None:
            self._layers[key] = part
        return replace(
            part,
            name=layer.place(index),
            digest=blob.digest if blob else None,
            diff_id=diff_id,
            size_bytes=blob.size_bytes if blob else None,
            tar_bytes=part.tar_bytes or (layer.known.tar_bytes if layer.known else 0),
            created_by=entry.created_by,
            known=layer.known,
        )

    def _read_layer(self, layer: OpenLayer) -> Part:
        noted = Noted(content=self.content)
        if layer.open is None:
            return Part(name="", unread="its bytes are not here")
        with layer.open() as blob:
            stream = TarStream(blob)
            if stream.compression == "zstd":
                return Part(name="", unread="it is zstd, which imagekit does not read")
            try:
                noted.entries.extend(read_entries(stream, noted, place="", ours=layer.ours))
                stream.drain()
            except (BrokenLayer, UnreadLayer) as error:
                return Part(name="", unread=str(error))
        if layer.descriptor and stream.digest != layer.descriptor.digest:
            return Part(name="", unread="its bytes are not those that its digest promises")
        return noted.part(stream.tar_bytes)


def _sum(sizes: Iterable[int | None]) -> int | None:
    """None where one of them is not known."""
    known = tuple(sizes)
    return None if None in known else sum(size or 0 for size in known)
