"""Which handlers Lambda takes, and where their module may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import Problem
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.project.config import FunctionConfig
from imagekit.project.handler import (
    handler_candidates,
    handler_module_present,
    handler_paths,
    handler_problem,
    handler_surely_missing,
    holds_handler,
    imported_with,
    missing_function,
    missing_handler,
)
from tests.project.trees import function, put, tree_of


@pytest.mark.parametrize(
    "handler", ["app.handler", "pkg/app.handler", "pkg.app.handler", "my-app.handler", "ä.b"]
)
def test_what_the_runtime_client_can_import_is_a_handler(handler: str) -> None:
    """`mod.func` and `pkg/mod.func`; the module is imported by name (M22)."""
    assert handler_problem(handler) is None


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("app", "needs a module and a function"),
        (".handler", "is not `package.module.function`"),
        ("app.", "is not `package.module.function`"),
        ("app..handler", "is not `package.module.function`"),
        ("/app.handler", "is not `package.module.function`"),
        ("a\\b.handler", "is not `package.module.function`"),
        ("app.hand-ler", "is not `package.module.function`"),
        ("app .handler", "must not hold whitespace"),
        ("x" * 121 + ".handler", "has 129 characters"),
        ("time.handler", "built into Python"),
        ("sys/app.handler", "built into Python"),
    ],
)
def test_what_lambda_would_refuse_is_refused(handler: str, said: str) -> None:
    """A handler that cannot work is told before anything is built (M22)."""
    assert said in (handler_problem(handler) or "")


def test_a_handler_of_exactly_128_characters_is_taken() -> None:
    """The limit of Lambda's API counts in."""
    assert handler_problem("x" * 120 + ".handler") is None


def test_a_module_is_a_file_or_a_package() -> None:
    """Dots and slashes both lead into folders."""
    assert handler_paths("a.b/c.run")[:2] == ("a/b/c.py", "a/b/c/__init__.py")


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("a/b.py", True),
        ("a/b/__init__.py", True),
        ("a/b.cpython-313-x86_64-linux-gnu.so", True),
        ("a/b.abi3.so", True),
        ("a/b.txt", False),
        ("a/bc.py", False),
        ("x/a/b.py", False),
    ],
)
def test_compiled_modules_hold_handlers_too(path: str, holds: bool) -> None:
    """A handler may be an extension module with a platform's tag."""
    assert holds_handler(path, "a.b.run") is holds


def test_a_module_is_imported_with_its_packages() -> None:
    """Each package around it runs before it."""
    assert imported_with("a/b.c.run") == {
        *("a/b/c.py", "a/b/c/__init__.py"),
        *("a/__init__.py", "a/b/__init__.py"),
    }
    assert imported_with("app.run") == {"app.py", "app/__init__.py"}


def test_the_module_is_found_in_the_source(tmp_path: Path) -> None:
    """Present means that the module's file is shipped."""
    put(tmp_path, {"src/scoring/app.py": "", "src/scoring/__init__.py": ""})
    tree = tree_of(tmp_path)

    assert handler_module_present(tree, "scoring.app.handler")
    assert handler_module_present(tree, "scoring.handler")
    assert not handler_module_present(tree, "scoring.other.handler")
    assert not handler_module_present(tree, "app.handler")


def test_candidates_are_modules_that_define_the_function(tmp_path: Path) -> None:
    """The error names what would work: definitions and assignments at a module's top level."""
    put(
        tmp_path,
        {
            "src/a/__init__.py": "handler = make()\n",
            "src/a/b.py": "async def handler(event, context): ...\n",
            "src/a/c.py": "class X:\n    def handler(self): ...\n",
            "src/a/d.py": "def handlers(): ...\n",
            "src/time.py": "def handler(event, context): ...\n",
        },
    )

    assert handler_candidates(tree_of(tmp_path), "nope.handler") == ("a.b.handler", "a.handler")


def test_a_missing_module_names_the_candidates(tmp_path: Path) -> None:
    """The hint is the line to write."""
    put(tmp_path, {"src/scoring/main.py": "def handler(event, context): ...\n"})
    asked = function(tmp_path)
    error = missing_handler(asked, tree_of(tmp_path))

    (problem,) = error.problems
    assert problem.where == "pyproject.toml: tool.imagekit.functions.x.handler"
    assert "there is no scoring/app.py" in problem.what
    assert error.hint == 'write `handler = "scoring.main.handler"`'


def test_a_module_that_is_left_out_is_said_to_be(tmp_path: Path) -> None:
    """The file is there, but git ignores it: the hint brings it in."""
    put(tmp_path, {".gitignore": "app.py\n", "src/scoring/app.py": "x = 1\n"})
    error = missing_handler(function(tmp_path), tree_of(tmp_path))

    assert "src/scoring/app.py is left out" in error.problems[0].what
    assert error.hint is not None
    assert 'include = ["src/scoring/app.py"]' in error.hint


@pytest.mark.parametrize(
    ("folder", "source"), [("scoring", "scoring"), ("src/scoring", "src/scoring")]
)
def test_a_module_on_the_disk_comes_before_other_handlers(
    tmp_path: Path, folder: str, source: str
) -> None:
    """Who names `scoring.app` and has it means it, whatever else is called `handler`."""
    put(tmp_path, {"src/main.py": "def handler(event, context): ...\n"})
    tree = tree_of(tmp_path)
    put(tmp_path, {f"{folder}/app.py": "def handler(event, context): ...\n"})

    error = missing_handler(function(tmp_path), tree)

    assert f"{folder}/app.py is left out" in error.problems[0].what
    assert error.hint == f'write `include = ["{folder}/app.py"]`, or name {source} in `source`'


def test_a_module_that_is_nowhere_points_to_source(tmp_path: Path) -> None:
    """With nothing to suggest, the key that decides is named."""
    put(tmp_path, {"src/scoring/x.py": ""})

    assert "`source`" in (missing_handler(function(tmp_path), tree_of(tmp_path)).hint or "")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("def handler(event, context): ...", False),
        ("from other import handler", False),
        ("from other import *", False),
        ("def __getattr__(name): ...", False),
        ("globals()['hand' + 'ler'] = 1", False),
        ("setattr(__import__('app'), 'hand' + 'ler', print)", False),
        ("from other import*", False),
        ("sys.modules[__name__] = Other()", False),
        ("__all__ = ['handler']", False),
        ("make('my.handler')", False),
        ("def run(event, context): ...", True),
        ("def handlers(event, context): ...", True),
        ("def my_handler(event, context): ...", True),
        ("def händler(): ...\nähandler = 1", True),
        ("", True),
    ],
)
def test_a_function_that_cannot_be_there_is_known(tmp_path: Path, text: str, missing: bool) -> None:
    """Only what is certain is called missing: names made at run time get the benefit."""
    put(tmp_path, {"src/scoring/app.py": text})

    assert handler_surely_missing(tree_of(tmp_path), "scoring.app.handler") is missing


def test_a_module_that_is_elsewhere_is_not_judged(tmp_path: Path) -> None:
    """A handler in an installed package is not the source's to answer for."""
    put(tmp_path, {"src/scoring/app.py": ""})

    assert not handler_surely_missing(tree_of(tmp_path), "installed.app.handler")


def test_a_function_that_the_module_has_not_is_told_apart(tmp_path: Path) -> None:
    """The file is there: what is missing is the function, and a near name is the hint."""
    entry = FileEntry(
        path="app.py",
        size_bytes=0,
        owner="source",
        content=Bytes(b"async def handler(event, context): ...\n"),
    )
    config = FunctionConfig(name="f", handler="app.handlr", root=tmp_path, where="x: functions.f")

    error = missing_function(config, Tree.of([entry]))

    assert error.problems == (Problem("x: functions.f.handler", "app.py defines no handlr"),)
    assert error.hint == 'write `handler = "app.handler"`'
