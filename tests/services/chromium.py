"""A page in a real browser without a window: what its script made of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from msgspec import Struct

from tests.services.needs import have, needs


class Shown(Struct, frozen=True):
    """The document after its scripts ran."""

    dom: str

    def said(self, name: str) -> str:
        """A `data-NAME` of the root element."""
        root = re.match(r"(?:<!DOCTYPE html>\s*)?<html[^>]*>", self.dom, re.IGNORECASE)
        found = re.search(rf'data-{name}="([^"]*)"', root[0] if root else "")
        assert found, f"no data-{name} on the page"
        return found[1]

    def charts(self) -> list[tuple[str, int, int]]:
        """Of each chart: its kind, how many things it says to show, and the shapes drawn."""
        places = re.split(r'(?=<div class="chart)', self.dom)[1:]
        found = []
        for place in places:
            kind = re.search(r'data-chart="(\w+)"', place)
            shows = re.search(r'data-shows="(\d+)"', place)
            assert kind and shows, place[:300]
            drawing = place[: place.find("</svg>")]
            found.append((kind[1], int(shows[1]), len(re.findall("<path", drawing))))
        return found

    def element(self, identifier: str) -> str:
        """The text of the element with that id."""
        found = re.search(rf'id="{identifier}"[^>]*>([^<]*)<', self.dom)
        assert found, f"no element {identifier}"
        return found[1]


def shown(page: Path, profile: Path) -> Shown:
    """Open `page` in Chromium, with a folder of its own, and let its scripts run."""
    needs("browser", "chromium")
    have("browser", "Chromium")
    done = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-dev-shm-usage", f"--user-data-dir={profile}"),
            *("--virtual-time-budget=5000", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Shown(done.stdout)
