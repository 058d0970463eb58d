"""Imports that could wait, told from names and from what nobody else imports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from imagekit.local.importtime import Measured, Timed
from imagekit.local.lazy import lazy_imports
from imagekit.local.look import look
from imagekit.local.probed import Module, Probed

HEAVY_US = 50_000
FUTURE = "from __future__ import annotations"


def probed(sources: Mapping[str, str], edges: set[tuple[str, str]]) -> Probed:
    return Probed(
        python="3.13.0",
        stdlib="/usr/lib/python3.13",
        task="/var/task/",
        modules={name: Module(file=f"/var/task/{name.replace('.', '/')}.py") for name in sources},
        owners={},
        sources=sources,
        edges=frozenset(edges),
        shipped="all",
        cached={},
        runs=(),
    )


def timed(*modules: str) -> tuple[Timed, ...]:
    """The handler's module imports all others itself, each of the same weight."""
    return tuple(
        Timed(
            module=module,
            self_us=HEAVY_US,
            cumulative_us=HEAVY_US,
            depth=min(place, 1),
            parent=0 if place else None,
        )
        for place, module in enumerate(modules)
    )


def lazy(code: str, **others: str) -> list[str]:
    """What could wait of a handler `app` with this code, which imports pandas and boto3."""
    edges = {("app", "pandas"), ("app", "boto3"), *(("app", name) for name in others)}
    found = lazy_imports(
        timed("app", "pandas", "boto3", *others), probed({"app": code, **others}, edges), "app"
    )
    return [one.module for one in found]


@pytest.mark.parametrize(
    ("code", "waits"),
    [
        ("import pandas\ndef handler(e, c): return pandas.DataFrame()", True),
        ("import pandas as pd\nasync def handler(e, c): return pd.DataFrame()", True),
        ("import pandas as pd\nFRAME = pd.DataFrame()", False),
        ("import pandas as pd\ndef load(path=pd.NA): ...", False),
        ("import pandas as pd\n@pd.api.extensions.register\nclass A: ...", False),
        ("import pandas as pd\nclass A(pd.DataFrame): ...", False),
        ("import pandas as pd\nclass A:\n    empty = pd.DataFrame()", False),
        ("import pandas as pd\nclass A:\n    def rows(self): return pd.DataFrame()", True),
        ("import pandas as pd\nclass A:\n    def __init__(s): pd.NA\nONE = A()", False),
        ("import pandas as pd\ndef load(): return pd.NA\nMODEL = load()", False),
        ("import pandas as pd\ndef a(): return pd.NA\ndef b(): return a()\nMODEL = b()", False),
        ("import pandas as pd\ndef load(frame: pd.DataFrame) -> None: ...", False),
        ("import pandas as pd\ndef load() -> pd.DataFrame: ...", False),
        (f"{FUTURE}\nimport pandas as pd\ndef load(f: pd.DataFrame) -> pd.NA: ...", True),
        ("try:\n    import pandas as pd\nexcept ImportError:\n    pd = None\ndef f(): pd.NA", True),
        ("import pandas as pd\nif pd.__version__ > '3': ...", False),
        ("import pandas  # for its side effects, or for nothing", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas", False),
        ("def handler(e, c):\n    import pandas\n    return pandas.NA", False),
    ],
)
def test_what_starting_does_not_touch_could_wait(code: str, waits: bool) -> None:
    """Names that only functions use could be imported there; what a start runs needs them now."""
    assert ("pandas" in lazy(code)) == waits


def test_a_function_that_another_module_calls_while_starting_counts() -> None:
    """`MODEL = rules.load()` in the handler touches what `load` touches in `rules`."""
    rules = "import pandas as pd\ndef load(): return pd.read_csv('x')"

    assert lazy("import rules\nMODEL = rules.load()", rules=rules) == []
    assert lazy("from rules import load\nMODEL = load()", rules=rules) == []


def test_what_another_module_takes_from_it_is_needed() -> None:
    """A name that an own module lends to others is touched by their import."""
    assert lazy("from rules import pd\nX = pd.NA", rules="import pandas as pd") == []


def test_only_what_nobody_else_imports_is_saved() -> None:
    """pandas could wait, but numpy comes with scipy anyway: its time is not saved."""
    code = "import pandas as pd\nimport scipy\nX = scipy.x\ndef handler(e, c): return pd.NA"
    edges = {
        ("app", "pandas"),
        ("app", "scipy"),
        ("pandas", "numpy"),
        ("pandas", "pytz"),
        ("scipy", "numpy"),
    }
    found = lazy_imports(
        timed("app", "pandas", "scipy", "numpy", "pytz"), probed({"app": code}, edges), "app"
    )

    assert [(one.module, one.saved_us) for one in found] == [("pandas", 2 * HEAVY_US)]


def test_it_says_where_the_import_stands_and_who_uses_it() -> None:
    """The line to move, and the functions to move it into."""
    code = "import os\nimport pandas as pd\ndef score(): pd.NA\nclass A:\n    def f(self): pd.NA"
    (found,) = lazy_imports(
        timed("app", "pandas"), probed({"app": code}, {("app", "pandas")}), "app"
    )

    assert (found.importer, found.line, found.used_in) == ("app", 2, ("A.f", "score"))


def test_a_saving_below_a_millisecond_is_not_worth_a_word() -> None:
    """Small imports are left where they are."""
    small = tuple(
        Timed(module=name, self_us=400, cumulative_us=400, depth=0, parent=None)
        for name in ("app", "pandas")
    )

    assert lazy_imports(small, probed({"app": "import pandas"}, {("app", "pandas")}), "app") == ()


def test_relative_imports_are_followed() -> None:
    """`from . import heavy` names a module beside this one."""
    seen = look("pkg.app", "from . import heavy\nfrom ..other import thing as t", package=False)

    assert seen is not None
    assert [(one.name, one.targets[0]) for one in seen.imports] == [
        ("heavy", "pkg.heavy"),
        ("t", "other.thing"),
    ]


def test_code_of_a_newer_python_is_passed_over() -> None:
    """What this Python cannot read gives no candidates, and no error."""
    assert look("app", "def (:", package=False) is None


def test_nothing_timed_gives_no_candidate(tmp_path: Path) -> None:
    """What was imported before measuring began costs nothing here."""
    assert Measured(interpreter_us=0, imports=()).imports == ()
    assert lazy_imports((), probed({"app": "import os"}, {("app", "os")}), "app") == ()
