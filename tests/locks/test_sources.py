"""The indexes that poetry and pdm projects name are those that uv asks."""

from __future__ import annotations

from imagekit.project.locks.sources import uv_environ

PDM = {
    "tool": {
        "pdm": {
            "source": [
                {"name": "pypi", "url": "https://mirror.test/simple"},
                {"name": "own", "url": "https://${USER}:${TOKEN}@own.test/simple"},
                {"name": "flat", "url": "https://flat.test/", "type": "find_links"},
                {"name": "nowhere"},
                "nonsense",
            ]
        }
    }
}


def test_an_index_that_the_lock_names_is_asked_alone() -> None:
    """poetry says of each package where it is from; no other index may have its name."""
    said = uv_environ("https://own.test/simple", PDM, {"UV_INDEX": "https://user.test/simple"})

    assert said == {"UV_DEFAULT_INDEX": "https://own.test/simple"}


def test_pdms_sources() -> None:
    """`pypi` is the default, others come first, variables are filled in where they are set."""
    said = uv_environ(None, PDM, {"USER": "me", "UV_INDEX": "https://user.test/simple"})

    assert said == {
        "UV_DEFAULT_INDEX": "https://mirror.test/simple",
        "UV_FIND_LINKS": "https://flat.test/",
        "UV_INDEX": "https://me:${TOKEN}@own.test/simple https://user.test/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_strategy_that_the_user_chose_stays() -> None:
    """UV_INDEX_STRATEGY is the user's word."""
    said = uv_environ(None, PDM, {"UV_INDEX_STRATEGY": "first-index"})

    assert said["UV_INDEX_STRATEGY"] == "first-index"


def test_nothing_said_is_uvs_own_configuration() -> None:
    """Without sources uv asks where it always does."""
    assert uv_environ(None, {}, {}) == {}
