"""What a handler imports, told from text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from imagekit.contents.reach import imported, reached
from tests.local.probing import package, probed, write


def found(files: Mapping[str, str], module: str = "shop.app") -> list[str]:
    return sorted(reached(files, files.__getitem__, module))


def test_imports_are_followed_through_packages() -> None:
    """A submodule runs its packages' own files; what nobody names is not reached."""
    files = {
        "shop/__init__.py": "",
        "shop/app.py": "import pandas.core.frame as frame, six\nfrom shop import rules\n",
        "shop/rules.py": "from .data import ROWS\n",
        "shop/data.py": "",
        "shop/tool.py": "import never\n",
        "pandas/__init__.py": "from pandas._version import (\n    get,  # now\n)\n",
        "pandas/_version.py": "",
        "pandas/core/__init__.py": "",
        "pandas/core/frame.py": "from .. import errors\n",
        "pandas/errors/__init__.py": "",
        "pandas/plotting.py": "",
        "six.py": "",
        "never.py": "",
    }

    assert set(files) - set(found(files)) == {"shop/tool.py", "pandas/plotting.py", "never.py"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b as c, d", ["a.b", "d"]),
        ("from a import b as x, c", ["a", "a.b", "a.c"]),
        ("from . import b", ["pkg.sub", "pkg.sub.b"]),
        ("from ..x import b", ["pkg.x", "pkg.x.b"]),
        ("from a import *", ["a"]),
        ("try:\n    import fast\nexcept ImportError:\n    import slow", ["fast", "slow"]),
        ("def f():\n    import lazy\n", []),
        ("async def f():\n\timport lazy\nimport now", ["now"]),
        ("class A:\n    def f(self):\n        from x import y\n", []),
        ("if TYPE_CHECKING:\n    import types_only\nimport now", ["now"]),
        ("if typing.TYPE_CHECKING:\n    from x import y\nelse:\n    import now", ["now"]),
        ("def f():\n    pass\nif True:\n    import now", ["now"]),
        ("# import no\nx = 1  # import no", []),
        ("importlib.import_module('x')\nimportant = 1\nfrom_here = 2", []),
    ],
)
def test_lines(text: str, names: list[str]) -> None:
    """What runs while importing counts; what waits for a call, or for a type checker, does not."""
    assert list(imported(text, "pkg.sub")) == names


def test_circles_end() -> None:
    """Modules that import each other are reached once."""
    assert found({"a.py": "import b", "b.py": "import a"}, "a") == ["a.py", "b.py"]


def test_a_handler_that_is_not_there_reaches_nothing() -> None:
    """A compiled module has no text to read."""
    assert found({"a.py": ""}, "shop.app") == []


def test_it_is_what_python_really_imports(tmp_path: Path) -> None:
    """The same modules that a running Python loads, of own code and of packages."""
    site, task = tmp_path / "site", tmp_path / "task"
    package(
        site,
        "tables",
        "1.0",
        {
            "tables/__init__.py": "from tables import rows\nfrom tables.io import read\n",
            "tables/rows.py": "from . import _base as base\n",
            "tables/_base.py": "",
            "tables/io/__init__.py": "from tables.io.text import read\n",
            "tables/io/text.py": "import tables.rows\ndef read():\n    import tables.late\n",
            "tables/late.py": "",
            "tables/other.py": "",
        },
    )
    write(task, {"app.py": "import tables\ndef handler(e, c):\n    from tables import other\n"})
    texts = {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for folder in (site, task)
        for path in folder.rglob("*.py")
    }
    real = probed(task, "app", site=site).modules.values()
    loaded = {Path(one.file).name for one in real if one.file and str(tmp_path) in one.file}

    assert {Path(path).name for path in found(texts, "app")} == loaded
