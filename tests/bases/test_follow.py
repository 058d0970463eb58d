"""Which image a base follows, and at which tag: the lock's, as long as it is of that image."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.bases.definition import DebianOrigin, Definition, Source
from imagekit.bases.follow import as_pinned, at, followed
from imagekit.model.digest import Digest
from imagekit.model.reference import Reference

TEAM = Reference.parse("r.example/bases/team:2026.11.18")
DIGEST = Digest.of(b"newer")
DEFINED = Definition(name="team", path=Path("base_images/team/base.toml"), origin=TEAM)
DEBIAN = Definition(
    name="deb", path=Path("b.toml"), origin=DebianOrigin(suite="trixie", packages=("python3.13",))
)


def test_a_reference_and_a_definition_over_one_follow_it() -> None:
    """Everything else has no tag that could move."""
    assert followed(TEAM) == TEAM
    assert followed(DEFINED) == TEAM
    assert followed(DEBIAN) is None
    assert followed(Path("base.oci")) is None


@pytest.mark.parametrize("source", [TEAM, DEFINED], ids=["reference", "definition"])
def test_the_tag_of_the_pin_is_the_one_in_use(source: Source) -> None:
    """Though the configuration still names the one that it began with."""
    moved = as_pinned(source, f"r.example/bases/team:2026.12.01@{DIGEST}")

    assert followed(moved) == TEAM.tagged("2026.12.01")
    assert moved == at(source, TEAM.tagged("2026.12.01"))


@pytest.mark.parametrize(
    "pinned",
    [f"r.example/bases/other:2026.12.01@{DIGEST}", f"r.example/bases/team@{DIGEST}", "/a/folder"],
)
def test_a_pin_of_another_image_moves_nothing(pinned: str) -> None:
    """Nor one without a tag, nor a folder."""
    assert as_pinned(TEAM, pinned) == TEAM


def test_a_digest_in_the_configuration_is_not_moved_by_a_lock() -> None:
    """It says all there is to say, with a tag or without."""
    held = Reference.parse(f"{TEAM}@{DIGEST}")

    assert as_pinned(held, f"r.example/bases/team:2026.12.01@{DIGEST}") == held
    assert as_pinned(TEAM.at(DIGEST), f"{TEAM}@{DIGEST}") == TEAM.at(DIGEST)


def test_what_is_composed_here_stays_what_it_is() -> None:
    """Its pin names a base of this machine, not a repository."""
    assert as_pinned(DEBIAN, f"deb@{DIGEST}") == DEBIAN
