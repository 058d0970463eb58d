"""uv's own switches decide whether an index may be asked."""

from __future__ import annotations

import pytest

from imagekit.project.indexes.offline import offline
from tests.project.indexes.world import World


@pytest.mark.parametrize(
    ("environ", "text", "why"),
    [
        ({}, "", None),
        ({"UV_OFFLINE": "1"}, "", "UV_OFFLINE=1"),
        ({"UV_OFFLINE": "true"}, "", "UV_OFFLINE=true"),
        ({"UV_OFFLINE": "0"}, "offline = true\n", None),
        ({"UV_OFFLINE": ""}, "offline = true\n", "`offline = true` in "),
        ({}, "offline = true\n", "`offline = true` in "),
        ({}, "offline = false\n", None),
        ({}, "no-index = true\n", "`no-index = true` in "),
        ({"UV_NO_INDEX": "yes"}, "", "UV_NO_INDEX=yes"),
        ({"UV_NO_INDEX": "false"}, "", None),
    ],
)
def test_switches(world: World, environ: dict[str, str], text: str, why: str | None) -> None:
    """Variables before files, in every spelling that uv takes."""
    world.environ |= environ
    world.write("project/uv.toml", text)
    found = offline([world.project], world.machine)

    assert (found is None) is (why is None)
    assert found is None or found.why.startswith(why or "")


def test_no_index_leaves_links_alone(world: World) -> None:
    """As in uv: pages of links are asked, indexes are not; offline nobody is."""
    world.environ |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": "https://links.test/page"}
    found = offline([], world.machine)
    assert found and found.allows("https://links.test/files/x.whl")
    assert not found.allows("https://index.test/files/x.whl")

    world.environ["UV_OFFLINE"] = "1"
    found = offline([], world.machine)
    assert found and found.network and not found.allows("https://links.test/files/x.whl")
