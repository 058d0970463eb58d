"""What a shared object needs: machine and glibc, from a file that is made by hand."""

from __future__ import annotations

import struct
import sysconfig
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from imagekit.contents.elf import ElfFacts, inspect_elf

X86_64, AARCH64, RISCV = 62, 183, 243
_STRINGS, _VERSIONS_NEEDED = 3, 0x6FFFFFFE


def elf(machine: int, versions: tuple[str, ...] | None) -> bytes:
    """A 64-bit ELF of section headers alone: names, strings and `.gnu.version_r` (LSB Core)."""
    names = b"\0.shstrtab\0.dynstr\0.gnu.version_r\0"
    strings = b"\0libc.so.6\0"
    aux = b""
    for number, version in enumerate(versions or ()):
        following = 16 if number + 1 < len(versions or ()) else 0
        aux += struct.pack("<IHHII", 0, 0, number + 2, len(strings), following)
        strings += version.encode() + b"\0"
    needed = struct.pack("<HHIII", 1, len(versions or ()), 1, 16, 0) + aux
    sections = [(1, _STRINGS, names), (11, _STRINGS, strings)]
    if versions is not None:
        sections.append((19, _VERSIONS_NEEDED, needed))
    body, headers = b"", bytes(64)
    for name, kind, data in sections:
        linked = 2 if kind == _VERSIONS_NEEDED else 0
        headers += struct.pack(
            "<IIQQQQIIQQ", name, kind, 0, 0, 64 + len(body), len(data), linked, 1, 1, 0
        )
        body += data
    at, count = 64 + len(body), len(sections) + 1
    fields = (3, machine, 1, 0, 0, at, 0, 64, 0, 0, 64, count, 1)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return ident + struct.pack("<HHIQQQIHHHHHH", *fields) + body + headers


def test_the_newest_glibc_counts() -> None:
    """By number, not by alphabet; other libraries' versions are not glibc's."""
    data = elf(X86_64, ("GLIBC_2.9", "GLIBC_2.28", "GLIBC_2.3.4", "GLIBCXX_3.4.99", "CXXABI_1.3"))

    assert inspect_elf(data) == ElfFacts(machine="x86_64", glibc=(2, 28))


@pytest.mark.parametrize(("number", "machine"), [(AARCH64, "aarch64"), (RISCV, "EM_RISCV")])
def test_the_machine_is_named_as_linux_does(number: int, machine: str) -> None:
    """So that it can be compared with a target's."""
    facts = inspect_elf(elf(number, ("GLIBC_2.17",)))

    assert facts is not None
    assert facts.machine == machine


@pytest.mark.parametrize("versions", [None, ("GLIBCXX_3.4",), ("GLIBC_PRIVATE",)])
def test_what_needs_no_glibc_runs_on_any(versions: tuple[str, ...] | None) -> None:
    """A static library, or one that only needs other libraries."""
    assert inspect_elf(elf(X86_64, versions)) == ElfFacts(machine="x86_64", glibc=None)


@pytest.mark.parametrize(
    "data",
    [b"", b"x = 1\n", b"\x7fELF", b"\x7fELF" + bytes(100), elf(X86_64, ("GLIBC_2.28",))[:80]],
    ids=["empty", "source", "magic", "zeros", "cut"],
)
def test_what_is_no_elf_has_no_facts(data: bytes) -> None:
    """Wheels hold broken test data; that is no error."""
    assert inspect_elf(data) is None


def test_libraries_that_never_end_do_not_keep_a_build_busy() -> None:
    """Each entry claims 65,535 versions, all at its own place: what is too much is not read."""
    data = bytearray(elf(X86_64, ("GLIBC_2.28",)))
    needed = data.index(struct.pack("<HHI", 1, 1, 1))
    data[needed : needed + 16] = struct.pack("<HHIII", 1, 0xFFFF, 1, 16, 1)
    data[needed + 16 : needed + 32] = struct.pack("<IHHII", 0, 0, 2, 11, 0)

    assert inspect_elf(data) == ElfFacts(machine="x86_64", glibc=(2, 28))


@pytest.mark.skipif(
    sysconfig.get_platform()[:5] != "linux", reason="only Linux keeps ELF files where Python lies"
)
def test_real_libraries_are_read_as_pyelftools_reads_them() -> None:
    """The modules that came with the Python which runs this, and those of the test's packages."""
    folders = [sysconfig.get_path("platstdlib"), sysconfig.get_path("platlib")]
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.so"))[:80]

    assert files
    for file in files:
        facts = inspect_elf(file.read_bytes())
        assert facts is not None
        assert facts.glibc == oracle(file), file


def oracle(file: Path) -> tuple[int, int] | None:
    """The newest glibc by the library that knows all of ELF."""
    with file.open("rb") as opened:
        section = next(ELFFile(opened).iter_sections(type="SHT_GNU_verneed"), None)
        if not isinstance(section, GNUVerNeedSection):
            return None
        names = [version.name for _, group in section.iter_versions() for version in group]
    numbers = [
        name.removeprefix("GLIBC_").split(".") for name in names if name.startswith("GLIBC_")
    ]
    plain = [(int(one[0]), int(one[1])) for one in numbers if len(one) == 2 and one[1].isdigit()]
    return max(plain, default=None)
