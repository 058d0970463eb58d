"""ZIP or image, and why."""

from __future__ import annotations

import pytest

from imagekit.model.errors import TooLarge
from imagekit.plan.packaging import ZIP_LIMIT_BYTES, Footprint, check_zip, decide, fitting


def footprint(*weights: int) -> Footprint:
    return Footprint(weights=tuple((f"package-{i} 1.0", w) for i, w in enumerate(weights)))


def test_what_fits_is_a_zip() -> None:
    """One byte below the limit is accepted by Lambda (Z1)."""
    assert decide(footprint(ZIP_LIMIT_BYTES - 1)).packaging == "zip"


def test_the_limit_itself_is_too_much() -> None:
    """262,144,000 bytes are refused (Z1), so that is an image, and the heaviest are named."""
    verdict = decide(footprint(ZIP_LIMIT_BYTES - 10, 10))

    assert verdict.packaging == "image"
    assert "package-0 1.0 262 MB" in verdict.why


def test_no_wheel_for_the_managed_runtime_is_an_image() -> None:
    """Whatever the size: a ZIP runs on the managed runtime's glibc (decision 1)."""
    verdict = decide(None, ("numpy 2.5.5", "pyarrow 26.0.1"))

    assert verdict.packaging == "image"
    assert "numpy 2.5.5, pyarrow 26.0.1" in verdict.why


def test_a_zip_that_outgrew_its_limit_stops_instead_of_flipping() -> None:
    """A function's package type never changes: the packages that grew are named."""
    with pytest.raises(TooLarge) as stopped:
        check_zip(footprint(1, ZIP_LIMIT_BYTES))

    assert stopped.value.biggest[0] == ("package-1 1.0", ZIP_LIMIT_BYTES)
    assert stopped.value.hint is not None
    assert "--repackage" in stopped.value.hint


def test_a_zip_that_is_nearly_full_is_told() -> None:
    """From 90 % on: the next bump may stop the build (decision 8)."""
    assert "near the limit" in decide(footprint(ZIP_LIMIT_BYTES * 9 // 10 + 1)).why
    assert "near the limit" not in decide(footprint(ZIP_LIMIT_BYTES // 2)).why


def test_the_words_say_that_bytecode_is_not_in_the_number() -> None:
    """The verdict is decided by code and packages alone (decision 8); what is built weighs more."""
    limit = "the ZIP limit of 262 MB"
    assert decide(footprint(ZIP_LIMIT_BYTES // 2)).why == (
        f"131 MB unzipped without bytecode, 50% of {limit}"
    )
    assert decide(footprint(ZIP_LIMIT_BYTES)).why.startswith("262 MB unzipped without bytecode; ")


def test_bytecode_gives_way_before_anything_else() -> None:
    """Small parts keep theirs first, and the ZIP stays below its limit."""
    assert fitting(100, [("a", 30), ("b", 10), ("c", 20)], 200) == {"a", "b", "c"}
    assert fitting(100, [("a", 30), ("b", 10), ("c", 20)], 150) == {"b", "c"}
    assert fitting(100, [("a", 49)], 150) == {"a"}
    assert fitting(100, [("a", 50)], 150) == frozenset()
    assert fitting(200, [("a", 1)], 150) == frozenset()
