"""Every packaging as a table: what is foreseen says so, and what to measure can be typed."""

from __future__ import annotations

import json

from imagekit.model.comparison import Compared, Start
from imagekit.report.compare import compare_json, compare_lines, hint_line

START = Start(median_ms=1060, count=20, memory_limit_mb=1024, current=True)
IMAGE = Compared(
    function="scoring",
    architecture="x86_64",
    packaging="image",
    fits=True,
    why="on python:3.13",
    limit_bytes=10_000_000_000,
    unzipped_bytes=420_000_000,
    files=9_000,
    upload_bytes=107_000_000,
    start=START,
)
ZIP = Compared(
    function="scoring",
    architecture="x86_64",
    packaging="zip",
    fits=False,
    why="the ZIP is 268 MB; leave something out",
)
NESTED = Compared(
    function="scoring",
    architecture="x86_64",
    packaging="zip-nested",
    fits=True,
    unzipped_bytes=250_000_000,
    files=9_000,
    upload_bytes=90_000_000,
    estimated=("unzipped_bytes", "upload_bytes"),
)


def test_one_table_with_reasons_below() -> None:
    """What was built is told plainly, what is foreseen with `about`, the unknown as a dash."""
    head, titles, image, zip_, nested, reason = compare_lines([IMAGE, ZIP, NESTED])

    assert head == "scoring  x86_64"
    assert titles.split() == ["fits", "unzipped", "files", "upload", "start"]
    assert image.split() == [
        *("image", "yes", "420", "MB", "9,000", "107", "MB"),
        *("1.06", "s", "(20", "at", "1024", "MB)", "on", "python:3.13"),
    ]
    assert zip_.split() == ["zip", "no", "—", "—", "—", "—"]
    assert nested.split()[:4] == ["zip-nested", "yes", "about", "250"]
    assert reason == "  zip: the ZIP is 268 MB; leave something out"


def test_a_table_for_each_function() -> None:
    """And for each architecture."""
    other = Compared(function="scoring", architecture="arm64", packaging="zip", fits=None)

    heads = [line for line in compare_lines([IMAGE, other]) if not line.startswith(" ")]
    assert heads == ["scoring  x86_64", "scoring  arm64"]


def test_what_was_not_measured_can_be_typed() -> None:
    """What was measured of other inputs, too; nothing where all that fits is known."""
    old = Compared(
        function="scoring",
        architecture="x86_64",
        packaging="zip-s3",
        fits=True,
        start=Start(median_ms=900, count=5, memory_limit_mb=512, current=False),
    )

    assert hint_line([IMAGE, ZIP]) == ""
    assert hint_line([IMAGE, ZIP, NESTED, old]).endswith(
        "imagekit bench scoring --packaging zip-nested --packaging zip-s3"
    )
    assert "900 ms (5 at 512 MB, of other inputs)" in "\n".join(compare_lines([old]))


def test_json_leaves_out_what_is_not_known() -> None:
    """But says whether it fits, also where nobody knows."""
    unknown = Compared(function="scoring", architecture="x86_64", packaging="image", fits=None)
    found = json.loads(compare_json([IMAGE, unknown]))["compared"]

    assert found[0]["start"] == {
        "median_ms": 1060,
        "count": 20,
        "memory_limit_mb": 1024,
        "current": True,
    }
    assert found[1] == {
        "function": "scoring",
        "architecture": "x86_64",
        "packaging": "image",
        "fits": None,
    }
