"""What a shared object asks of the machine it will run on.

Read by offsets from the header and one section: every library of a cold build passes here, and a
general reader takes 0.1 s longer for those of numpy, pandas and pyarrow.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

_MAGIC: Final = b"\x7fELF"
_LITTLE: Final = 1
_VERSIONS_NEEDED: Final = 0x6FFFFFFE
_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")
_LONGEST_NAME: Final = 64
"""Of a version: `GLIBC_2.38` has ten bytes."""
_MOST_VERSIONS: Final = 4096
"""Of a file: 70 is many. More come from no linker."""

MACHINES: Final = {62: "x86_64", 183: "aarch64", 3: "EM_386", 40: "EM_ARM", 243: "EM_RISCV"}
"""As Linux spells those of Lambda; of others the ELF header's own name."""

# System V ABI, "ELF Header" and "Section Header", from `e_shoff` and `sh_type` on: by the class.
_HEADER: Final = {1: struct.Struct("<I10xHHH"), 2: struct.Struct("<Q10xHHH")}
_HEADER_AT: Final = {1: 32, 2: 40}
_SECTION: Final = {1: struct.Struct("<4xI8xIII12x"), 2: struct.Struct("<4xI16xQQI20x")}
# LSB Core, "Symbol Version Requirements": `Elfxx_Verneed` and `Elfxx_Vernaux`, of either class.
_NEEDED: Final = struct.Struct("<2xH4xII")
_VERSION: Final = struct.Struct("<8xII")


class ElfFacts(Struct, frozen=True, kw_only=True):
    """The machine and the glibc that an ELF file needs."""

    machine: str
    """As Linux spells it: `x86_64`, `aarch64`; of others the ELF header's own name or number."""
    glibc: tuple[int, int] | None
    """The newest GLIBC_x.y symbol version that it imports; None where it imports none."""


def inspect_elf(data: bytes | bytearray) -> ElfFacts | None:
    """Read the ELF header and the needed symbol versions; None where `data` is no readable ELF.

    A big-endian file is of no machine of Lambda's: only its header is read.
    """
    facts = facts_of_header(data)
    if facts is None or data[4] not in _HEADER:
        return None
    if data[5] != _LITTLE:
        return facts
    try:
        return ElfFacts(machine=facts.machine, glibc=_newest_glibc(memoryview(data), data[4]))
    except struct.error:
        return None


def facts_of_header(head: bytes | bytearray) -> ElfFacts | None:
    """The machine alone; None where there are less than the first 20 bytes of an ELF file.

    System V ABI, "ELF Header": byte order at 5, `e_machine` at 18.
    """
    if len(head) < 20 or not head.startswith(_MAGIC):
        return None
    machine = int.from_bytes(head[18:20], "little" if head[5] == _LITTLE else "big")
    return ElfFacts(machine=MACHINES.get(machine, f"machine {machine}"), glibc=None)


def _newest_glibc(data: memoryview, form: int) -> tuple[int, int] | None:
    table, size, count, _ = _HEADER[form].unpack_from(data, _HEADER_AT[form])
    sections = [_SECTION[form].unpack_from(data, table + size * number) for number in range(count)]
    # By type and not by name: a name is a walk through another section.
    for kind, start, _, strings in sections:
        if kind == _VERSIONS_NEEDED and strings < count:
            names = (
                _name(data, sections[strings], at)
                for at in islice(_versions(data, start), _MOST_VERSIONS)
            )
            found = (_GLIBC.fullmatch(name) for name in names)
            return max(((int(match[1]), int(match[2])) for match in found if match), default=None)
    return None


def _versions(data: memoryview, start: int) -> Iterator[int]:
    """Where in the section's strings the name of each version stands, library by library."""
    library: int = start
    while True:
        count, first, following = _NEEDED.unpack_from(data, library)
        version = library + first
        for _ in range(count):
            name, beyond = _VERSION.unpack_from(data, version)
            yield name
            version += beyond
        if not following:
            return
        library += following


def _name(data: memoryview, strings: tuple[int, ...], at: int) -> bytes:
    start = strings[1] + at
    return bytes(data[start : start + _LONGEST_NAME]).partition(b"\0")[0]
