"""One image for several handlers: built once, sent once, the same digest everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.releasing import Cloud, Runner
from tests.services.ecr_registry import EcrRegistry

APP = """\
import demo


def handler(event, context):
    return {number}


def second(event, context):
    return {number}


def third(event, context):
    return {number}
"""
NAMES = ("app", "second", "third")


def change(runner: Runner, number: int) -> None:
    """Other code for all of them."""
    (runner.folder / "app.py").write_text(APP.format(number=number), encoding="utf-8")


@pytest.fixture
def three(runner: Runner) -> Runner:
    """The project with two further handlers in the same source; not released yet."""
    path = runner.folder / "imagekit.toml"
    more = "".join(f'[functions.{name}]\nhandler = "app.{name}"\n' for name in NAMES[1:])
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    change(runner, 1)
    return runner


def in_one_repository(runner: Runner) -> None:
    path = runner.folder / "imagekit.toml"
    text = path.read_text(encoding="utf-8").replace("team/{function}", "team/all")
    path.write_text(text, encoding="utf-8")


def commands(cloud: Cloud) -> dict[str, tuple[str, ...]]:
    """What each function says in place of the image's command."""
    found = {name: cloud.world.place.functions.get(name) for name in NAMES}
    return {name: one.command for name, one in found.items() if one}


def sent(ecr: EcrRegistry) -> list[str]:
    """Digest of every blob whose bytes came in."""
    taken = [one for one in ecr.saw("PUT", "/blobs/") if one.status == 201]
    return sorted(one.path.rpartition("digest=")[2] for one in taken)


def test_one_repository_gets_it_once(three: Runner, cloud: Cloud, ecr: EcrRegistry) -> None:
    """Each blob is sent once, one image is there under three tags, and three functions run it."""
    in_one_repository(three)
    cloud.aws.forget()
    ended = three.release()
    assert ended.status == 0, ended

    (picture,) = ecr.repositories["team/all"].images.values()
    assert picture.tags == {f"imagekit-{name}-x86_64" for name in NAMES}
    assert sent(ecr) == sorted(set(sent(ecr)))
    assert {cloud.serving(name) for name in NAMES} == {picture.digest.removeprefix("sha256:")}
    assert commands(cloud) == {"app": (), "second": ("app.second",), "third": ("app.third",)}


def test_whoever_is_released_it_is_the_same_image(three: Runner, cloud: Cloud) -> None:
    """One of them alone, on another machine: nothing differs, and nothing is called."""
    assert three.release().status == 0
    cloud.world.front.forget()
    again = three.release(None, "third")

    assert "nothing differs, and nothing was called" in again.said
    assert cloud.world.front.changes() == []


@pytest.mark.parametrize("mounting", [True, False])
def test_other_repositories_mount_it(
    three: Runner, cloud: Cloud, ecr: EcrRegistry, mounting: bool
) -> None:
    """Sent into the first one; the others take it from there, where ECR does that (E13, E14)."""
    ecr.mounting = mounting
    assert three.release().status == 0
    change(three, 2)
    cloud.aws.forget()
    ended = three.release()
    assert ended.status == 0, ended

    digests = {cloud.serving(name) for name in NAMES}
    assert len(digests) == 1
    config = ecr.repositories["team/app"].images[f"sha256:{digests.pop()}"].blobs[-1]
    layers = [digest for digest in sent(ecr) if digest != config]
    assert len(layers) == (1 if mounting else 3)


@pytest.mark.parametrize("deploys", [False, True], ids=["no deployment", "tfvars"])
def test_what_others_deploy_starts_by_itself(
    three: Runner, cloud: Cloud, tmp_path: Path, deploys: bool
) -> None:
    """Terraform names no handler: each of the images that it is given calls its own."""
    in_one_repository(three)
    file = tmp_path / "images.tfvars.json"
    ended = three.release(deploys=deploys, tfvars=file)
    assert ended.status == 0, ended

    images = json.loads(file.read_text(encoding="utf-8"))["images"]
    assert len(set(images.values())) == 3
    assert commands(cloud) == ({"app": (), "second": (), "third": ()} if deploys else {"app": ()})


def test_a_function_moves_to_the_shared_image(three: Runner, cloud: Cloud) -> None:
    """From an image of its own: its handler is named first, then the code comes."""
    assert three.release(deploys=False).status == 0
    text = (three.folder / "imagekit.toml").read_text(encoding="utf-8")
    (three.folder / "imagekit.toml").write_text(
        text.replace('handler = "app.second"', 'handler = "app.second"\nenv = { OWN = "1" }'),
        encoding="utf-8",
    )
    assert three.release().status == 0
    assert commands(cloud)["second"] == ()
    (three.folder / "imagekit.toml").write_text(text, encoding="utf-8")
    cloud.world.front.forget()
    assert three.release().status == 0

    assert cloud.world.front.changes("second") == [
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "PublishVersion",
        "UpdateAlias",
    ]
    assert commands(cloud)["second"] == ("app.second",)


def test_one_tag_for_all(three: Runner, ecr: EcrRegistry) -> None:
    """One image under one tag is no collision; of other contents it still is."""
    in_one_repository(three)
    assert three.release(outputs={"tags": ("v1",)}).status == 0
    assert ecr.repositories["team/all"].tagged("v1") is not None
    text = (three.folder / "imagekit.toml").read_text(encoding="utf-8")
    (three.folder / "imagekit.toml").write_text(
        text.replace('handler = "app.second"', 'handler = "app.second"\nenv = { OWN = "1" }'),
        encoding="utf-8",
    )
    refused = three.release(outputs={"tags": ("v2",)})

    assert refused.status == 2
    assert "app and second would both be pushed there" in str(refused.error)
