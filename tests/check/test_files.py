"""Shared objects and bytecode in the final files."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.check.bytecode import magic_number, source_hash
from imagekit.check.image import check_image
from imagekit.check.machine import ElfFile, Expected, misfits
from imagekit.contents.elf import ElfFacts
from tests.check.broken import SOUND, pyc
from tests.check.make import SOURCE, MadeLayer, Member
from tests.contents.test_elf import AARCH64, X86_64, elf

EXPECTED = Expected(machine="x86_64", python="3.13", glibc=(2, 34))
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def wrong(*files: tuple[str, str, tuple[int, int] | None]) -> list[str]:
    found = [
        ElfFile(path=path, facts=ElfFacts(machine=machine, glibc=glibc))
        for path, machine, glibc in files
    ]
    return [path for path, _ in misfits(found, EXPECTED)]


@pytest.mark.parametrize(
    ("path", "machine", "glibc", "fits"),
    [
        ("a.so", "x86_64", (2, 34), True),
        ("a.so", "x86_64", None, True),
        ("a.so", "x86_64", (2, 35), False),
        ("a.so.1.2", "aarch64", None, False),
        ("a.so", "EM_386", None, False),
        ("a.cpython-313-x86_64-linux-gnu.so", "x86_64", (2, 17), True),
        ("a.cpython-312-x86_64-linux-gnu.so", "x86_64", (2, 17), False),
        ("a.cpython-313t-x86_64-linux-gnu.so", "x86_64", (2, 17), False),
        ("a.cpython-313-x86_64-linux-musl.so", "x86_64", None, False),
        ("a.abi3.so", "x86_64", (2, 17), True),
        ("kernel.cubin", "machine 190", None, True),
        ("data.bin", "aarch64", None, True),
    ],
)
def test_one_file(path: str, machine: str, glibc: tuple[int, int] | None, fits: bool) -> None:
    """Machine, glibc and Python must be these; what nothing loads may be anything."""
    assert wrong((path, machine, glibc)) == ([] if fits else [path])


def test_programs_are_judged() -> None:
    """A tool that a package brings, by its executable bit."""
    tool = ElfFile(path="bin/tool", facts=ElfFacts(machine="aarch64", glibc=None), executable=True)

    assert [path for path, _ in misfits([tool], EXPECTED)] == ["bin/tool"]


def test_a_package_may_bring_a_library_for_each_machine() -> None:
    """debugpy does, and picks one as it runs; a module of Python's is not picked."""
    fitting = ("debugpy/attach_amd64.so", "x86_64", None)

    assert wrong(fitting, ("debugpy/attach_x86.so", "EM_386", None)) == []
    assert wrong(fitting, ("other/attach_x86.so", "EM_386", None)) == ["other/attach_x86.so"]
    module = "debugpy/fast.cpython-313-x86_64-linux-gnu.so"
    assert wrong(fitting, (module, "aarch64", None)) == [module]
    assert wrong(fitting, ("debugpy/fast.abi3.so", "aarch64", None)) == ["debugpy/fast.abi3.so"]


@pytest.mark.parametrize("root", ["var/task/", "opt/python/", "usr/lib/python3.13/site-packages/"])
def test_packages_are_told_apart_under_any_root(root: str) -> None:
    """What fits in one package says nothing of another beside it."""
    files = ((f"{root}a/x.so", "x86_64", None), (f"{root}b/x.so", "aarch64", None))

    assert wrong(*files) == [f"{root}b/x.so"]


def test_a_module_may_lie_there_for_several_pythons() -> None:
    """Each Python takes its own."""
    files = [(f"a/x.cpython-3{minor}-x86_64-linux-gnu.so", "x86_64", None) for minor in (11, 13)]

    assert wrong(*files) == []
    assert wrong(files[0]) == [files[0][0]]


def test_what_is_not_known_is_not_judged() -> None:
    """An image of which nobody said what it should be."""
    file = ElfFile(
        path="a.cpython-311-x86_64-linux-gnu.so", facts=ElfFacts(machine="EM_386", glibc=(9, 9))
    )

    assert list(misfits([file], Expected())) == []


def rules(*members: Member, **opened: object) -> list[tuple[str, str]]:
    image = replace(SOUND.with_code(*members), opened=opened).open()
    return [(finding.rule, finding.severity) for finding in check_image(image).findings]


def test_the_glibc_of_the_base_is_the_floor() -> None:
    """Symbols that are newer than it are not there."""
    native = Member(name="var/task/native.so", data=elf(X86_64, ("GLIBC_2.38",)))

    assert rules(native, glibc=(2, 38)) == []
    assert rules(native, glibc=(2, 37)) == [("R1", "error")]
    assert rules(native, glibc=None) == []


def test_what_only_the_system_loads_is_the_bases_business() -> None:
    """A distribution may carry libraries for other machines; the function's files are judged."""
    foreign = MadeLayer.of(Member(name="usr/lib/aarch64/libc.so.6", data=elf(AARCH64, None)))
    installed = MadeLayer.of(
        Member(name="usr/lib/python3.13/site-packages/x.so", data=elf(AARCH64, None))
    )

    assert check_image(SOUND.with_layer(foreign).open()).findings == ()
    ours = replace(foreign, ours=True)
    assert [one.rule for one in check_image(SOUND.with_layer(ours).open()).findings] == ["R1"]
    assert [one.rule for one in check_image(SOUND.with_layer(installed).open()).findings] == ["R1"]


def test_a_broken_elf_still_has_a_machine() -> None:
    """Cut off after its header: what it is for can be read."""
    native = Member(name="var/task/native.so", data=elf(AARCH64, ("GLIBC_2.17",))[:70])

    assert rules(native) == [("R1", "error")]


APP = "var/task/__pycache__/app.cpython-313.pyc"
VALID = (3571).to_bytes(2, "little") + b"\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pyc(), []),
        (pyc(first=1), ["C7"]),
        (pyc(second=1), ["C7"]),
        (VALID + b"\1\0\0\0" + source_hash(VALID, SOURCE), []),
        (VALID + b"\3\0\0\0" + source_hash(VALID, SOURCE), []),
        (VALID + b"\1\0\0\0" + source_hash(VALID, b"other"), ["C7"]),
        (VALID + b"\3\0\0\0" + source_hash(VALID, b"other"), ["C7"]),
        (pyc(magic=3495), ["C8"]),
        (b"short", ["C8"]),
        (b"", []),
    ],
)
def test_bytecode_is_its_sources(data: bytes, expected: list[str]) -> None:
    """By time and size, or by the source's hash: an unchecked one would run in its place."""
    assert rules(Member(name=APP, data=data), python="3.13") == [
        (rule, "warning") for rule in expected
    ]


@pytest.mark.parametrize("opened", [{"python": "3.13"}, {}])
def test_another_pythons_bytecode_is_dead_weight(opened: dict[str, object]) -> None:
    """The image's Python is what it starts, where nobody says it."""
    old = Member(name="var/task/__pycache__/app.cpython-311.pyc", data=pyc(magic=3495))

    assert rules(old, **opened) == [("C8", "warning")]


def test_the_systems_own_python_may_be_another() -> None:
    """Its bytecode is not the function's."""
    system = MadeLayer.of(
        Member(name="usr/lib/python3.11/os.py", data=SOURCE),
        Member(name="usr/lib/python3.11/__pycache__/os.cpython-311.pyc", data=pyc(magic=3495)),
    )

    assert check_image(SOUND.with_layer(system).open()).findings == ()


def test_stale_bytecode_of_ours_is_an_error() -> None:
    """imagekit compiled it for this very source."""
    image = SOUND.with_code(Member(name=APP, data=pyc(first=1)), ours=True)

    assert [(one.rule, one.severity) for one in check_image(image.open()).findings] == [
        ("C7", "error")
    ]


def test_a_source_may_lie_in_a_layer_that_is_not_here() -> None:
    """Then its bytecode is no orphan; what is here is compared all the same."""
    orphan = Member(name="var/task/__pycache__/gone.cpython-313.pyc", data=pyc())
    image = SOUND.with_code(orphan, Member(name=APP, data=pyc(first=1)))
    sparse = replace(image, layers=(replace(image.layers[0], here=False), image.layers[1]))

    assert [one.rule for one in check_image(image.open()).findings] == ["C7", "C6"]
    assert [one.rule for one in check_image(sparse.open()).findings] == ["C7"]


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "app.py"
    path.write_bytes(SOURCE)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    yield path


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
def test_what_python_compiles_is_valid(module: Path, mode: py_compile.PycInvalidationMode) -> None:
    """Each of the three kinds, made by the Python that runs here."""
    made = Path(py_compile.compile(str(module), invalidation_mode=mode) or "")
    tag = f"var/task/__pycache__/{made.name}"
    members = [
        Member(name="var/task/app.py", data=SOURCE, mtime=1_700_000_000),
        Member(name=tag, data=made.read_bytes()),
    ]
    changed = replace(members[0], data=SOURCE + b"\n", mtime=1_700_000_001)
    for source, expected in ((members[0], []), (changed, ["C7"])):
        image = replace(
            SOUND,
            layers=(SOUND.layers[0], MadeLayer.of(source, members[1])),
            opened={"python": HERE},
        )
        assert [finding.rule for finding in check_image(image.open()).findings] == expected


def test_magic_numbers_are_cpythons() -> None:
    """Of the Python that runs here; a version that is not known has none."""
    assert magic_number(HERE) in (importlib.util.MAGIC_NUMBER, b"")
    assert magic_number("3.13") == VALID
    assert magic_number("3.99") == magic_number(None) == b""


def test_hashes_are_cpythons() -> None:
    """As importlib writes them; before 3.11 another function was used, so nothing is said."""
    magic = importlib.util.MAGIC_NUMBER

    assert source_hash(magic, SOURCE) == importlib.util.source_hash(SOURCE)
    assert source_hash(magic_number("3.9"), SOURCE) == b""
