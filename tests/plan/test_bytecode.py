"""Which bytecode a ZIP keeps near its limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from imagekit.model.gain import BytecodeGain
from imagekit.plan.bytecode import (
    Compiled,
    Kept,
    all_kept,
    foreseen_words,
    in_order,
    keep,
    words,
)

FILES = (
    Compiled(path="pandas/core.py", size_bytes=50, package="pandas", part="pandas"),
    Compiled(path="pandas/plotting.py", size_bytes=40, package="pandas", part="pandas"),
    Compiled(path="boto3/session.py", size_bytes=10, package="boto3", part="others 3"),
    Compiled(path="boto3/unused.py", size_bytes=20, package="boto3", part="others 3"),
    Compiled(path="scoring/app.py", size_bytes=5, package="", part="source"),
    Compiled(path="scoring/tool.py", size_bytes=5, package="", part="source"),
)
REACHED = frozenset({"pandas/core.py", "boto3/session.py", "scoring/app.py"})


def paths(room_bytes: int, *gains: BytecodeGain) -> list[str]:
    return sorted(keep(FILES, room_bytes, reached=REACHED, gains=gains).paths)


def test_what_the_handler_imports_comes_first() -> None:
    """Unused halves of packages give way before anything that a start needs."""
    assert paths(65) == ["boto3/session.py", "pandas/core.py", "scoring/app.py"]


def test_own_code_comes_before_packages_and_small_before_large() -> None:
    """Without a measurement as many parts as possible start without compiling."""
    assert paths(20) == ["boto3/session.py", "scoring/app.py", "scoring/tool.py"]
    assert [file.path for file in in_order(FILES, reached=REACHED)] == [
        "scoring/app.py",
        "boto3/session.py",
        "pandas/core.py",
        "scoring/tool.py",
        "boto3/unused.py",
        "pandas/plotting.py",
    ]


def test_a_measurement_says_which_package_is_worth_its_bytes() -> None:
    """What saves more for a byte comes first, whatever its size."""
    pandas = BytecodeGain(package="pandas", bytecode_bytes=50, saved_ms=500)
    boto3 = BytecodeGain(package="boto3", bytecode_bytes=10, saved_ms=5)

    assert paths(55, pandas, boto3) == ["pandas/core.py", "scoring/app.py"]


def test_a_measured_package_that_no_import_names_is_kept_whole() -> None:
    """What is loaded by name at run time (a driver, a plug-in) shows in a measurement alone."""
    boto3 = BytecodeGain(package="boto3", bytecode_bytes=30, saved_ms=5)
    kept = keep(FILES, 35, reached=frozenset({"scoring/app.py"}), gains=(boto3,))

    assert sorted(kept.paths) == ["boto3/session.py", "boto3/unused.py", "scoring/app.py"]


def test_it_says_what_was_kept_and_what_gave_way() -> None:
    """Bytes in all, bytes of what is imported, parts that lost some, and milliseconds."""
    pandas = BytecodeGain(package="pandas", bytecode_bytes=50, saved_ms=500)
    boto3 = BytecodeGain(package="boto3", bytecode_bytes=10, saved_ms=100)
    kept = keep(FILES, 20, reached=REACHED, gains=(pandas, boto3)).kept

    assert (kept.size_bytes, kept.total_bytes) == (20, 130)
    assert (kept.reached_bytes, kept.reached_kept_bytes) == (65, 15)
    assert kept.cut == ("pandas", "others 3")
    assert kept.saved_ms == 100


def test_without_a_measurement_no_milliseconds_are_made_up() -> None:
    """Bytes are known; what they buy is known where it was measured alone."""
    assert keep(FILES, 20, reached=REACHED).kept.saved_ms is None
    assert all_kept(FILES).kept.saved_ms is None


def test_all_of_it_is_nothing_cut() -> None:
    """Where everything fits, everything is kept and all was bought."""
    pandas = BytecodeGain(package="pandas", bytecode_bytes=50, saved_ms=500)
    chosen = all_kept(FILES, (pandas,))

    assert chosen.kept == Kept(size_bytes=130, total_bytes=130, saved_ms=500)
    assert len(chosen.paths) == len(FILES)


@given(st.permutations(FILES), st.integers(min_value=-5, max_value=140))
def test_never_too_much_and_the_same_in_any_order(files: list[Compiled], room_bytes: int) -> None:
    """The limit holds, and the order in which files are found decides nothing."""
    chosen = keep(files, room_bytes, reached=REACHED)

    assert chosen.kept.size_bytes <= max(room_bytes, 0)
    assert chosen.paths == keep(FILES, room_bytes, reached=REACHED).paths


def test_bytes_and_what_they_bought_are_told() -> None:
    """How much fits, whether a start lacks any of it, and what it saves where that is known."""
    all_of_it = Kept(size_bytes=9_000_000, total_bytes=9_000_000)
    some = Kept(
        size_bytes=9_000_000,
        total_bytes=20_000_000,
        cut=("pandas",),
        reached_bytes=7_000_000,
        reached_kept_bytes=7_000_000,
        saved_ms=730,
    )
    less = replace(some, reached_bytes=14_000_000, saved_ms=None)

    assert words(all_of_it) == ""
    assert words(replace(all_of_it, saved_ms=730)) == "saves 730 ms of a start"
    assert words(some) == (
        "9 MB of 20 MB fit, with all that the handler imports (7 MB); saves 730 ms of a start"
    )
    assert words(less) == "9 MB of 20 MB fit, 7 MB of 14 MB of what the handler imports"


def test_a_plan_foresees_what_is_left() -> None:
    """Before anything is compiled: what fits is filled with what saves most for its bytes."""
    pandas = BytecodeGain(package="pandas", bytecode_bytes=8_000_000, saved_ms=400)
    boto3 = BytecodeGain(package="boto3", bytecode_bytes=1_000_000, saved_ms=100)
    line = "hardly room for that of pandas; 5 MB fit, what the handler imports first"

    assert foreseen_words(("pandas",), 5_000_000, ()) == line
    assert foreseen_words(("pandas",), 5_000_000, (pandas, boto3)) == (
        f"{line}: about 300 ms of the 500 ms that all would save a start"
    )
