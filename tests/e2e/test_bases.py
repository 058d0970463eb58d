"""Bases that a team shares: composed, published, built on by name and by reference."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.e2e.projects import (
    Project,
    built_files,
    read_config,
    read_manifest,
    write_project,
    write_pylock,
)
from tests.e2e.shared_bases import DAY, HANDLER, TODAY, Platform, digest_of, tags_of
from tests.services.cli import succeeded
from tests.services.containers import Function, forget, lambda_container
from tests.services.debian import ARM64, AWS_CONFIG, RUNS, aws_runtime_layer, rootfs_layer
from tests.services.docker import connect
from tests.services.front import Front
from tests.services.images import MadeLayer, put_image, put_index
from tests.services.index import Index
from tests.services.needs import needs
from tests.services.scoring import unpack_runtime_client
from tests.services.wheels import make_wheel, with_version

HEAVY_BYTES = 400_000


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """A counting front before the registry."""
    with Front(registry) as served:
        yield served


@pytest.fixture
def repository(front: Front, tmp_path: Path) -> str:
    """A repository that is empty, behind the front."""
    return f"{front.host}/bases/{re.sub('[^a-z0-9]+', '-', tmp_path.name.lower()).strip('-')}"


@pytest.fixture
def alpha(wheels: Path) -> Path:
    """A package worth sharing."""
    files = {"alpha/__init__.py": b"VERSION = '1.0'\n", "alpha/heavy.bin": os.urandom(HEAVY_BYTES)}
    return make_wheel(wheels, "alpha", "1.0", files)


@pytest.fixture
def platform(tmp_path: Path, index: Index, uv_env: Callable[[Index], dict[str, str]]) -> Platform:
    """A repository of bases."""
    folder = tmp_path / "platform"
    folder.mkdir()
    return Platform(folder=folder, env={**uv_env(index), **DAY})


@pytest.fixture
def team(platform: Platform, alpha: Path, index: Index, aws_base: str, repository: str) -> Platform:
    """The base `team`: alpha on a base with AWS's entry point."""
    more = f'env = {{ TEAM = "yes" }}\n[publish]\nrepository = "{repository}"\n'
    platform.share("team", aws_base, [alpha], index, more)
    return platform


@pytest.fixture
def aws_both(
    registry: str, debian_both: str, runtime_client: Path, tmp_path: Path, test_cache: Path
) -> str:
    """Debian for both architectures, each with what starts AWS's base image."""
    site_packages = unpack_runtime_client(runtime_client, tmp_path / "site-packages")
    runtime = aws_runtime_layer(site_packages, tmp_path)
    manifests = {
        name: put_image(
            *(registry, f"aws-both:{name}", [rootfs_layer(test_cache, rootfs), runtime]),
            AWS_CONFIG,
            architecture=name,
        )
        for name, rootfs in {"amd64": RUNS, "arm64": ARM64}.items()
    }
    put_index(registry, "aws-both:3.13", manifests)
    return f"{registry}/aws-both:3.13"


class Clients(Struct, frozen=True, kw_only=True):
    """An index that has the runtime client, too, and its wheels for this machine."""

    index: Index
    wheels: list[Path]


@pytest.fixture
def clients(wheels: Path, runtime_client: Path) -> Iterator[Clients]:
    """The runtime client, to be shared."""
    found = [one for one in runtime_client.glob("*.whl") if "aarch64" not in one.name]
    with Index(wheels, runtime_client) as served:
        yield Clients(index=served, wheels=found)


@pytest.fixture
def bare(platform: Platform, alpha: Path, clients: Clients, debian_base: str) -> Platform:
    """The base `team` on Debian without an entry point, with the runtime client shared."""
    more = 'env = { PYTHONPATH = "/team" }\n'
    platform.share("team", debian_base, [alpha, *clients.wheels], clients.index, more)
    return platform


def project_on(
    platform: Platform, folder: Path, base: str, wheels: list[Path], index: Index
) -> Project:
    """A project whose one function says where alpha came from."""
    keys = {"base": base, "python": "3.13", "packaging": "image"}
    write_project(folder, keys=keys, files={"app.py": HANDLER})
    write_pylock(folder, wheels, index)
    return Project(folder=folder, env=platform.env)


def naming(project: Project, name: str, reference: str) -> Project:
    """The same project, where `bases` names a published base."""
    path = project.folder / "imagekit.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}[bases]\n{name} = "{reference}"\n', encoding="utf-8")
    return project


def answer(engine: str, reference: str) -> dict[str, object]:
    """What the function says, run as Lambda runs it."""
    client = connect(engine)
    try:
        name, _, digest = reference.partition("@")
        client.images.pull(f"{name}@{digest}")
    finally:
        client.close()
    try:
        with lambda_container(engine, Function(image=reference)) as running:
            body = running.invoke({}).body
            assert isinstance(body, dict), body
            return body
    finally:
        forget(engine, reference)


def blobs_sent(front: Front) -> list[int]:
    """Bytes of each blob that came in."""
    return [each.sent_bytes for each in front.saw("PUT", "/blobs/") if each.status == 201]


def test_published_and_built_on_by_name_and_by_reference(
    team: Platform, alpha: Path, index: Index, front: Front, repository: str, tmp_path: Path
) -> None:
    """One base, two projects: by the folder's name beside it, by reference with an empty store.

    Each push sends the source and the config alone, and the shared wheel is fetched by none.
    """
    (made,) = team.made("publish", "team", "--arch", "x86_64")
    assert made["references"] == [f"{repository}:{TODAY}-x86_64@{made['digest']}"]
    assert made["sent_bytes"] > HEAVY_BYTES
    beside = project_on(team, team.folder, "team", [alpha], index)
    apart = project_on(team, tmp_path / "apart", "team", [alpha], index)
    naming(apart, "team", f"{repository}:{TODAY}")
    index.forget()
    for project in (beside, apart.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty"))):
        front.forget()
        built = project.build("--push", "--to", f"{repository}-{project.folder.name}:one")

        assert sum(blobs_sent(front)) < 20_000
        assert len(blobs_sent(front)) == 2
        assert [each["packages"] for each in built["layers"]] == [[]]
    assert index.downloads() == {}
    lock = (apart.folder / "imagekit.lock").read_text(encoding="utf-8")
    assert f'reference = "{repository}:{TODAY}-x86_64@{made["digest"]}"' in lock
    assert '"alpha",' in lock


def test_an_unpublished_base_is_built_on_at_once(
    team: Platform, alpha: Path, index: Index, front: Front, repository: str
) -> None:
    """Its layers are made once, and pushed like the function's own."""
    project = project_on(team, team.folder, "team", [alpha], index)
    first = project.build("--push", "--to", f"{repository}/app:one")
    front.forget()
    (project.folder / "app.py").write_text(f"{HANDLER}\n# changed\n", encoding="utf-8")
    second = project.build("--push", "--to", f"{repository}/app:one")

    assert first["sent_bytes"] > HEAVY_BYTES
    assert second["sent_bytes"] < 20_000
    assert index.downloads() == {alpha.name: 1}
    assert tags_of(repository) == []


def test_shared_packages_are_importable_on_the_image_of_aws(
    team: Platform, alpha: Path, index: Index, repository: str, docker_engine: str, registry: str
) -> None:
    """AWS's name and config through IMAGEKIT_REGISTRY_ENDPOINTS: its entry point looks into
    /opt/python by itself, so PYTHONPATH stays as it is; its variables are kept."""
    team.share("team", "python3.13", [alpha], index, 'env = { TEAM = "yes" }\n')
    endpoints = {"IMAGEKIT_REGISTRY_ENDPOINTS": f"public.ecr.aws=http://{registry}"}
    there = Platform(folder=team.folder, env={**team.env, **endpoints})
    project = project_on(there, team.folder, "team", [alpha], index)
    built = project.build("--push", "--to", f"{repository}/aws:one")
    config = read_config(project.folder / project.build()["path"])["config"]

    assert config["Entrypoint"] == ["/lambda-entrypoint.sh"]
    assert config["WorkingDir"] == "/var/task"
    assert {"LAMBDA_TASK_ROOT=/var/task", "TEAM=yes"} <= set(config["Env"])
    assert not any(each.startswith("PYTHONPATH") for each in config["Env"])
    said = answer(docker_engine, built["reference"])
    assert said["file"] == "/opt/python/alpha/__init__.py"
    assert (said["version"], said["team"], said["there"]) == ("1.0", "yes", True)
    assert "public.ecr.aws/lambda/python:3.13@sha256:" in (
        (project.folder / "imagekit.lock").read_text(encoding="utf-8")
    )


def test_shared_packages_are_importable_on_a_plain_base(
    bare: Platform, alpha: Path, clients: Clients, repository: str, docker_engine: str
) -> None:
    """Without AWS's entry point PYTHONPATH names /opt/python, behind what the base has there; the
    runtime client may be shared, too, and is then in no layer of the function."""
    project = project_on(bare, bare.folder, "team", [alpha], clients.index)
    built = project.build("--push", "--to", f"{repository}/plain:one")

    assert [each["packages"] for each in built["layers"]] == [[]]
    said = answer(docker_engine, built["reference"])
    assert said["path"] == "/team:/opt/python:/opt/imagekit"
    assert said["file"] == "/opt/python/alpha/__init__.py"
    assert str(said["compiled"]).endswith("alpha/__pycache__/__init__.cpython-313.pyc")
    assert said["there"] is True


def test_another_version_comes_in_front_and_is_told(
    team: Platform, alpha: Path, index: Index, repository: str, docker_engine: str
) -> None:
    """A function that locks another version has its own copy, whole, and a line says so."""
    files = {"alpha/__init__.py": b"VERSION = '2.0'\n"}
    newer = make_wheel(alpha.parent, "alpha", "2.0", files)
    project = project_on(team, team.folder, "team", [newer], index)
    done = succeeded(project.run("build", "--push", "--to", f"{repository}/own:one"))

    assert "app: its own copy comes before the base's: alpha 2.0 (the base has 1.0)" in done.stderr
    said = answer(docker_engine, done.stdout.strip())
    assert (said["version"], said["file"]) == ("2.0", "/var/task/alpha/__init__.py")


def test_a_base_on_a_base(
    team: Platform, alpha: Path, index: Index, wheels: Path, repository: str, docker_engine: str
) -> None:
    """Each adds its own; what the one below has in the same version is added by none again."""
    beta = make_wheel(wheels, "beta", "1.0", {"beta.py": b"import alpha\n"})
    team.share("science", "team", [alpha, beta], index, 'env = { SCIENCE = "yes" }\n')
    team.share("more", "science", [beta], index)
    (made,) = team.made("build", "more", "--arch", "x86_64")
    project = project_on(team, team.folder, "more", [alpha, beta], index)
    built = project.build("--push", "--to", f"{repository}/chain:one")

    assert made["layers"] == []
    assert made["from"].startswith("science@sha256:")
    assert [each["packages"] for each in built["layers"]] == [[]]
    said = answer(docker_engine, built["reference"])
    assert (said["file"], said["team"]) == ("/opt/python/alpha/__init__.py", "yes")
    lock = (team.folder / "imagekit.lock").read_text(encoding="utf-8")
    assert [name for name in ("team", "science", "more") if f'name = "{name}"' in lock] != []


def test_an_immutable_tag_keeps_its_content(
    team: Platform, index: Index, alpha: Path, front: Front, repository: str
) -> None:
    """Other content under a tag that exists: exit 3 before any blob, and a tag that is free."""
    (first,) = team.made("publish", "team", "--tag", "v1", "--arch", "x86_64")
    write_pylock(team.folder / "base_images" / "team", [with_version(alpha, "1.1")], index)
    front.forget()
    done = team.run("publish", "team", "--tag", "v1", "--arch", "x86_64")

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert f"v1-x86_64 is {first['digest']}" in done.stderr
    assert done.stderr.endswith(f"hint: --tag {TODAY}\n")
    assert front.saw("POST") == front.saw("PUT") == front.saw("PATCH") == []
    assert digest_of(f"{repository}:v1-x86_64") == first["digest"]


def test_the_second_of_a_day_has_a_number(
    team: Platform, index: Index, alpha: Path, front: Front, repository: str
) -> None:
    """A calendar tag a publishing; equal content is there already, and nothing is sent."""
    first = succeeded(team.run("publish", "team", "--arch", "x86_64"))
    front.forget()
    again = succeeded(team.run("publish", "team", "--arch", "x86_64"))
    assert first.stdout == again.stdout
    assert "is there already, with the same content" in again.stderr
    assert front.saw("POST") == front.saw("PUT") == []

    write_pylock(team.folder / "base_images" / "team", [with_version(alpha, "1.1")], index)
    second = succeeded(team.run("publish", "team", "--arch", "x86_64"))
    assert second.stdout.startswith(f"{repository}:{TODAY}-2-x86_64@sha256:")
    assert f'team = "{repository}:{TODAY}-2"' in second.stderr
    assert tags_of(repository) == [f"{TODAY}-2-x86_64", f"{TODAY}-x86_64"]


def test_a_moving_tag_moves(
    platform: Platform, index: Index, alpha: Path, aws_base: str, repository: str
) -> None:
    """`tags = { moving = … }` is the other scheme: one tag, always the newest."""
    more = f'[publish]\nrepository = "{repository}"\ntags = {{ moving = "stable" }}\n'
    folder = platform.share("team", aws_base, [alpha], index, more)
    (first,) = platform.made("publish", "team", "--arch", "x86_64")
    write_pylock(folder, [with_version(alpha, "1.1")], index)
    (second,) = platform.made("publish", "team", "--arch", "x86_64")

    assert tags_of(repository) == ["stable-x86_64"]
    assert first["digest"] != second["digest"] == digest_of(f"{repository}:stable-x86_64")


def test_the_same_base_is_the_same_bytes(
    team: Platform, alpha: Path, index: Index, tmp_path: Path
) -> None:
    """Twice, and with an empty store in another folder: one digest."""
    (first,) = team.made("build", "team", "--arch", "x86_64")
    (again,) = team.made("build", "team", "--arch", "x86_64")
    shutil.copytree(team.folder, tmp_path / "other", ignore=shutil.ignore_patterns("dist"))
    other = Platform(folder=tmp_path / "other", env=team.env)
    store = str(tmp_path / "empty")
    (elsewhere,) = other.made(
        "build", "team", "--locked", "--arch", "x86_64", IMAGEKIT_CACHE_DIR=store
    )

    assert first["digest"] == again["digest"] == elsewhere["digest"]


def test_each_architecture_has_a_tag_of_its_own(
    platform: Platform,
    alpha: Path,
    index: Index,
    aws_both: str,
    repository: str,
    tmp_path: Path,
) -> None:
    """Both are pushed as TAG-ARCH, by any machine; a project names TAG and gets the right one."""
    more = f'[publish]\nrepository = "{repository}"\n'
    platform.share("team", aws_both, [alpha], index, more)
    made = platform.made("publish", "team")

    assert [each["architecture"] for each in made] == ["x86_64", "arm64"]
    assert tags_of(repository) == [f"{TODAY}-arm64", f"{TODAY}-x86_64"]
    project = project_on(platform, tmp_path / "app", "team", [alpha], index)
    naming(project, "team", f"{repository}:{TODAY}")
    for each in made:
        done = succeeded(project.run("plan", "--arch", each["architecture"], "--json"))
        assert json.loads(done.stdout)["functions"][0]["packaging"] == "image"
    lock = (project.folder / "imagekit.lock").read_text(encoding="utf-8")
    for each in made:
        assert f'"{repository}:{TODAY}-{each["architecture"]}@{each["digest"]}"' in lock


def test_a_layout_for_each_architecture(
    platform: Platform, alpha: Path, index: Index, debian_both: str
) -> None:
    """`base build` writes them side by side; without --complete the shared layers alone."""
    platform.share("team", debian_both, [alpha], index)
    done = succeeded(platform.run("build", "team", "--output", "out"))
    paths = [platform.folder / line for line in done.stdout.split()]

    assert [path.name for path in paths] == ["team-x86_64.oci", "team-arm64.oci"]
    for path in paths:
        files = built_files(path)
        assert "opt/python/alpha/__init__.py" in files
        assert "opt/python/alpha/__pycache__/__init__.cpython-313.pyc" in files
        assert not any(name.startswith("usr/") for name in files)
    whole = succeeded(platform.run("build", "team", "--arch", "x86_64", "--complete"))
    layout = platform.folder / whole.stdout.strip()
    assert layout.name == "team.oci"
    assert any(name.startswith("usr/") for name in built_files(layout))
    assert len(read_manifest(layout)["layers"]) == 2


def test_locked_refuses_what_changed(team: Platform, alpha: Path, index: Index) -> None:
    """With pins nothing is decided; a base.toml or a lock that changed makes them stale."""
    succeeded(team.run("build", "team", "--arch", "x86_64"))
    succeeded(team.run("build", "team", "--arch", "x86_64", "--locked"))
    write_pylock(team.folder / "base_images" / "team", [with_version(alpha, "1.1")], index)
    done = team.run("build", "team", "--arch", "x86_64", "--locked")

    assert done.returncode == 2, done.stderr
    assert "base team (x86_64) is stale" in done.stderr


def test_upgrade_moves_what_a_base_starts_from(
    platform: Platform, alpha: Path, index: Index, registry: str, debian_layer: MadeLayer
) -> None:
    """A tag that moved changes nothing until --upgrade asks for it; then the shared layers stay."""
    name = f"moving/{index.host.rpartition(':')[2]}:1"
    config: dict[str, object] = {**AWS_CONFIG, "Entrypoint": ["/bin/sh"]}
    put_image(registry, name, [debian_layer], config)
    platform.share("team", f"{registry}/{name}", [alpha], index)
    arguments = ("build", "team", "--arch", "x86_64")
    (first,) = platform.made(*arguments)
    put_image(registry, name, [debian_layer], {**config, "Labels": {"moved": "yes"}})
    (pinned,) = platform.made(*arguments)
    (moved,) = platform.made(*arguments, "--upgrade")
    (after,) = platform.made(*arguments, "--locked")

    assert first["digest"] == pinned["digest"] != moved["digest"] == after["digest"]
    assert first["from"] != moved["from"]
    assert first["layers"] == moved["layers"]
    assert index.downloads() == {alpha.name: 1}


def test_debian_with_shared_packages(platform: Platform, alpha: Path, clients: Clients) -> None:
    """No registry at all: mmdebstrap, system packages, a step in the root, packages on top; what
    only the store has goes into the layout, and a function is built on it offline."""
    needs("debian base", "mmdebstrap")
    more = (
        'suite = "trixie"\npackages = ["python3.13"]\npython = "3.13"\nsystem = ["libgomp1"]\n'
        "run = ['echo \"it is $PWD\" > /etc/team', 'ldconfig']\n"
    )
    platform.share("team", "debian", [alpha, *clients.wheels], clients.index, more)
    done = succeeded(platform.run("build", "team"))
    files = built_files(platform.folder / done.stdout.strip())
    project = project_on(platform, platform.folder, "team", [alpha], clients.index)
    clients.index.forget()

    assert "team for arm64 is left out" in done.stderr
    assert files["etc/team"] == b"it is /\n"
    assert any("libgomp.so.1" in name for name in files)
    assert "opt/python/alpha/__init__.py" in files
    planned = json.loads(succeeded(project.run("plan", "--json")).stdout)["functions"][0]
    assert [each["packages"] for each in planned["layers"]] == [[]]
    assert clients.index.requests == {}


BAD: dict[str, tuple[str, str]] = {
    "unknown parent": ('from = "heavy"', "base.toml: from: there is no base called 'heavy'"),
    "a circle": ('from = "other"', "a base cannot lie on itself: team → other → team"),
    "another Python": ('from = "python3.12"\npython = "3.13"', "says 3.13, and python3.12"),
    "no lock": ('from = "python3.13"\nlock = "uv.lock"', "there is no file 'uv.lock'"),
    "architecture": (
        'from = "narrow"\narchitectures = ["arm64"]',
        "narrow/base.toml: architectures: arm64 is not among x86_64",
    ),
    "a kind of lock that nobody knows": (
        'from = "{base}"\nlock = "base.toml"',
        "the name says none of the kinds of lock",
    ),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_what_a_base_cannot_be(platform: Platform, aws_base: str, text: str, said: str) -> None:
    """Exit 2, the file and the key, before anything is composed."""
    platform.define("other", 'from = "team"')
    platform.define("narrow", f'from = "{aws_base}"\narchitectures = ["x86_64"]\n')
    platform.define("team", text.replace("{base}", aws_base))
    done = platform.run("build", "team")

    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shared_package_needs_a_wheel_for_the_base(
    platform: Platform, wheels: Path, index: Index, debian_base: str
) -> None:
    """The floor is the base's: a wheel for a newer glibc is refused, with what there is."""
    newer = make_wheel(
        *(wheels, "tight", "1.0", {"tight.py": b""}),
        tag="cp313-cp313-manylinux_2_42_x86_64",
    )
    platform.share("team", debian_base, [newer], index)
    done = platform.run("build", "team", "--arch", "x86_64")

    assert done.returncode == 1, done.stderr
    assert "tight 1.0 has no wheel for Python 3.13 on x86_64, glibc 2.41" in done.stderr
    assert newer.name in done.stderr


def test_two_versions_in_one_folder_are_refused(
    team: Platform, alpha: Path, index: Index, wheels: Path
) -> None:
    """A base on a base may not put another version among the files of the one below."""
    team.share("science", "team", [with_version(alpha, "2.0")], index)
    done = team.run("build", "science", "--arch", "x86_64")

    assert done.returncode == 2, done.stderr
    assert "alpha 2.0 would lie among the files of alpha 1.0, which team shares" in done.stderr
    assert "hint: lock the versions that team has" in done.stderr


def test_two_shared_packages_that_fill_one_path_are_refused(
    team: Platform, index: Index, wheels: Path
) -> None:
    """Within one lock, and between a base and the one below."""
    other = make_wheel(wheels, "other", "1.0", {"alpha/__init__.py": b"OTHER = 1\n"})
    team.share("science", "team", [other], index)
    done = team.run("build", "science", "--arch", "x86_64")

    assert done.returncode == 1, done.stderr
    assert "alpha/__init__.py" in done.stderr
    assert "alpha 1.0" in done.stderr and "other 1.0" in done.stderr


def test_nothing_says_where_to(platform: Platform, aws_base: str) -> None:
    """Without a table `publish` and without --to: exit 2, before anything is composed."""
    platform.define("team", f'from = "{aws_base}"\n')
    done = platform.run("publish", "team")

    assert done.returncode == 2, done.stderr
    assert "nothing says where to publish team" in done.stderr
    assert "--to REPOSITORY" in done.stderr


def test_a_published_base_is_not_made_here(team: Platform) -> None:
    """`base build` of a name that `bases` gives to a reference: exit 2, what can be named."""
    text = '[bases]\nothers = "registry.example/bases/others:1"\n'
    (team.folder / "imagekit.toml").write_text(text, encoding="utf-8")
    done = team.run("build", "others")

    assert done.returncode == 2, done.stderr
    assert "others is registry.example/bases/others:1, which nobody makes here" in done.stderr


def test_a_tag_that_is_nowhere(team: Platform, alpha: Path, index: Index, repository: str) -> None:
    """Neither TAG nor TAG-ARCH is there: exit 3, and both are named."""
    project = project_on(team, team.folder / "app", f"{repository}:none", [alpha], index)
    done = project.run("build")

    assert done.returncode == 3, done.stderr
    assert f"{repository}:none-x86_64" in done.stderr
