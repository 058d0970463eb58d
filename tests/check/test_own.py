"""What is watched while imagekit makes a layer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from imagekit.check.own import ElfWatch
from imagekit.model.errors import ChecksFailed
from imagekit.model.tree import Bytes, FileEntry, Tree
from tests.check.make import TARGET
from tests.contents.test_elf import AARCH64, X86_64, elf


def tree(**files: bytes) -> Tree:
    return Tree.of(
        FileEntry(path=name.replace("_", "."), size_bytes=len(data), owner="x", content=Bytes(data))
        for name, data in files.items()
    )


def watched(made: Tree) -> ElfWatch:
    watch = ElfWatch(TARGET)
    for entry in watch.over(made):
        entry.content.read()
    return watch


def test_the_tree_stays_what_it_is() -> None:
    """The same paths and bytes, in the same order."""
    made = tree(a_py=b"x", b_so=elf(X86_64, None), c_txt=b"")
    over = ElfWatch(TARGET).over(made)

    assert [(entry.path, entry.content.read()) for entry in over] == [
        (entry.path, entry.content.read()) for entry in made
    ]
    assert all(entry.content.deflated() is None for entry in over)


def test_the_newest_glibc_is_noted() -> None:
    """By number; a layer without shared objects has none."""
    made = tree(a_so=elf(X86_64, ("GLIBC_2.9",)), b_so=elf(X86_64, ("GLIBC_2.28",)))

    assert watched(made).glibc == "2.28"
    assert watched(tree(a_py=b"x")).glibc is None


def test_what_fits_is_not_refused() -> None:
    """No error, whatever the layer's name."""
    watched(tree(a_so=elf(X86_64, ("GLIBC_2.34",)))).refuse("numpy")


@pytest.mark.parametrize(
    "data", [elf(AARCH64, ("GLIBC_2.17",)), elf(X86_64, ("GLIBC_2.35",))], ids=["arm", "glibc"]
)
def test_what_does_not_fit_is_refused(data: bytes) -> None:
    """With the rule, the file and why, and the layer's name."""
    with pytest.raises(ChecksFailed) as raised:
        watched(tree(a_so=data, b_so=elf(X86_64, None))).refuse("numpy")

    assert raised.value.artefact == "numpy"
    ((rule, path, what),) = raised.value.findings
    assert (rule, path) == ("R1", "a.so")
    assert "not for x86_64" in what or "glibc 2.35" in what


def test_a_build_that_changes_nothing_loads_no_reader() -> None:
    """Only what judges documents is imported (a no-change build has 0.35 s for everything)."""
    code = "import imagekit.check.image, sys; print('imagekit.check.inside' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
