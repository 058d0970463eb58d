"""A report as one file that needs no network: text, data, script and styles in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files

from imagekit.model.durations import duration
from imagekit.model.page import Page, PageArtefact, PageLayer
from imagekit.model.sizes import size
from imagekit.model.startup import Spread
from imagekit.report.html import charts
from imagekit.report.text import percent, used_of

_ASSETS = files("imagekit.report.html")


def html(page: Page) -> str:
    """The page. The same value gives the same bytes."""
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "size": size,
        "ms": _milliseconds,
        "us": lambda us: duration(us / 1000),
        "sizes": lambda spread: size(round(spread.median)) if spread else "",
        "limit": used_of,
        "percent": percent,
        "pushed": _pushed,
    }
    return environment.from_string(_asset("page.html.j2")).render(
        page=page,
        data=_inside_script(_data(page)),
        style=_asset("page.css"),
        script=_asset("page.js"),
        library=_asset("echarts.min.js"),
    )


def _data(page: Page) -> Mapping[str, object]:
    return {
        "artefacts": [_artefact(one) for one in page.artefacts],
        "starts": charts.starts(page.series),
    }


def _artefact(artefact: PageArtefact) -> Mapping[str, object]:
    profile = artefact.profile
    return {
        "name": artefact.name,
        "treemap": charts.treemap(artefact.footprint),
        "categories": charts.categories(artefact.footprint),
        "limits": [{"name": one.what, "share": one.share} for one in artefact.limits],
        "flame": charts.flame(profile) if profile else [],
        "owners": charts.owners(profile) if profile else [],
    }


def _inside_script(data: Mapping[str, object]) -> str:
    """JSON that cannot end the script element it stands in (HTML standard, "script data")."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _milliseconds(spread: Spread | None) -> str:
    return duration(spread.median) if spread else ""


def _pushed(layer: PageLayer) -> str:
    if layer.pushed is None:
        return "not made yet" if layer.size_bytes is None else "not asked"
    if layer.pushed:
        return "is there"
    return f"{size(layer.size_bytes)} to send" if layer.size_bytes else "to send"
