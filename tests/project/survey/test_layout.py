"""From a handler in a file to `handler` and `source`: where imports start, and the name."""

from __future__ import annotations

import pytest

from imagekit.project.survey.candidates import read_module
from imagekit.project.survey.layout import place, plain
from imagekit.project.survey.values import FunctionFound
from tests.project.survey.kit import folder

HANDLER = "def handler(event, context): pass\n"


def placed(files: dict[str, str], project: str | None = None) -> tuple[FunctionFound, ...]:
    found = folder(files)
    modules = [read_module(path, text) for path, text in sorted(found.texts.items())]
    return place([module for module in modules if module], found, project)


@pytest.mark.parametrize(
    ("files", "handler", "source"),
    [
        (["app.py"], "app.handler", None),
        (["src/app.py"], "app.handler", None),
        (["src/pkg/__init__.py", "src/pkg/app.py"], "pkg.app.handler", None),
        (["pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/app.py"], "pkg.sub.app.handler", None),
        (["pkg/app.py"], "pkg.app.handler", None),
        (["functions/hello/app.py"], "app.handler", ("functions/hello/*",)),
        (["lambdas/a/b/app.py"], "app.handler", ("lambdas/a/b/*",)),
        (
            ["functions/hello/__init__.py", "functions/hello/app.py"],
            "hello.app.handler",
            ("functions/hello",),
        ),
        (["src/x.py", "jobs/app.py"], "app.handler", ("jobs/*",)),
        (
            ["services/a/src/a/__init__.py", "services/a/src/a/app.py"],
            "a.app.handler",
            ("services/a/src/a",),
        ),
        (["build.py", "my-app.py"], "my-app.handler", None),
    ],
)
def test_where_imports_start(
    files: list[str], handler: str, source: tuple[str, ...] | None
) -> None:
    """`src`, the project itself, or the nearest folder that is no package."""
    last = files[-1]
    (found,) = placed({**dict.fromkeys(files, ""), last: HANDLER})

    assert (found.handler, found.source) == (handler, source)
    assert found.where == f"{last}:1"


def test_modules_that_import_their_neighbours() -> None:
    """`import helper` of a module beside it makes the folder the place where imports start."""
    text = f"import helper\n{HANDLER}"
    (found,) = placed({"hello/app.py": text, "hello/helper.py": ""})
    assert (found.handler, found.source) == ("app.handler", ("hello/*",))

    (found,) = placed({"hello/app.py": text, "hello/helper.py": "", "helper.py": ""})
    assert (found.handler, found.source) == ("hello.app.handler", None)


def test_names_stay_apart() -> None:
    """One function is called as its project; several as what tells them apart."""
    assert [one.name for one in placed({"app.py": HANDLER}, "my scoring")] == ["my-scoring"]
    assert [one.name for one in placed({"app.py": HANDLER})] == ["project"]
    several = {"f/one/app.py": HANDLER, "f/two/app.py": HANDLER, "jobs.py": HANDLER}
    assert [one.name for one in placed(several)] == ["one", "two", "jobs"]
    alike = {"a/api.py": HANDLER, "b/api.py": HANDLER}
    assert [one.name for one in placed(alike)] == ["a-api", "b-api"]
    together = "def get_handler(event, context): pass\ndef put_handler(event, context): pass\n"
    assert [one.name for one in placed({"api.py": together})] == ["get", "put"]


def test_sure_ones_win_and_the_others_are_a_choice() -> None:
    """A function by its parameters alone stands beside the sure one of its module."""
    text = f"{HANDLER}def other(event, context): pass\n"
    (found,) = placed({"app.py": text, "lib.py": "def helper(event, context): pass\n"})

    assert (found.handler, found.others) == ("app.handler", ("app.other",))
    likely = placed({"lib.py": "def helper(event, context): pass\n"})
    assert [one.handler for one in likely] == ["lib.helper"]


def test_modules_that_lambda_could_not_import() -> None:
    """A name that is built into Python, or that has a blank in it, is no handler."""
    assert placed({"time.py": HANDLER, "a b.py": HANDLER}) == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a b/c", "a-b-c"),
        ("_private", "private"),
        ("äpfel", "pfel"),
        ("", ""),
        ("x" * 80, "x" * 64),
    ],
)
def test_plain(text: str, name: str) -> None:
    """A function's name in the configuration, whatever a project is called."""
    assert plain(text) == name
