"""The page of `imagekit report`: one file, all of its data drawn, nothing asked of a network."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from imagekit.model.footprint import Footprint
from imagekit.report.html.charts import flame, frames, owners, starts, treemap
from imagekit.report.html.page import html
from tests.report.pages import FOOTPRINT, HOSTILE, IMPORTS, MB, PAGE, PROFILE, series
from tests.services.chromium import shown

ECHARTS = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"
"""sha256 of dist/echarts.min.js of Apache ECharts 6.1.0, as its package has it."""


def test_a_browser_draws_every_chart_with_all_of_its_data(tmp_path: Path) -> None:
    """No error, no request, and shapes for everything that there is to show."""
    page = tmp_path / "report.html"
    page.write_text(html(PAGE), encoding="utf-8")

    found = shown(page, tmp_path / "profile")

    assert (found.said("faults"), found.said("requests"), found.said("drawn")) == ("0", "0", "6")
    charts = found.charts()
    assert [(kind, count) for kind, count, _ in charts] == [
        ("treemap", 3),
        ("categories", 3),
        ("flame", 4),
        ("owners", 3),
        ("ready", 22),
        ("answer", 22),
    ]
    assert all(shapes >= count for _, count, shapes in charts), charts


def test_charts_are_walked_by_keyboard(tmp_path: Path) -> None:
    """An arrow key says the first import, and the next one the import after it; Enter looks into
    a part of the treemap; the page can be made dark."""
    page = tmp_path / "report.html"
    keys = """<script>
      const press = (chart, key) => document.querySelector(`[data-chart=${chart}]`)
        .dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      press("treemap", "ArrowRight"); press("treemap", "ArrowRight"); press("treemap", "Enter");
      press("treemap", "Escape"); press("flame", "ArrowRight"); press("flame", "ArrowRight");
      document.getElementById("theme").click();
    </script></body>"""
    before, _, after = html(PAGE).rpartition("</body>")  # the library has one in a string
    page.write_text(before + keys + after, encoding="utf-8")

    found = shown(page, tmp_path / "profile")

    assert found.element("said") == "pandas, 75.0 ms, of it itself 20.0 ms, pandas 3.1.1"
    assert (found.said("theme"), found.element("theme")) == ("dark", "Light")
    assert found.said("faults") == "0"


def test_it_needs_nothing_but_itself() -> None:
    """No address that a browser would load, and a policy that forbids it to."""
    page = html(PAGE)

    assert "default-src 'none'" in page
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""<(?:script|img|link|iframe)[^>]+(?:src|href)=""", markup)
    assert not re.search(r"url\(|@import", markup)


def test_names_from_packages_stay_text() -> None:
    """Whatever a module is called, it ends no script and opens no element."""
    page = html(PAGE)

    assert HOSTILE not in page
    assert "one &lt;note&gt;" in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    assert [frame["m"] for frame in json.loads(data[1])["artefacts"][0]["flame"]][2] == HOSTILE


def test_the_same_measurements_are_the_same_page() -> None:
    """Nothing in it is of the moment or the machine."""
    assert html(PAGE) == html(replace(PAGE))


def test_the_library_is_the_one_that_was_published() -> None:
    """Vendored byte for byte, with its licence in its head."""
    data = (files("imagekit.report.html") / "echarts.min.js").read_bytes()

    assert hashlib.sha256(data).hexdigest() == ECHARTS
    assert b"Licensed to the Apache Software Foundation" in data[:400]


def test_frames_lie_on_what_imported_them() -> None:
    """What one module imports lies side by side within it, in order."""
    places = {one.found.module: (one.start_us, one.depth) for one in frames(IMPORTS)}

    assert places == {
        "app": (0, 0),
        "pandas": (0, 1),
        HOSTILE: (0, 2),
        "json": (75_000, 1),
        "nothing": (85_000, 1),
    }


def test_what_is_too_narrow_to_see_is_left_out_of_the_flame() -> None:
    """A microsecond of 90 ms; what nobody claims says so."""
    rows = {str(row["m"]): row for row in flame(PROFILE)}

    assert "nothing" not in rows
    assert (rows["json"]["o"], rows["json"]["k"]) == ("not attributed", "none")
    assert owners(PROFILE)[0] == {
        "name": "numpy 2.5.5",
        "kind": "package",
        "ms": 55.0,
        "modules": 1,
    }


def test_a_treemap_adds_up() -> None:
    """Every node weighs what its children do."""

    def holds(node: dict[str, Any]) -> bool:
        children = node.get("children")
        sums = not children or node["value"] == sum(child["value"] for child in children)
        return sums and all(map(holds, children or ()))

    nodes = treemap(FOOTPRINT)

    assert sum(int(str(node["value"])) for node in nodes) == FOOTPRINT.amount.unzipped_bytes
    assert all(map(holds, nodes))
    assert treemap(Footprint(name="a", packaging="zip", limit_bytes=1)) == []


def test_a_series_is_a_box_and_its_points() -> None:
    """Least, quartiles, most; a start that never answered has no point in the second chart."""
    whole = series("a", 100)
    silent = replace(whole, starts=(replace(whole.starts[0], first_answer_ms=None),))

    (row,) = starts([whole])
    assert row["ready"] == [100, 102.25, 104.5, 106.75, 109]
    (row,) = starts([silent])
    assert row["answer"] is None
    assert row["memory"] == [100 * MB] * 5


def test_a_layer_says_whether_it_would_be_sent() -> None:
    """Known to be there, to send, or not made yet."""
    page = html(PAGE)

    assert "<td>is there</td>" in page
    assert "<td>5 B to send</td>" in page
    assert "<td>not made yet</td>" in page
