"""Import times and cold starts in words and as JSON."""

from __future__ import annotations

import json

from msgspec.structs import replace

from imagekit.model.startup import (
    BytecodeEffect,
    ColdStart,
    CompiledModule,
    Import,
    ImportProfile,
    LazyImport,
    Owner,
    Spread,
    StartSeries,
)
from imagekit.report import bench, profile

PANDAS, OWN = Owner("package", "pandas 3.1.0"), Owner("own", "your code")
BYTECODE = BytecodeEffect(
    with_us=Spread.of([330_000]), without_us=Spread.of([1_060_000]), shipped="all"
)
PROFILE = ImportProfile(
    function="scoring",
    artefact="scoring",
    architecture="x86_64",
    packaging="image",
    python="3.13.5",
    emulated=False,
    imports=(
        Import(
            module="scoring.app",
            self_us=30_000,
            cumulative_us=330_000,
            depth=0,
            parent=None,
            owner=OWN,
            layer="source",
        ),
        Import(
            module="pandas",
            self_us=300_000,
            cumulative_us=300_000,
            depth=1,
            parent=0,
            owner=PANDAS,
            layer="pandas",
        ),
    ),
    measured_us=Spread.of([320_000, 331_000, 345_000]),
    total_us=331_000,
    interpreter_us=14_000,
    lazy=(
        LazyImport(
            module="boto3",
            importer="scoring.app",
            line=3,
            used_in=("handler",),
            cumulative_us=70_000,
            saved_us=61_000,
        ),
    ),
    bytecode=BYTECODE,
    compiled=(
        CompiledModule(
            path="/var/task/pandas/__init__.py",
            owner=PANDAS,
            bytecode_bytes=14_600_000,
            self_us=300_000,
            saved_us=730_000,
        ),
    ),
)


def series(artefact: str, *init_ms: float, **others: object) -> StartSeries:
    starts = tuple(
        ColdStart(
            artefact=artefact,
            batch=batch,
            init_ms=each,
            first_answer_ms=each + 5,
            memory_bytes=151_000_000,
        )
        for batch, each in enumerate(init_ms)
    )
    found = StartSeries(
        artefact=artefact,
        function="scoring",
        packaging="image",
        where="here",
        memory_limit_mb=1024,
        starts=starts,
        bytecode=True,
    )
    return replace(found, **others)


def test_a_profile_says_what_a_start_is_spent_on() -> None:
    """Total with its spread, owners and layers, what could wait, and what bytecode saves."""
    text = "\n".join(profile.profile_lines(PROFILE, None))

    assert text.startswith(
        "scoring: imports take 331 ms (320 ms to 345 ms in 3 runs), after 14 ms of Python "
        "3.13.5's own; 99.7% of them told below"
    )
    assert "pandas 3.1.0  300 ms  91%  1 module" in text
    assert "by layer" in text
    assert "  boto3  61 ms  scoring.app:3, used in handler" in text
    assert text.endswith("bytecode: 330 ms with, 1.06 s without: 14.6 MB of it save 730 ms")


def test_missing_bytecode_is_told_as_what_it_would_save() -> None:
    """An artefact without any, or with a part of it, is told what it lacks."""
    effect = replace(BYTECODE, shipped="none")
    text = "\n".join(profile.profile_lines(replace(PROFILE, bytecode=effect), None))

    assert "bytecode: there is none: 14.6 MB of it would save 730 ms" in text


def test_a_terminal_gets_bars() -> None:
    """The share of each is drawn where somebody looks at it."""
    plain = list(profile.profile_lines(PROFILE, None))
    drawn = list(profile.profile_lines(PROFILE, 120))

    assert not any("█" in line for line in plain)
    assert any("█" in line for line in drawn)


def test_the_closing_line_names_the_next_thing_to_do() -> None:
    """The largest saving; for another architecture, that times are not Lambda's."""
    assert profile.closing_line(PROFILE) == (
        "scoring  imports 331 ms (pandas 3.1.0 300 ms, your code 30 ms)  61 ms could wait: boto3"
    )
    assert "emulated" in profile.closing_line(replace(PROFILE, emulated=True))


def test_a_profile_as_json_has_every_import_and_the_sums() -> None:
    """What a pipeline or a page draws from: µs, owners, layers, parents."""
    (found,) = json.loads(profile.profiles_json((PROFILE,)))["profiles"]

    assert [one["module"] for one in found["imports"]] == ["scoring.app", "pandas"]
    assert found["imports"][1]["parent"] == 0
    assert found["attributed_us"] == 330_000
    assert found["by_layer"][0] == {
        "name": "pandas",
        "kind": "layer",
        "self_us": 300_000,
        "modules": 1,
    }


def test_a_bench_is_a_table_of_medians() -> None:
    """Median and the middle half of each; the fastest against the slowest in the last line."""
    fast = series("scoring", 420, 400, 440, 410, 430)
    slow = series("docker:plain", 1200, 1210, 1190, bytecode=False)
    lines = list(bench.bench_lines((fast, slow), None))

    assert "init 420 ms (410 ms to 430 ms)  first answer 425 ms (415 ms to 435 ms)" in lines[0]
    assert lines[0].endswith("151 MB of 1024 MB  image with bytecode")
    assert lines[1].endswith("image without bytecode")
    assert bench.closing_line((fast, slow)) == (
        "8 cold starts here  scoring starts 2.9 times as fast as docker:plain"
    )


def test_what_nobody_measured_has_no_column() -> None:
    """Restoring and billing are Lambda's: a table without them has no empty cells."""
    (line,) = bench.bench_lines((series("scoring", 420),), None)

    assert "restore" not in line
    assert "billed" not in line
    assert "  ,  " not in line


def test_restored_starts_show_what_callers_wait_for() -> None:
    """With SnapStart there is no INIT, but a restore, and what Lambda bills."""
    start = ColdStart(artefact="f", batch=0, init_ms=None, restore_ms=303.35, billed_ms=143)
    (line,) = bench.bench_lines((series("f", 1, starts=(start,), where="lambda"),), None)

    assert "restore 303 ms" in line
    assert "billed 143 ms" in line
    assert "init" not in line


def test_a_bench_as_json_has_every_start() -> None:
    """Batches, starts and spreads, for whoever draws distributions."""
    (found,) = json.loads(bench.bench_json((series("scoring", 420, 400),)))["series"]

    assert [start["init_ms"] for start in found["starts"]] == [420, 400]
    assert found["spread"]["init_ms"]["median"] == 410
    assert "restore_ms" not in found["spread"]
