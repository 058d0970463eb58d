"""Pushing: as little as can be, to registries as they are."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.projects import Project, blob, read_manifest, write_pylock
from tests.services.cli import succeeded
from tests.services.front import Fault, Front
from tests.services.index import Index
from tests.services.wheels import make_wheel, with_version

ACCEPT = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """A counting front before the registry."""
    with Front(registry) as served:
        yield served


@pytest.fixture
def project(imaged: Project, wheels: Path, index: Index) -> Project:
    """Three packages on the base, locked."""
    make_wheel(wheels, "alpha", "1.0", {"alpha.py": b"A = 1\n", "alpha.bin": os.urandom(500_000)})
    make_wheel(wheels, "beta", "1.0", {"beta.py": b"B = 1\n" * 2000})
    write_pylock(imaged.folder, wheels.glob("*.whl"), index)
    succeeded(imaged.run("lock"))
    return imaged


@pytest.fixture
def repository(front: Front, tmp_path: Path) -> str:
    """A repository that is empty, behind the front."""
    return f"{front.host}/push/{re.sub('[^a-z0-9]+', '-', tmp_path.name.lower()).strip('-')}"


def manifest(reference: str) -> dict[str, object]:
    """A manifest by `HOST/REPOSITORY:TAG`."""
    host, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{tag}", headers=ACCEPT)
    with urllib.request.urlopen(request) as answer:
        return dict(json.loads(answer.read()))


def exists(reference: str) -> bool:
    """Whether a registry has that tag."""
    try:
        manifest(reference)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    return True


def test_second_push_sends_nothing(project: Project, front: Front, repository: str) -> None:
    """Nothing changed: no blob is sent, no blob is even asked for."""
    first = project.build("--push", "--to", f"{repository}:one")
    front.forget()
    second = project.build("--push", "--to", f"{repository}:one")

    assert first["digest"] == second["digest"]
    assert first["sent_bytes"] > 0
    assert second["sent_bytes"] == 0
    assert front.saw("POST") == front.saw("PUT") == front.saw("HEAD", "/blobs/") == []
    assert len(front.seen) <= 2, front.seen


def test_default_tag_names_function_and_architecture(
    project: Project, front: Front, repository: str
) -> None:
    """Without a tag it is `imagekit-NAME-ARCH`; `--tag` may come several times."""
    project.build("--push", "--to", repository)
    assert exists(f"{repository}:imagekit-app-x86_64")
    front.forget()
    project.build("--push", "--to", repository, "--tag", "v1", "--tag", "v2")

    assert exists(f"{repository}:v1")
    assert exists(f"{repository}:v2")
    assert front.saw("POST", "/blobs/") == [], "a missing tag is put, its blobs are there"


def test_code_change_sends_the_source_layer_alone(
    project: Project, front: Front, repository: str
) -> None:
    """After an edit: one layer and the config go over, in a handful of requests."""
    project.build("--push", "--to", f"{repository}:one")
    (project.folder / "app.py").write_text("def handler(e, c):\n    return 2\n", encoding="utf-8")
    front.forget()
    made = project.build("--push", "--to", f"{repository}:one")

    assert len([each for each in front.saw("PUT", "/blobs/") if each.status == 201]) == 2
    assert made["sent_bytes"] < 20_000
    assert front.saw("HEAD", "/blobs/") == [] or len(front.saw("HEAD", "/blobs/")) <= 2


def test_bump_sends_that_package_alone(
    project: Project, front: Front, repository: str, wheels: Path, index: Index
) -> None:
    """Another version of one package: its layer and the config, nothing of its neighbours."""
    before = project.build("--push", "--to", f"{repository}:one")
    old = next(wheels.glob("alpha-*.whl"))
    with_version(old, "1.1")
    old.unlink()
    write_pylock(project.folder, wheels.glob("*.whl"), index)
    succeeded(project.run("lock"))
    front.forget()
    after = project.build("--push", "--to", f"{repository}:one")

    kept = {layer["digest"] for layer in before["layers"]}
    new = [layer for layer in after["layers"] if layer["digest"] not in kept]
    assert len(new) == 1
    assert any("alpha" in each for each in new[0]["packages"])
    assert len([each for each in front.saw("PUT", "/blobs/") if each.status == 201]) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="PUT", path="/blobs/uploads/", times=2, status=503),
        Fault(method="PUT", path="/blobs/uploads/", status=429, headers=(("Retry-After", "1"),)),
        Fault(method="PUT", path="/blobs/uploads/", hang_up="before"),
        Fault(method="PUT", path="/blobs/uploads/", hang_up="after"),
        Fault(method="PUT", path="/manifests/", hang_up="after"),
        Fault(method="PUT", path="/manifests/", status=500),
        Fault(method="POST", path="/blobs/uploads/", hang_up="after"),
    ],
    ids=lambda each: f"{each.method}-{each.status or each.hang_up}-{each.path.split('/')[1]}",
)
def test_what_is_temporary_is_tried_again(
    project: Project, front: Front, repository: str, fault: Fault
) -> None:
    """Refused for the moment, or cut off before or after the registry took it: it still arrives."""
    front.fault(fault)
    made = project.build("--push", "--to", f"{repository}:one")

    assert fault.times == 0, "the fault happened"
    assert made["reference"].startswith(f"{repository}")
    assert exists(f"{repository}:one")


LASTING: dict[str, tuple[Fault, str]] = {
    "refuses": (Fault(method="POST", path="/blobs/uploads/", times=99, status=403), "403"),
    "asks who": (Fault(method="POST", path="/blobs/uploads/", times=99, status=401), "401"),
    "is down": (Fault(method="PUT", path="/blobs/uploads/", times=999, status=503), "503"),
    "hangs up": (
        Fault(method="PUT", path="/blobs/uploads/", times=999, hang_up="before"),
        "127.0.0.1",
    ),
    "refuses the manifest": (Fault(method="PUT", path="/manifests/", times=99, status=400), "400"),
    "lies about the manifest": (
        Fault(method="PUT", path="/manifests/", times=99, digest=f"sha256:{'0' * 64}"),
        "0000",
    ),
}


@pytest.mark.parametrize(("fault", "named"), LASTING.values(), ids=LASTING)
def test_what_lasts_ends_the_push(
    project: Project, front: Front, repository: str, fault: Fault, named: str
) -> None:
    """The other side refused: exit 3, the status or place named, nothing on stdout."""
    front.fault(fault)
    done = project.run("build", "--push", "--to", f"{repository}:one")

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    if fault.digest is None:
        assert not exists(f"{repository}:one"), "no tag points at something unfinished"


def test_a_base_that_lies_about_its_digest(
    imaged: Project, front: Front, registry: str, aws_base: str
) -> None:
    """A base pinned by digest whose manifest has other bytes is refused: exit 3 or 1, named."""
    imaged.replace(registry, front.host)
    front.fault(
        Fault(
            method="GET",
            path="/lambda/python/manifests/",
            times=99,
            body=b'{"schemaVersion": 2}',
        )
    )
    done = imaged.run("build")

    assert done.returncode in (1, 3), done.stderr
    assert "lambda/python" in done.stderr
    assert imaged.made() == []


def test_base_is_copied_from_another_registry(
    project: Project, repository: str, second_registry: str, docker_engine: str
) -> None:
    """A base in one registry, the image in another: blobs are copied, and Docker can pull it."""
    from tests.services.docker import connect

    made = project.build("--push", "--to", f"{second_registry}/copied:one")
    client = connect(docker_engine)
    try:
        image = client.images.pull(f"{second_registry}/copied", tag="one")
        assert image.attrs["Config"]["Cmd"] == ["app.handler"]
        client.images.remove(image.id, force=True)
    finally:
        client.close()
    assert made["reference"].startswith(f"{second_registry}/copied@sha256:")


@pytest.fixture
def second_registry(tmp_path: Path) -> Iterator[str]:
    """Another registry, empty."""
    from tests.services.registry import running_registry

    with running_registry(tmp_path) as host:
        yield host


def test_output_beside_push(project: Project, repository: str, tmp_path: Path) -> None:
    """With --output a layout is written too; --metadata-file holds the JSON."""
    out, meta = tmp_path / "out", tmp_path / "meta.json"
    done = succeeded(
        project.run(
            *("build", "--push", "--to", f"{repository}:one"),
            *("--output", out, "--metadata-file", meta),
        )
    )

    assert done.stdout.count("\n") == 1
    assert (out / "app.oci" / "index.json").is_file()
    said = json.loads(meta.read_text(encoding="utf-8"))
    assert said["schema"] == 1
    assert said["functions"][0]["reference"] == done.stdout.strip()
    shutil.rmtree(out)


def test_runtime_client_is_added_where_the_base_has_none(
    project: Project,
    debian_base: str,
    aws_base: str,
    wheels: Path,
    runtime_client: Path,
    uv_env: Callable[[Index], dict[str, str]],
) -> None:
    """On bare Debian a layer with `awslambdaric` is added, and `check` is content."""
    project.replace(aws_base, debian_base)
    with Index(wheels, runtime_client) as index:
        write_pylock(project.folder, wheels.glob("*.whl"), index)
        made = project.with_env(**uv_env(index)).build()

    assert any("awslambdaric" in name for layer in made["layers"] for name in layer["packages"])
    succeeded(project.run("check", made["path"]))


def test_complete_layout_of_a_registry_base(imaged: Project) -> None:
    """`--complete` brings the base's layers from the registry; the layout holds every blob."""
    layout = Path(imaged.folder, imaged.build("--complete")["path"])
    manifest = read_manifest(layout)
    assert all(blob(layout, layer["digest"]).exists() for layer in manifest["layers"])
    done = succeeded(imaged.run("check", layout))
    assert "unseen" not in done.stdout + done.stderr
