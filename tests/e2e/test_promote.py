"""`imagekit promote`: one digest, wherever it is wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import DOCKER, OCI, EcrRegistry
from tests.services.front import Fault
from tests.services.images import Family, layer_of, put_image
from tests.services.moto import ACCOUNT

OTHER = "210987654321"
US = "us-east-1"


@pytest.fixture
def pushed(in_ecr: Project, aws: EcrFront) -> str:
    """What `build --push` printed: the image in `team/app`."""
    aws.make("team/app")
    return succeeded(in_ecr.run("build", "--push")).stdout.strip()


def wider(
    project: Project, aws: EcrFront, account: str, region: str
) -> tuple[Project, EcrRegistry]:
    """The project with a way to one more registry."""
    registry = aws.registry(account, region)
    return project.with_env(**aws.env), registry


def test_other_regions_and_accounts_get_the_same_digest(
    in_ecr: Project, aws: EcrFront, pushed: str
) -> None:
    """In one command: streamed from the source, references with the digest, in their order."""
    project, us = wider(in_ecr, aws, ACCOUNT, US)
    project, other = wider(project, aws, OTHER, "eu-west-1")
    places = [
        aws.make("team/app", ACCOUNT, US),
        aws.make("apps/scoring", OTHER, "eu-west-1"),
    ]
    done = succeeded(project.run("promote", "app", us.host, places[1], "--tag", "v1"))

    digest = pushed.partition("@")[2]
    assert done.stdout.splitlines() == [f"{place}@{digest}" for place in places]
    assert us.repositories["team/app"].images[digest].tags == {"v1"}
    assert other.repositories["apps/scoring"].images[digest].tags == {"v1"}
    assert done.stderr.count("app  ") == 2


def test_again_nothing_is_sent(in_ecr: Project, aws: EcrFront, pushed: str) -> None:
    """What is there already costs one request a destination, and is said."""
    project, us = wider(in_ecr, aws, ACCOUNT, US)
    aws.make("team/app", ACCOUNT, US)
    first = succeeded(project.run("promote", "app", us.host))
    aws.forget()
    again = succeeded(project.run("promote", "app", us.host))

    assert again.stdout == first.stdout
    assert "was there already" in again.stderr
    assert [one.method for one in us.seen if one.status < 400] == ["GET"]


@pytest.mark.parametrize("mounting", [True, False])
def test_within_a_registry_blobs_are_mounted_where_ecr_does_that(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, pushed: str, mounting: bool
) -> None:
    """With the account setting nothing is sent; without it the same command sends all (E13)."""
    ecr.mounting = mounting
    aws.make("prod/app")
    aws.forget()
    done = succeeded(in_ecr.run("promote", pushed, f"{ecr.host}/prod/app", "--json"))
    (image,) = json.loads(done.stdout)["images"]

    assert image["reference"] == f"{ecr.host}/prod/app@{pushed.partition('@')[2]}"
    assert (image["sent_bytes"] == 0) == mounting
    assert (image["mounted_bytes"] > 0) == mounting


def test_another_key_is_no_place_to_mount_from(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, pushed: str
) -> None:
    """ECR mounts between repositories with identical encryption alone; else it is sent (E13)."""
    ecr.mounting = True
    aws.make("prod/app", encryptionConfiguration={"encryptionType": "KMS"})
    done = succeeded(in_ecr.run("promote", pushed, f"{ecr.host}/prod/app", "--json"))

    assert json.loads(done.stdout)["images"][0]["mounted_bytes"] == 0


def test_a_missing_repository_is_refused_or_made(
    in_ecr: Project, aws: EcrFront, pushed: str
) -> None:
    """Exit 3 with a hint, nothing sent; with --create it is made."""
    project, us = wider(in_ecr, aws, ACCOUNT, US)
    done = project.run("promote", "app", us.host)
    assert done.returncode == 3
    assert "run it again with --create, or: aws ecr create-repository" in done.stderr
    assert us.saw("POST") == []

    succeeded(project.run("promote", "app", us.host, "--create"))
    assert us.repositories["team/app"].mutability == "IMMUTABLE_WITH_EXCLUSION"


def test_an_immutable_tag_is_refused_before_a_byte_is_sent(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, pushed: str, registry: str, tmp_path: Path
) -> None:
    """ECR would say so only after all layers (E16)."""
    aws.make("prod/app", imageTagMutability="IMMUTABLE")
    layer = layer_of({"a": b"1"}, tmp_path)
    other = put_image(registry, "other:1", [layer], {})
    succeeded(in_ecr.run("promote", other, f"{ecr.host}/prod/app:v1"))
    aws.forget()
    done = in_ecr.run("promote", pushed, f"{ecr.host}/prod/app:v1")

    assert done.returncode == 3
    assert "the tag v1 of" in done.stderr
    assert "push under a new tag" in done.stderr
    assert ecr.saw("POST") == ecr.saw("PUT") == []
    succeeded(in_ecr.run("promote", other, f"{ecr.host}/prod/app:v1"))


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_what_a_tag_names_is_taken_by_digest(
    in_ecr: Project, ecr: EcrRegistry, aws: EcrFront, registry: str, tmp_path: Path, family: str
) -> None:
    """Whatever the family, the manifest arrives byte for byte, under the source's tag (E18)."""
    layer = layer_of({"a": family.encode()}, tmp_path)
    kind: Family = "oci" if family == "oci" else "docker"
    digest = put_image(registry, f"{family}:v7", [layer], {}, family=kind).partition("@")[2]
    for name in ("one", "two"):
        aws.make(f"{name}/app")
    succeeded(in_ecr.run("promote", f"{registry}/{family}:v7", f"{ecr.host}/one/app"))
    done = succeeded(
        in_ecr.run("promote", f"{ecr.host}/one/app:v7", f"{ecr.host}/two/app", "--tag", "v8")
    )

    assert done.stdout.strip() == f"{ecr.host}/two/app@{digest}"
    image = ecr.repositories["two/app"].images[digest]
    assert image.tags == {"v8"}
    assert image.media_type == (OCI if family == "oci" else DOCKER)
    assert ecr.repositories["one/app"].images[digest].tags == {"v7"}


def test_one_destination_that_fails_does_not_stop_the_others(
    in_ecr: Project, aws: EcrFront, pushed: str
) -> None:
    """Exit 3, said which; the same again sends to that one alone."""
    project, us = wider(in_ecr, aws, ACCOUNT, US)
    project, other = wider(project, aws, OTHER, "eu-west-1")
    for account, region in ((ACCOUNT, US), (OTHER, "eu-west-1")):
        aws.make("team/app", account, region)
    us.fault(Fault(method="PUT", path="/blobs/", times=99, status=403))
    done = project.run("promote", "app", us.host, other.host)

    assert done.returncode == 3
    assert done.stdout.splitlines() == [f"{other.host}/team/app@{pushed.partition('@')[2]}"]
    assert "1 of 2 destinations did not get the image" in done.stderr
    assert "hint: type the same again" in done.stderr

    aws.forget()
    us._faults.clear()
    again = succeeded(project.run("promote", "app", us.host, other.host))
    assert len(again.stdout.splitlines()) == 2
    assert other.saw("PUT") == []


def test_what_is_cut_off_is_sent_again(in_ecr: Project, aws: EcrFront, pushed: str) -> None:
    """An upload that broke off starts anew in a new session (E5, E7)."""
    project, us = wider(in_ecr, aws, ACCOUNT, US)
    aws.make("team/app", ACCOUNT, US)
    us.fault(Fault(method="PUT", path="/blobs/", hang_up="before", times=2))
    us.fault(Fault(method="PUT", path="/manifests/", hang_up="after"))
    succeeded(project.run("promote", "app", us.host))

    assert us.repositories["team/app"].images.keys() == {pushed.partition("@")[2]}
    assert us.saw("PATCH") == []
    assert us.busiest <= 6


@pytest.mark.parametrize("form", ["oci", "docker-archive"])
def test_a_file_is_an_artefact(in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, form: str) -> None:
    """A layout (the base's layers come from where they lie) or an archive, by digest alone."""
    aws.make("team/app")
    built = in_ecr.build("--format", form)
    done = succeeded(in_ecr.run("promote", built["path"], f"{ecr.host}/team/app"))

    if form == "oci":
        assert done.stdout.strip() == f"{ecr.host}/team/app@{built['digest']}"
    (image,) = ecr.repositories["team/app"].images.values()
    assert image.tags == set()


def test_a_function_that_was_not_pushed_goes_from_its_layout(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """`build`, then `promote`: the newest build, wherever it is; imagekit's own tag."""
    aws.make("team/app")
    built = in_ecr.build()
    done = succeeded(in_ecr.run("promote", "app", f"{ecr.host}/team/{{function}}"))

    assert done.stdout.strip() == f"{ecr.host}/team/app@{built['digest']}"
    assert ecr.repositories["team/app"].images[built["digest"]].tags == {"imagekit-app-x86_64"}


def test_another_machine_takes_what_was_pushed(
    in_ecr: Project, aws: EcrFront, pushed: str, tmp_path: Path
) -> None:
    """With an empty store: what imagekit's own tag names in the function's repository."""
    project, us = wider(in_ecr, aws, ACCOUNT, US)
    aws.make("team/app", ACCOUNT, US)
    elsewhere = project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty"))
    done = succeeded(elsewhere.run("promote", "app", us.host))

    assert done.stdout.strip() == f"{us.host}/team/app@{pushed.partition('@')[2]}"


def test_wrong_words_are_refused(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, pushed: str
) -> None:
    """Exit 2, and what to write instead."""
    host, digest = ecr.host, f"sha256:{'0' * 64}"
    wrong = {
        ("app", f"{host}/team/app@{digest}"): "names a digest",
        ("app", f"{host}/b"): "ECR's",
        (f"{host}/team/app:none", f"{host}/bb"): "is not there",
        (str(in_ecr.folder / "x.zip"), f"{host}/bb"): "is a ZIP",
        ("app", f"{host}/bb", "--tag", "v {function}"): "'v app' is not a tag",
        ("app", f"{host}/bb", "--tag", "{stage}"): "a placeholder that is not known",
        (pushed, f"{host}/{{function}}"): "is no function here",
        ("app", f"{host}/Team"): "not an image reference",
    }
    (in_ecr.folder / "x.zip").write_bytes(b"PK\3\4")
    for arguments, said in wrong.items():
        done = in_ecr.run("promote", *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert said in done.stderr, (arguments, done.stderr)
        assert "hint:" in done.stderr


def test_dockers_image_is_an_artefact(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, docker_engine: str
) -> None:
    """Docker keeps no manifest: one is made, layers compressed, and Lambda would take it."""
    aws.make("team/app")
    project = in_ecr.with_env(DOCKER_HOST=docker_engine)
    project.build()
    name = succeeded(project.run("build", "--load")).stdout.strip()
    older = project.run("promote", "app", f"{ecr.host}/team/app")
    done = succeeded(project.run("promote", name, f"{ecr.host}/team/app:docker"))

    assert older.returncode == 2, "what lies in `dist` is not what the last build made"
    assert "the newest build of app was loaded into Docker alone" in older.stderr
    assert f"hint: imagekit build app, or name {name} in its place" in older.stderr
    assert ecr.repositories["team/app"].tagged("docker") is not None
    succeeded(project.run("check", done.stdout.strip()))
    missing = project.run("promote", "docker:no-such-image", f"{ecr.host}/team/app")
    assert missing.returncode == 3
