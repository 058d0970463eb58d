"""`layer_repository`: a layer is made by one project, and every other of the team mounts it."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.deploy.world import ROLE
from tests.e2e.projects import Project, write_project, write_pylock
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront, Refusal
from tests.services.ecr_registry import OCI, EcrRegistry
from tests.services.front import Fault, Front
from tests.services.index import Index
from tests.services.lambda_front import LambdaFront
from tests.services.wheels import make_wheel, with_version

LAYERS = 3
"""One for each wheel."""


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """A counting front before the registry."""
    with Front(registry) as served:
        yield served


class Team(Struct, frozen=True, kw_only=True):
    """Two projects over the same wheels, each with its own repository; every run is a machine that
    has nothing yet, unless it is the same number again."""

    first: Project
    second: Project
    layers: str
    folder: Path

    def store(self, number: int) -> dict[str, str]:
        return {"IMAGEKIT_CACHE_DIR": str(self.folder / f"machine{number}")}

    def push(self, project: Project, number: int, *arguments: str) -> dict[str, Any]:
        return project.build("--push", *arguments, env=self.store(number))


def add_wheels(wheels: Path) -> None:
    make_wheel(wheels, "alpha", "1.0", {"alpha.py": b"A = 1\n", "alpha.bin": os.urandom(2_000_000)})
    make_wheel(wheels, "beta", "1.0", {"beta.py": b"B = 1\n" * 2000})


def a_second(first: Project, folder: Path, wheels: Path, index: Index) -> Project:
    """Another project of the team: the same wheels and configuration, other source."""
    write_project(folder, files={"app.py": "import beta\n\n\ndef handler(e, c):\n    return 2\n"})
    text = (first.folder / "imagekit.toml").read_text(encoding="utf-8")
    (folder / "imagekit.toml").write_text(text.replace("functions.app", "functions.other"))
    write_pylock(folder, wheels.glob("*.whl"), index)
    found = Project(folder=folder, env=first.env)
    succeeded(found.run("lock"))
    return found


@pytest.fixture
def team(imaged: Project, wheels: Path, index: Index, front: Front, tmp_path: Path) -> Team:
    """Nothing is pushed yet."""
    add_wheels(wheels)
    name = re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")
    layers = f"{front.host}/shared/{name}/layers"
    write_pylock(imaged.folder, wheels.glob("*.whl"), index)
    keys = f'repository = "{front.host}/shared/{name}/{{function}}"\nlayer_repository = "{layers}"'
    imaged.replace('packaging = "image"', f'{keys}\npackaging = "image"')
    succeeded(imaged.run("lock"))
    second = a_second(imaged, tmp_path / "second", wheels, index)
    return Team(first=imaged, second=second, layers=layers, folder=tmp_path)


def get(reference: str, what: str) -> Any:
    host, _, name = reference.partition("/")
    request = urllib.request.Request(f"http://{host}/v2/{name}/{what}", headers={"Accept": OCI})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def tags(team: Team) -> list[str]:
    return sorted(get(team.layers, "tags/list")["tags"])


def of_packages(made: dict[str, Any]) -> list[str]:
    return [layer["digest"] for layer in made["layers"] if layer["packages"]]


def test_every_package_layer_is_kept(team: Team) -> None:
    """One artefact a layer, tagged by fingerprint, naming the layer and what is known of it; the
    source, which is nobody else's, is not among them."""
    made = team.push(team.first, 1)
    shared = {layer["fingerprint"]: layer for layer in made["layers"] if layer["packages"]}

    assert len(shared) == LAYERS
    wanted = {f"layer-{one.removeprefix('sha256:')}-rules1": one for one in shared}
    assert tags(team) == sorted(wanted)
    for tag, fingerprint in wanted.items():
        kept = get(team.layers, f"manifests/{tag}")
        assert [one["digest"] for one in kept["layers"]] == [shared[fingerprint]["digest"]]
        assert kept["artifactType"] == "application/vnd.imagekit.layer.v1"
        assert kept["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
        assert fingerprint in kept["annotations"]["dev.imagekit.layer.facts"]


def test_another_project_fetches_and_sends_none_of_them(
    team: Team, index: Index, front: Front
) -> None:
    """Empty disk, own repository: no wheel is fetched, every layer mounted; its image is the one
    that a build from the wheels makes."""
    team.push(team.first, 1)
    index.forget()
    front.forget()
    found = team.push(team.second, 2)

    assert index.downloads() == {}
    mounted = [one for one in front.saw("POST", "mount=.*layers") if one.status == 201]
    assert len(mounted) == LAYERS
    sent = " ".join(one.path for one in front.saw("PUT", "/other/blobs/"))
    assert [digest in sent for digest in of_packages(found)] == [False] * LAYERS
    assert front.saw("PUT", "/layers/") == []

    afresh = team.second.build("--output", str(team.folder / "out"), env=team.store(3), seconds=120)
    assert afresh["digest"] == found["digest"]


@pytest.mark.parametrize("machine", [1, 2])
def test_a_build_without_changes_asks_nothing_of_it(
    team: Team, index: Index, front: Front, machine: int
) -> None:
    """Neither with a full store (1) nor with an empty one (2): what the tag's image names is in the
    repository; its manifest is asked for once."""
    team.push(team.first, 1)
    index.forget()
    front.forget()
    again = team.push(team.first, machine)

    assert again["sent_bytes"] == 0
    assert not index.requests
    assert front.saw("GET", "/layers/") == front.saw("HEAD", "/layers/") == []
    assert len(front.saw("GET", "/app/manifests/")) == 1
    assert len(front.seen) == (1 if machine == 1 else 2), "the manifest, and with it the config"


def test_a_code_change_asks_nothing_of_it(team: Team, front: Front) -> None:
    """Source and config are sent, from an empty disk, too."""
    team.push(team.first, 1)
    with (team.first.folder / "app.py").open("a", encoding="utf-8") as source:
        source.write("\n# changed\n")
    front.forget()
    team.push(team.first, 2)

    assert [one for one in front.seen if "/layers/" in one.path] == []
    assert len(front.saw("GET")) == 2


def test_a_bump_keeps_that_layer_alone(
    team: Team, wheels: Path, index: Index, front: Front
) -> None:
    """The one new layer is asked for, kept, and mounted; nothing is asked of the others."""
    team.push(team.first, 1)
    old = next(wheels.glob("beta-*.whl"))
    with_version(old, "1.1")
    old.unlink()
    write_pylock(team.first.folder, wheels.glob("*.whl"), index)
    succeeded(team.first.run("lock"))
    front.forget()
    team.push(team.first, 1)

    asked = {one.path for one in front.seen if "/layers/manifests/" in one.path}
    assert len(asked) == 1
    assert len(tags(team)) == LAYERS + 1
    assert len([one for one in front.saw("PUT", "/layers/blobs/") if one.status == 201]) == 1


def test_a_new_tag_asks_for_no_blob_that_the_newest_image_has(team: Team, front: Front) -> None:
    """Pipelines tag by commit: the newest tag tells what the repository has."""
    team.push(team.first, 1)
    with (team.first.folder / "app.py").open("a", encoding="utf-8") as source:
        source.write("\n# changed\n")
    front.forget()
    team.push(team.first, 1, "--tag", "commit-2")

    assert [one for one in front.seen if "/layers/" in one.path] == []
    assert len(front.saw("HEAD", "/blobs/")) <= 2


def test_it_can_be_turned_off(team: Team, index: Index, front: Front) -> None:
    """`--no-reuse`: nothing is taken from there, whatever it says."""
    team.push(team.first, 1)
    index.forget()
    front.forget()
    team.push(team.second, 2, "--no-reuse")

    assert len(index.downloads()) == LAYERS
    assert front.saw("GET", "/layers/manifests/") == []


@pytest.mark.parametrize("lie", ["diff_id", "type", "blob", "facts"])
def test_what_is_not_true_is_not_used(team: Team, index: Index, front: Front, lie: str) -> None:
    """Another diff_id, another media type, a blob that is gone, no facts: the layer is made here,
    the image is the right one, and `--verbose` says why."""
    right = team.push(team.first, 1)
    alpha = next(one for one in right["layers"] if "alpha 1.0" in one["packages"])
    tag = f"layer-{alpha['fingerprint'].removeprefix('sha256:')}-rules1"
    kept = get(team.layers, f"manifests/{tag}")
    digest = kept["layers"][0]["digest"]
    if lie == "diff_id":
        kept["layers"][0]["annotations"]["containerd.io/uncompressed"] = f"sha256:{'0' * 64}"
    elif lie == "type":
        kept["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
    elif lie == "facts":
        del kept["annotations"]
    if lie == "blob":
        front.fault(Fault(method="HEAD", path=f"/layers/blobs/{digest}", status=404, times=9))
    else:
        body = json.dumps(kept).encode()
        front.fault(Fault(method="GET", path=f"/layers/manifests/{tag}", body=body, times=9))
    index.forget()
    done = succeeded(team.second.run("build", "--push", "--json", "--verbose", env=team.store(2)))
    found = json.loads(done.stdout)["functions"][0]

    assert f"{tag} is not used" in done.stderr
    assert set(index.downloads()) == {"alpha-1.0-py3-none-any.whl"}
    layers = {layer["fingerprint"]: layer["digest"] for layer in right["layers"]}
    shared = [layer for layer in found["layers"] if layer["packages"]]
    assert all(layers[layer["fingerprint"]] == layer["digest"] for layer in shared)


def test_trouble_there_costs_the_sharing_alone(team: Team, front: Front) -> None:
    """Refused for reading and for writing: one warning, and the image is pushed as without it."""
    for method in ("GET", "HEAD", "POST", "PUT"):
        front.fault(Fault(method=method, path="/layers/", status=403, times=99))
    done = succeeded(team.first.run("build", "--push", env=team.store(1)))

    assert done.stderr.count("warning: layers are not kept in") == 1
    assert "@sha256:" in done.stdout


def test_two_projects_at_once(team: Team) -> None:
    """Both have every layer to keep: both succeed, and each is kept once."""
    both = [
        project.with_env(**team.store(number)).start("build", "--push", "--json")
        for number, project in enumerate((team.first, team.second))
    ]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]

    assert [status for _, status in ended] == [0, 0], ended
    assert len(tags(team)) == LAYERS


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("team/layers:v1", "names a tag; layers are tagged by what they are made of"),
        ("Team Layers", "is not a repository"),
        (f"team/layers@sha256:{'0' * 64}", "names a digest"),
        ("team/{stage}", "{stage} is not known"),
    ],
)
def test_what_is_no_repository_for_layers(imaged: Project, value: str, problem: str) -> None:
    """Exit 2, at its key."""
    imaged.replace('packaging = "image"', f'layer_repository = "{value}"\npackaging = "image"')
    done = imaged.run("plan")

    assert done.returncode == 2
    assert "layer_repository: " in done.stderr
    assert problem in done.stderr


@pytest.fixture
def in_team(in_ecr: Project, wheels: Path, index: Index, aws: EcrFront) -> Project:
    """A project in ECR whose layers go to `team/layers`; its own repository is there."""
    add_wheels(wheels)
    write_pylock(in_ecr.folder, wheels.glob("*.whl"), index)
    in_ecr.replace('packaging = "image"', 'layer_repository = "team/layers"\npackaging = "image"')
    succeeded(in_ecr.run("lock"))
    aws.make("team/app")
    return in_ecr


def kept_in(ecr: EcrRegistry) -> list[str]:
    return sorted(
        tag for one in ecr.repositories["team/layers"].images.values() for tag in one.tags
    )


@pytest.fixture
def beside(in_team: Project, tmp_path: Path, wheels: Path, index: Index) -> Project:
    """Another project of the team, on a machine that has nothing."""
    found = a_second(in_team, tmp_path / "second", wheels, index)
    return found.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "fresh"))


@pytest.mark.parametrize("mounting", [True, False])
def test_ecr_mounts_from_it(
    in_team: Project,
    beside: Project,
    index: Index,
    aws: EcrFront,
    ecr: EcrRegistry,
    mounting: bool,
) -> None:
    """Blobs that a manifest names are mounted, where the account setting is on: the second project
    sends its source and its config. Else they are streamed, and nothing is fetched either way."""
    ecr.mounting = mounting
    aws.make("team/layers", imageTagMutability="IMMUTABLE")
    aws.make("team/other")
    succeeded(in_team.run("build", "--push"))
    aws.forget()
    index.forget()
    found = beside.build("--push")

    assert len(kept_in(ecr)) == LAYERS
    assert index.downloads() == {}
    sent = " ".join(one.path for one in ecr.saw("PUT", "/team/other/blobs/"))
    assert [digest in sent for digest in of_packages(found)] == [not mounting] * LAYERS
    assert (found["mounted_bytes"] > 2_000_000) == mounting
    assert ecr.saw("PUT", "team/layers/") == ecr.saw("POST", "team/layers/") == []
    assert {one.action for one in aws.called()} <= {"GetAuthorizationToken", "GetCallerIdentity"}


def test_the_same_layer_twice_is_sent_once(
    in_team: Project, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """Kept first, then mounted into the image's repository; what was sent is told once."""
    ecr.mounting = True
    aws.make("team/layers")
    found = in_team.build("--push")

    uploads = [one for one in ecr.saw("PUT", "/blobs/uploads/") if one.sent_bytes > 2_000_000]
    assert ["/team/layers/" in one.path for one in uploads].count(True) == 1
    own = [one for one in uploads if "/team/app/" in one.path and one.sent_bytes < 2_100_000]
    assert own == []
    assert found["sent_bytes"] > 2_000_000


def test_create_makes_it_for_layers(in_team: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """Immutable, not scanned, and no function is let in: nothing there is ever run."""
    done = succeeded(in_team.run("build", "--push", "--create"))

    made = next(one.body for one in aws.called("CreateRepository"))
    assert made["repositoryName"] == "team/layers"
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert made["imageScanningConfiguration"] == {"scanOnPush": False}
    assert aws.called("SetRepositoryPolicy") == []
    assert f"made {ecr.host}/team/layers" in done.stderr
    assert len(kept_in(ecr)) == LAYERS


def test_a_missing_one_is_said_and_the_push_goes_on(in_team: Project, ecr: EcrRegistry) -> None:
    """A cache is not worth a release: a warning with what makes it, and the image is there."""
    done = succeeded(in_team.run("build", "--push"))

    assert done.stderr.count("warning: layers are not kept in") == 1
    assert "--create, or: aws ecr create-repository --repository-name team/layers" in done.stderr
    assert done.stdout.startswith(f"{ecr.host}/team/app@sha256:")
    assert "team/layers" not in ecr.repositories


def test_who_may_not_write_there_still_reads(
    in_team: Project, tmp_path: Path, index: Index, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """A branch's build may only pull: its layers come from there, and a new one is not kept."""
    aws.make("team/layers")
    succeeded(in_team.run("build", "--push"))
    aws.make("team/branch")
    ecr.fault(Fault(method="POST", path="team/layers/", status=403, times=99))
    index.forget()
    in_team.replace('repository = "team/{function}"', 'repository = "team/branch"')
    done = succeeded(
        in_team.run("build", "--push", env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")})
    )

    assert index.downloads() == {}
    assert "warning" not in done.stderr


def test_aws_says_why_it_may_not_be_made(in_team: Project, aws: EcrFront) -> None:
    """With --create, too, the image goes its way."""
    aws.refuse(Refusal(action="CreateRepository", code="AccessDeniedException"))
    done = succeeded(in_team.run("build", "--push", "--create"))

    assert "warning: layers are not kept in" in done.stderr
    assert "ecr:CreateRepository" in done.stderr


def test_gc_leaves_it_alone(in_team: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """No function runs a layer, and none is garbage, even where the repository is named."""
    aws.make("team/layers")
    succeeded(in_team.run("build", "--push"))
    for image in ecr.repositories["team/layers"].images.values():
        image.pushed -= 30 * 24 * 3600
    done = succeeded(in_team.run("gc", "team/layers", "--keep", "0", "--apply"))

    assert f"0 of {LAYERS} images unused" in done.stderr
    assert len(kept_in(ecr)) == LAYERS


def test_a_stage_has_its_own(
    in_team: Project, aws: EcrFront, ecr: EcrRegistry, functions: LambdaFront
) -> None:
    """What is promoted to a stage is kept in the stage's, and mounted from there: a second function
    brings no layer that the first one brought."""
    ecr.mounting = True
    for name in ("team/layers", "prod/layers", "prod/app", "prod/two", "team/two"):
        aws.make(name)
    text = (in_team.folder / "imagekit.toml").read_text(encoding="utf-8")
    (in_team.folder / "imagekit.toml").write_text(
        f'{text}\n[functions.two]\nhandler = "app.handler"\n'
        '[stages.prod]\nrepository = "prod/{function}"\nlayer_repository = "prod/layers"\n',
        encoding="utf-8",
    )
    succeeded(in_team.run("lock"))
    deployed = in_team.with_env(AWS_ENDPOINT_URL_LAMBDA=functions.url)
    succeeded(deployed.run("release", "--stage", "prod", "--create", "--role", ROLE))

    prod = ecr.repositories["prod/layers"].images.values()
    assert sorted(tag for one in prod for tag in one.tags) == kept_in(ecr)
    large = [one for one in ecr.saw("PUT", "/blobs/uploads/") if 2_000_000 < one.sent_bytes < 3e6]
    assert len(large) == 1, "from here to team/layers; everything else is mounted"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('layer_repository = "prod/layers"', "the stage has no `repository` of its own"),
        ('repository = "prod/app"\nlayer_repository = "prod/layers:v1"', "names a tag"),
    ],
)
def test_what_a_stage_may_not_say(imaged: Project, lines: str, problem: str) -> None:
    """Exit 2, at its key."""
    with (imaged.folder / "imagekit.toml").open("a", encoding="utf-8") as file:
        file.write(f"[stages.prod]\n{lines}\n")
    done = imaged.run("plan")

    assert done.returncode == 2
    assert "stages.prod.layer_repository: " in done.stderr
    assert problem in done.stderr


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="PUT", path="/layers/manifests/", hang_up="before"),
        Fault(method="PUT", path="/layers/manifests/", hang_up="after"),
        Fault(method="PUT", path="/layers/manifests/", status=429),
        Fault(method="PUT", path="/layers/blobs/", hang_up="after"),
        Fault(method="POST", path="/layers/blobs/", status=503),
        Fault(method="HEAD", path="/layers/manifests/", hang_up="before"),
    ],
    ids=lambda fault: f"{fault.method}-{fault.hang_up or fault.status}",
)
def test_what_broke_off_is_finished(team: Team, front: Front, fault: Fault) -> None:
    """Cut before and after the registry took it, or asked to wait: tried again, all are kept."""
    fault.times = 1
    front.fault(fault)
    done = succeeded(team.first.run("build", "--push", env=team.store(1)))

    assert "warning" not in done.stderr
    assert len(tags(team)) == LAYERS


def test_blobs_that_ecr_tidied_away_are_sent_again(
    in_team: Project, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """What no manifest names yet may be gone when one does (E12)."""
    aws.make("team/layers", imageTagMutability="IMMUTABLE")
    ecr.tidies = 1
    done = succeeded(in_team.run("build", "--push"))

    assert "warning" not in done.stderr
    assert len(kept_in(ecr)) == LAYERS
