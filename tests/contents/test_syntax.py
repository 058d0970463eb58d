"""Which sources an interpreter does not take, and what it says of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imagekit.contents.syntax import Fault, faults
from imagekit.model.tree import Bytes, FileEntry
from imagekit.project.interpreter import Interpreter
from tests.contents.support import PYTHON


def entry(path: str, data: bytes) -> FileEntry:
    return FileEntry(path=path, size_bytes=len(data), owner="source", content=Bytes(data))


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        (b"\nif x\n    pass", 2, "SyntaxError: expected ':'"),
        (b"def f():\nreturn 1", 2, "IndentationError: expected an indented block"),
        (b"if 1:\n\tx = 1\n        y = 2\n", 3, "TabError: inconsistent use of tabs"),
        (b"x = 1\nreturn x", 2, "SyntaxError: 'return' outside function"),
        (b"# coding: klingon\n", None, "SyntaxError: unknown encoding: klingon"),
        (b"x = '\xe9'", None, "SyntaxError: (unicode error) 'utf-8' codec"),
        (b"x = 1\0", None, "null bytes"),
    ],
)
def test_what_an_import_would_fail_with(source: bytes, line: int | None, said: str) -> None:
    """The exception's name and words, with its line where Python names one."""
    (found,) = faults([entry("app.py", source)], PYTHON)

    assert found is not None
    assert said in found.what
    assert line is None or found.line == line


def test_each_source_is_answered_for_in_order() -> None:
    """What only warns, or fails when it runs, is Python."""
    sources = [entry("a.py", rb"x = '\d'"), entry("b.py", b"("), entry("c.py", b"import nowhere")]

    assert [found is None for found in faults(sources, PYTHON)] == [True, False, True]
    assert faults([], PYTHON) == ()


def test_the_target_says_what_is_python(tmp_path: Path) -> None:
    """Never the Python that runs imagekit, whose grammar may be another."""
    other = tmp_path / "other.py"
    other.write_text("print('[[7, \"SyntaxError: not in my time\"]]')", encoding="utf-8")
    interpreter = Interpreter(version="2.7.18", argv=(sys.executable, str(other)))

    assert faults([entry("a.py", b"x = 1")], interpreter) == (
        Fault(7, "SyntaxError: not in my time"),
    )


def test_an_interpreter_that_fails_judges_nothing(tmp_path: Path) -> None:
    """Compiling tells at which file it crashed; here nothing is known, and nothing refused."""
    gone = Interpreter(version="3.13.0", argv=(str(tmp_path / "gone"),))
    crashes = Interpreter(version="3.13.0", argv=(sys.executable, "-c", "raise SystemExit(3)"))

    assert faults([entry("a.py", b"(")], gone) == ()
    assert faults([entry("a.py", b"(")], crashes) == ()
