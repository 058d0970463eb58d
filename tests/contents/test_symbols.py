"""Shared objects lose their symbols, and a loader finds the same as before."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from imagekit.contents.elf import inspect_elf
from imagekit.contents.shared_object import SharedObject, read_shared_object
from imagekit.contents.symbols import stripped
from tests.contents.shared_objects import ANSWER, PAGE, shared_object

ON_LINUX = sys.platform == "linux"
_ASK = "import ctypes, sys; print(ctypes.c_int.in_dll(ctypes.CDLL(sys.argv[1]), 'answer').value)"


def read(data: bytes | bytearray) -> SharedObject:
    found = read_shared_object(data)
    assert found is not None
    return found


def mapped(data: bytes | bytearray) -> list[tuple[int, bytes]]:
    """What a loader maps, by address, without the tables that tell where it lies."""
    shared = read(data)
    front = shared.header.segments_at + 56 * len(shared.segments)
    return [
        (load.address, bytes(data[max(load.offset, front * (load.offset == 0)) : load.end]))
        for load in shared.loads
    ]


def answer(data: bytes | bytearray, folder: Path) -> int:
    """What the library says, opened by this machine's loader in a process of its own."""
    path = folder / "library.so"
    path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(path)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


LAID_OUT = {
    "behind": shared_object(),
    "between": shared_object((".symtab", ".debug_line") * 20, ()),
    "both": shared_object((".debug_line",) * 40, (".symtab", ".gnu_debugdata")),
    "beside what stays": shared_object((".notes_of_mine",), (".symtab", ".payload")),
}


@pytest.mark.parametrize("kind", LAID_OUT)
def test_what_a_loader_maps_stays(kind: str) -> None:
    """The same bytes at the same addresses in a shorter file; once more changes nothing."""
    data = LAID_OUT[kind]

    made = stripped(data)

    assert len(made) < len(data)
    assert mapped(made) == mapped(data)
    assert stripped(made) is made


@pytest.mark.skipif(not ON_LINUX, reason="only Linux loads ELF files")
@pytest.mark.parametrize("kind", LAID_OUT)
def test_a_loader_takes_it(kind: str, tmp_path: Path) -> None:
    """The machine's own: the exported number is found where it was."""
    data = LAID_OUT[kind]

    assert answer(data, tmp_path) == answer(stripped(data), tmp_path) == ANSWER


def test_a_gap_between_what_is_mapped_closes_by_whole_pages() -> None:
    """patchelf appends what is mapped behind the symbols: they are cut out between."""
    data = shared_object((".debug_info",) * 40, ())

    made = stripped(data)

    assert len(data) > 3 * PAGE
    assert len(made) < 2 * PAGE
    assert all(load.aligned for load in read(made).loads)


def test_sections_keep_their_numbers() -> None:
    """Dynamic symbols refer to sections by number; what went leaves an empty header behind."""
    before, after = read(LAID_OUT["between"]), read(stripped(LAID_OUT["between"]))

    number = before.names.index(".data")
    assert after.names[number] == ".data"
    assert after.sections[number].address == before.sections[number].address
    assert ".symtab" not in after.names
    assert ".strtab" not in after.names


def test_sections_that_may_be_data_stay() -> None:
    """Programs look for sections of their own in their own file: only what debuggers read goes."""
    data = LAID_OUT["beside what stays"]

    shared = read(stripped(data))

    for name in (".notes_of_mine", ".payload"):
        section = shared.sections[shared.names.index(name)]
        assert bytes(shared.data[section.offset : section.end]) == name.encode().ljust(4096, b"x")


def test_other_readers_understand_it() -> None:
    """pyelftools, which the checks of glibc and machine stand on."""
    data = LAID_OUT["both"]

    assert inspect_elf(stripped(data)) == inspect_elf(data)
    assert inspect_elf(data) is not None


LEFT_ALONE = {
    "no ELF file": b"#!/bin/sh\n",
    "a program": shared_object(type=2),
    "an appended archive": shared_object(trailing=b"PK\3\4"),
    "addresses that are not aligned": shared_object(align=PAGE * 4),
    "an alignment that is none": shared_object(align=PAGE + 1),
    "nothing to take out": shared_object((), ()),
    "32 bits": b"\x7fELF\x01\x01\x01" + shared_object()[7:],
    "cut in its section headers": shared_object()[:-100],
    "cut in its first segment": shared_object()[:100],
    "its magic alone": b"\x7fELF\x02\x01\x01",
}


@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_what_is_not_as_usual_stays_as_it_was(kind: str) -> None:
    """The very same bytes: whatever is not understood is not touched."""
    assert stripped(LEFT_ALONE[kind]) is LEFT_ALONE[kind]


def test_a_section_that_needs_the_symbols_keeps_them() -> None:
    """Relocations that a linker was told to leave in the file are worth nothing without."""
    data = bytearray(shared_object((), (".rela.text", ".symtab")))
    shared = read(data)
    rela, symbols = shared.names.index(".rela.text"), shared.names.index(".symtab")
    row = shared.sections[rela]._replace(link=symbols).pack()
    at = shared.header.sections_at + 64 * rela
    data[at : at + 64] = row

    assert stripped(data) is data


def test_a_file_that_is_cut_short_never_raises() -> None:
    """Wheels hold what they hold: a broken file is for its own package to explain."""
    data = LAID_OUT["behind"]
    cuts = [data[:length] for length in (*range(0, 400, 7), *range(400, len(data), 997))]

    assert all(stripped(cut) is cut for cut in cuts)


def _installed() -> list[Path]:
    """The shared objects of the packages that run these tests."""
    found = sorted(Path(sysconfig.get_path("platlib")).rglob("*.so*"))
    return [path for path in found if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]


@pytest.mark.skipif(not ON_LINUX, reason="only Linux has packages with ELF files")
def test_real_libraries_map_the_same() -> None:
    """Everything that is installed here: what is mapped is the same, and hardly a file is left."""
    left = 0
    for path in _installed():
        data = path.read_bytes()
        made = stripped(data)
        assert mapped(made) == mapped(data), path
        left += made is data and any(n in read(data).names for n in (".symtab", ".debug_info"))

    assert left == 0


@pytest.mark.skipif(not ON_LINUX, reason="only Linux has packages with ELF files")
def test_a_real_package_works_without_symbols(tmp_path: Path) -> None:
    """PyYAML's extension module, which comes with 2 MB of them, parses as before."""
    import yaml

    package = Path(yaml.__file__).parent
    into = tmp_path / "yaml"
    into.mkdir()
    saved = 0
    for path in (*package.glob("*.py"), *package.glob("*.so")):
        data = path.read_bytes()
        made = stripped(data)
        saved += len(data) - len(made)
        (into / path.name).write_bytes(made)
    program = (
        "import yaml, yaml._yaml; print(yaml._yaml.__file__);"
        "print(yaml.load('a: [1, {b: c}]', Loader=yaml.CSafeLoader))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )

    where, parsed = done.stdout.splitlines()
    assert Path(where).parent == into
    assert parsed == "{'a': [1, {'b': 'c'}]}"
    assert saved > 100_000


@pytest.mark.skipif(not ON_LINUX, reason="only Linux loads ELF files")
def test_a_link_is_the_same_object_to_a_loader(tmp_path: Path) -> None:
    """Opened by either name, it is there once: what `max` does with copies changes nothing.

    ld.so compares device and inode (glibc elf/dl-load.c, "_dl_map_object_from_fd").
    """
    (tmp_path / "libanswer.so.2").write_bytes(stripped(LAID_OUT["both"]))
    (tmp_path / "libanswer.so").symlink_to("libanswer.so.2")
    program = (
        "import ctypes\n"
        "one, other = (ctypes.CDLL(f'./libanswer.so{end}') for end in ('', '.2'))\n"
        "ctypes.c_int.in_dll(one, 'answer').value = 7\n"
        "print(ctypes.c_int.in_dll(other, 'answer').value)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    assert done.stdout == "7\n"
