"""The tree of imports, read back from what CPython writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from imagekit.local.importtime import BEGIN, END, Timed, read

LOG = f"""\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   zipimport
import time:       900 |       1000 | site
{BEGIN}
import time:        10 |         10 |     numpy.version
import time:        50 |         60 |   numpy
import time:        70 |        130 | pandas
import time:         5 |          5 | json
{END}
import time:        99 |         99 | after
"""


def names(log: str) -> list[tuple[str, int, int | None]]:
    return [(one.module, one.depth, one.parent) for one in read(log).imports]


def test_importers_stand_before_what_they_import() -> None:
    """The order is the one in which imports began; each knows its importer's place."""
    assert names(LOG) == [
        ("pandas", 0, None),
        ("numpy", 1, 0),
        ("numpy.version", 2, 1),
        ("json", 0, None),
    ]


def test_times_are_kept_and_the_interpreters_own_are_apart() -> None:
    """What Python imports before the probe begins is one sum; what comes after the end is none."""
    found = read(LOG)

    assert found.interpreter_us == 1000
    assert found.imports[0] == Timed(
        module="pandas", self_us=70, cumulative_us=130, depth=0, parent=None
    )


def test_logs_between_and_before_lines_do_no_harm() -> None:
    """A module may write to stderr while it is imported, with a line end or without."""
    noisy = LOG.replace(
        "import time:        50", "WARNING: old | API\nhalf a line import time:        50"
    )

    assert names(noisy) == names(LOG)


def test_a_level_that_was_never_written_loses_nothing() -> None:
    """Where an importer's own line is missing, the next one out takes what it imported."""
    log = f"""{BEGIN}
import time:         1 |          1 |       deep
import time:         2 |          3 | outer
{END}"""

    assert names(log) == [("outer", 0, None), ("deep", 1, 0)]


def test_a_process_that_died_still_tells_what_it_had() -> None:
    """Without the end mark everything after the begin mark counts."""
    assert names(LOG.partition(END)[0]) == names(LOG)


def test_nothing_measured_is_nothing() -> None:
    """A log without the marks has no imports."""
    assert read("Traceback (most recent call last)").imports == ()


def test_the_format_is_this_pythons_own(tmp_path: Path) -> None:
    """A real interpreter's output is read: submodules, failed imports, and a module that talks."""
    (tmp_path / "loud.py").write_text(
        "import sys\nsys.stderr.write('no line end')\nimport quopri\n"
    )
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"sys.stderr.write({BEGIN + chr(10)!r})\n"
        "import loud\n"
        "try:\n import nosuch.thing\nexcept ImportError: pass\n"
        f"sys.stderr.write({END + chr(10)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-X", "importtime", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    found = read(done.stderr)
    by_name = {one.module: one for one in found.imports}

    assert by_name["quopri"].parent == found.imports.index(by_name["loud"])
    assert by_name["nosuch"].cumulative_us >= by_name["nosuch"].self_us
    assert all(
        one.cumulative_us + 2 * len(found.imports)
        >= one.self_us + sum(c.cumulative_us for c in found.imports if c.parent == place)
        for place, one in enumerate(found.imports)
    )
