"""`publish.regions` and `publish.accounts`: one base in every registry that needs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.shared_bases import DAY, TODAY, Platform
from tests.services.cli import succeeded
from tests.services.ecr_front import REGION, EcrFront, Refusal
from tests.services.ecr_registry import EcrRegistry
from tests.services.front import Fault
from tests.services.index import Index
from tests.services.moto import ACCOUNT
from tests.services.wheels import make_wheel

OTHER = "210987654321"
US = "us-east-1"
EVERYWHERE = [(ACCOUNT, REGION), (ACCOUNT, US), (OTHER, REGION), (OTHER, US)]
TAG = f"{TODAY}-x86_64"
PUBLISH = ("publish", "team", "--arch", "x86_64")


@pytest.fixture
def team(
    tmp_path: Path,
    wheels: Path,
    index: Index,
    aws_base: str,
    aws: EcrFront,
    uv_env: Callable[[Index], dict[str, str]],
) -> Platform:
    """A base for two regions of two accounts."""
    for place in EVERYWHERE:
        aws.registry(*place)
    found = Platform(folder=tmp_path / "platform", env={**uv_env(index), **aws.env, **DAY})
    alpha = make_wheel(wheels, "alpha", "1.0", {"alpha/__init__.py": b"VERSION = '1.0'\n"})
    more = f'[publish]\nrepository = "bases/team"\nregions = ["{US}"]\naccounts = ["{OTHER}"]\n'
    found.share("team", aws_base, [alpha], index, more)
    return found


def tags(registry: EcrRegistry) -> dict[str, str]:
    """Digest by tag, in `bases/team`."""
    images = registry.repositories["bases/team"].images.values()
    return {tag: one.digest for one in images for tag in one.tags}


def test_the_same_digest_in_every_region_and_account(team: Platform, aws: EcrFront) -> None:
    """Side by side, each account in each region; one reference on stdout, the rest is said."""
    for place in EVERYWHERE:
        aws.make("bases/team", *place)
    done = succeeded(team.run(*PUBLISH))

    home = aws.registry(ACCOUNT, REGION)
    digest = tags(home)[TAG]
    assert done.stdout.strip() == f"{home.host}/bases/team:{TAG}@{digest}"
    assert [tags(aws.registry(*place)) for place in EVERYWHERE] == [{TAG: digest}] * 4
    for place in EVERYWHERE[1:]:
        assert f"also {aws.registry(*place).host}/bases/team:{TAG}@{digest}" in done.stderr


def test_again_nothing_is_sent(team: Platform, aws: EcrFront) -> None:
    """Known as there already, everywhere; nothing but looks."""
    for place in EVERYWHERE:
        aws.make("bases/team", *place)
    (first,) = team.made(*PUBLISH)
    aws.forget()
    (again,) = team.made(*PUBLISH)

    assert again["elsewhere"] == first["elsewhere"]
    assert len(again["elsewhere"]) == 3
    assert again["there"]
    assert again["sent_bytes"] == 0
    for place in EVERYWHERE:
        registry = aws.registry(*place)
        assert registry.saw("POST") == registry.saw("PUT") == []


def test_one_that_is_missing_stops_all(team: Platform, aws: EcrFront) -> None:
    """Exit 3 before a byte is sent anywhere: all that are missing, and what makes them."""
    aws.make("bases/team")
    done = team.run(*PUBLISH)

    assert done.returncode == 3
    assert "3 of 4 places cannot take the base" in done.stderr
    for account, region in EVERYWHERE[1:]:
        assert f"there is no repository bases/team in {region} of account {account}" in done.stderr
    assert aws.registry(ACCOUNT, REGION).saw("POST") == []


def test_one_with_other_content_stops_all(team: Platform, aws: EcrFront) -> None:
    """A published tag keeps its content, wherever it is."""
    for place in EVERYWHERE:
        aws.make("bases/team", *place)
    aws.registry(OTHER, US).add("bases/team", {"n": 1}, TAG)
    done = team.run(*PUBLISH)

    assert done.returncode == 3
    assert "there with other content" in done.stderr
    assert all(aws.registry(*place).saw("POST") == [] for place in EVERYWHERE)


def test_a_moving_tag_that_ecr_keeps_stops_all(
    team: Platform, aws: EcrFront, tmp_path: Path
) -> None:
    """The tag may move by the definition, and one repository does not let it."""
    for place in EVERYWHERE:
        aws.make("bases/team", *place, imageTagMutability="IMMUTABLE")
    path = team.folder / "base_images" / "team" / "base.toml"
    path.write_text(path.read_text() + 'tags = { moving = "stable" }\n')
    aws.registry(OTHER, US).add("bases/team", {"n": 1}, "stable-x86_64")
    done = team.run(*PUBLISH)

    assert done.returncode == 3
    assert "immutable" in done.stderr
    assert all(aws.registry(*place).saw("POST") == [] for place in EVERYWHERE)


def test_one_that_fails_leaves_the_others_and_is_finished_later(
    team: Platform, aws: EcrFront
) -> None:
    """The others have it; the same command sends what is missing, under the same tag."""
    for place in EVERYWHERE:
        aws.make("bases/team", *place)
    us = aws.registry(ACCOUNT, US)
    us.fault(Fault(method="PUT", path="/manifests/", status=403, times=9))
    done = team.run(*PUBLISH)
    assert done.returncode == 3
    assert "1 of 4 places did not get the base" in done.stderr
    assert us.host in done.stderr
    assert list(tags(aws.registry(OTHER, US))) == [TAG]
    assert tags(us) == {}

    us._faults.clear()
    succeeded(team.run(*PUBLISH))
    assert tags(us) == tags(aws.registry(OTHER, US))


def test_the_configuration_makes_what_is_missing(team: Platform, aws: EcrFront) -> None:
    """`ecr.create`: at home, as ECR makes repositories in the caller's account alone."""
    (team.folder / "imagekit.toml").write_text("[ecr]\ncreate = true\n", encoding="utf-8")
    for place in EVERYWHERE[2:]:
        aws.make("bases/team", *place)
    succeeded(team.run(*PUBLISH))

    made = [(one.account, one.region) for one in aws.called("CreateRepository")]
    assert sorted(made) == sorted(EVERYWHERE[:2])


def test_elsewhere_goes_nowhere_else(team: Platform, aws: EcrFront) -> None:
    """`--to` is instead of all of them."""
    aws.make("trial/team")
    (made,) = team.made(*PUBLISH, "--to", "trial/team")

    assert "elsewhere" not in made


def test_regions_are_of_ecr_alone(team: Platform, registry: str) -> None:
    """Exit 2, before anything is composed."""
    path = team.folder / "base_images" / "team" / "base.toml"
    path.write_text(path.read_text().replace('"bases/team"', f'"{registry}/bases/team"'))
    done = team.run(*PUBLISH)

    assert done.returncode == 2
    assert "publish.regions and publish.accounts are of ECR" in done.stderr


def test_who_may_not_make_it_is_told(team: Platform, aws: EcrFront) -> None:
    """In AWS's words, for every place."""
    (team.folder / "imagekit.toml").write_text("[ecr]\ncreate = true\n", encoding="utf-8")
    aws.refuse(Refusal(action="CreateRepository", code="AccessDeniedException"))
    done = team.run(*PUBLISH)

    assert done.returncode == 3
    assert "ecr:CreateRepository" in done.stderr
    assert json.dumps(US) not in done.stdout
