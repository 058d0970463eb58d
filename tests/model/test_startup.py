"""What a start costs, as values."""

from __future__ import annotations

import json

import pytest
from msgspec import to_builtins

from imagekit.model.startup import ColdStart, Import, ImportProfile, Owner, Spread, StartSeries

OWN = Owner("own", "your code")
PANDAS = Owner("package", "pandas 3.1.0")


def profile(*imports: Import, total_us: int) -> ImportProfile:
    return ImportProfile(
        function="scoring",
        artefact="scoring",
        architecture="x86_64",
        packaging="image",
        python="3.13.5",
        emulated=False,
        imports=imports,
        measured_us=Spread.of([total_us]),
        total_us=total_us,
        interpreter_us=9_000,
    )


def imported(module: str, self_us: int, owner: Owner | None, layer: str | None = None) -> Import:
    return Import(
        module=module,
        self_us=self_us,
        cumulative_us=self_us,
        depth=0,
        parent=None,
        owner=owner,
        layer=layer,
    )


def test_a_spread_has_quartiles_of_the_measurements_themselves() -> None:
    """Median, quartiles and ends are measurements or lie between two neighbours."""
    found = Spread.of([5, 1, 4, 2, 3])

    assert (found.least, found.lower_quartile, found.median) == (1, 2, 3)
    assert (found.upper_quartile, found.most, found.count) == (4, 5, 5)


def test_one_measurement_is_its_own_spread() -> None:
    """A single run has no width, and is no error."""
    found = Spread.of([7.5])

    assert (found.least, found.median, found.upper_quartile, found.count) == (7.5, 7.5, 7.5, 1)


def test_no_measurement_has_no_spread() -> None:
    """What was never measured cannot be summed up."""
    with pytest.raises(ValueError, match="no measurements"):
        Spread.of([])


def test_times_add_up_by_owner_and_by_layer() -> None:
    """Self times are summed, heaviest first; what nobody owns is told as unattributed."""
    found = profile(
        imported("app", 100, OWN, "source"),
        imported("pandas", 500, PANDAS, "pandas"),
        imported("pandas.core", 300, PANDAS, "pandas"),
        imported("mystery", 50, None),
        total_us=1000,
    )

    assert [(one.name, one.self_us, one.modules) for one in found.by_owner] == [
        ("pandas 3.1.0", 800, 2),
        ("your code", 100, 1),
    ]
    assert [(one.name, one.self_us) for one in found.by_layer] == [("pandas", 800), ("source", 100)]
    assert (found.attributed_us, found.unattributed_us, found.share) == (900, 100, 0.9)


def test_never_more_is_attributed_than_was_measured() -> None:
    """Rounding in `-X importtime` must not make more than the whole."""
    assert profile(imported("app", 101, OWN), total_us=100).share == 1.0


def test_a_series_sums_up_what_its_starts_know() -> None:
    """A start that did not answer, or whose memory is unknown, is left out of that spread alone."""
    starts = (
        ColdStart(artefact="a", batch=0, init_ms=300, first_answer_ms=310, memory_bytes=90),
        ColdStart(artefact="a", batch=0, init_ms=340),
    )
    series = StartSeries(
        artefact="a",
        function="scoring",
        packaging="image",
        where="here",
        memory_limit_mb=1024,
        starts=starts,
    )

    assert series.start_ms.median == 320
    assert series.init_ms == series.start_ms
    assert series.first_answer_ms == Spread.of([310])
    assert series.memory_bytes == Spread.of([90])
    assert series.restore_ms is None


def test_restoring_counts_where_nothing_was_initialised() -> None:
    """With SnapStart what a caller waits for is the restore, and there is no INIT to sum up."""
    start = ColdStart(artefact="a", batch=0, init_ms=None, restore_ms=303.35)
    series = StartSeries(
        artefact="a",
        function="scoring",
        packaging="zip",
        where="lambda",
        memory_limit_mb=1024,
        starts=(start,),
    )

    assert (series.start_ms.median, series.init_ms) == (303.35, None)
    assert series.restore_ms == series.start_ms


def test_the_values_are_json() -> None:
    """A report in another language may read them."""
    found = profile(imported("app", 100, OWN), total_us=100)

    assert json.loads(json.dumps(to_builtins(found)))["imports"][0]["owner"]["kind"] == "own"
