"""The day by which pins and their age are told."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest

from imagekit.console import Console
from imagekit.model.errors import UsageError
from imagekit.pipeline.workshop import Workshop
from imagekit.store import Store


def workshop(folder: Path, now: float, **environ: str) -> Workshop:
    return Workshop(
        environ=environ,
        console=Console(out=io.StringIO(), err=io.StringIO()),
        store=Store(folder / "store"),
        folder=folder,
        now=lambda: now,
    )


def test_the_day_is_utc(tmp_path: Path) -> None:
    """On every machine the same, whatever its time zone."""
    assert workshop(tmp_path, 1_795_305_599).today == date(2026, 11, 21)
    assert workshop(tmp_path, 1_795_305_600.5).today == date(2026, 11, 22)


def test_source_date_epoch_goes_before_the_clock(tmp_path: Path) -> None:
    """As for all that a build dates."""
    assert workshop(tmp_path, 0, SOURCE_DATE_EPOCH="1795305600").today == date(2026, 11, 22)
    assert workshop(tmp_path, 1_795_305_600, SOURCE_DATE_EPOCH="").today == date(2026, 11, 22)


def test_an_epoch_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """Exit 2, with what to set."""
    with pytest.raises(UsageError) as refused:
        _ = workshop(tmp_path, 0, SOURCE_DATE_EPOCH="today").today

    assert "SOURCE_DATE_EPOCH" in refused.value.what
