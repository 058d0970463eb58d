"""What a shared object asks of the machine it will run on."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_MAGIC = b"\x7fELF"
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFacts:
    """The machine and the glibc that an ELF file needs."""

    machine: str
    """As Linux spells it: `x86_64`, `aarch64`; of others the ELF header's own name or number."""
    glibc: tuple[int, int] | None
    """The newest GLIBC_x.y symbol version that it imports; None where it imports none."""


def inspect_elf(data: bytes | bytearray) -> ElfFacts | None:
    """Read the ELF header and the needed symbol versions; None where `data` is no readable ELF.

    pyelftools takes 0.09 s for the 103 shared objects of numpy, pandas and pyarrow.
    """
    if not data.startswith(_MAGIC):
        return None
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(cast("BinaryIO", _View(data)))
        machine = str(elf["e_machine"])
        return ElfFacts(machine=_MACHINES.get(machine, machine), glibc=_newest_glibc(elf))
    except (ELFError, ConstructError, ValueError, UnicodeDecodeError, KeyError):
        return None


class _View(io.RawIOBase):
    """Bytes as a file, without the copy that BytesIO makes: libraries have up to 100 MB."""

    def __init__(self, data: bytes | bytearray) -> None:
        super().__init__()
        self._data = memoryview(data)
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = len(self._data) if size is None or size < 0 else self._at + size
        chunk = bytes(self._data[self._at : end])
        self._at += len(chunk)
        return chunk


def _newest_glibc(elf: ELFFile) -> tuple[int, int] | None:
    from elftools.elf.gnuversions import GNUVerNeedSection

    # LSB Core, "Symbol Version Requirements". By type and not by name: it stands near the front,
    # and a name makes pyelftools read every section.
    section = next(elf.iter_sections(type="SHT_GNU_verneed"), None)
    if not isinstance(section, GNUVerNeedSection):
        return None
    names = (needed.name for _, group in section.iter_versions() for needed in group)
    found = (_GLIBC.fullmatch(name) for name in names)
    return max(((int(match[1]), int(match[2])) for match in found if match), default=None)
