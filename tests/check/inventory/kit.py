"""Small artefacts for inventories: wheels' files in layers, with their RECORDs and history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from imagekit.check.inventory.parts import Inventory
from imagekit.check.inventory.read import Reader
from imagekit.check.opened import OpenImage
from imagekit.model.footprint import Footprint
from tests.check.make import MadeImage, MadeLayer, Member, made_zip, zip_info

ROOT = "var/task"
BLOCK = 4096


def installed(
    name: str, version: str, files: dict[str, bytes], root: str = ROOT, extra: Sequence[str] = ()
) -> list[Member]:
    """What installing a wheel leaves; `extra` paths are in its RECORD alone."""
    info = f"{name}-{version}.dist-info"
    paths = [*files, f"{info}/METADATA", f"{info}/RECORD", *extra]
    record = "".join(f"{path},,\n" for path in paths)
    metadata = f"Name: {name}\nVersion: {version}\n"
    return [
        *(Member(name=f"{root}/{path}", data=data) for path, data in files.items()),
        Member(name=f"{root}/{info}/METADATA", data=metadata.encode()),
        Member(name=f"{root}/{info}/RECORD", data=record.encode()),
    ]


def layer(*members: Member, **more: Any) -> MadeLayer:
    return MadeLayer.of(*members, **more)


def image(*layers: MadeLayer, history: Sequence[str] = (), name: str = "made") -> OpenImage:
    """An image of these layers; `history` says who made each, where it is given."""
    entries = {"history": [{"created_by": one} for one in history]} if history else {}
    return replace(MadeImage(layers=layers, settings=entries).open(), name=name)


def inventory(*layers: MadeLayer, history: Sequence[str] = (), name: str = "made") -> Inventory:
    """The same, read with the content of its files."""
    return Reader(content=True).read(image(*layers, history=history, name=name))


def zipped(files: dict[str, bytes], name: str = "made.zip") -> Inventory:
    """A ZIP of these files, read with their content."""
    members = ((zip_info(path), data) for path, data in files.items())
    return Reader(content=True).read(replace(made_zip(*members), name=name))


def weights(footprint: Footprint) -> dict[str, tuple[int, int]]:
    """Bytes and files by package, over all layers."""
    return {one.label: (one.amount.unzipped_bytes, one.amount.files) for one in footprint.packages}
