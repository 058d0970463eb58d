"""Extensions end to end: pinned once, on top by descriptor, and nothing downloaded again."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contents.test_elf import AARCH64, X86_64, elf
from tests.e2e.projects import Project, read_config, read_manifest
from tests.services import needs
from tests.services.cli import succeeded
from tests.services.docker import connect
from tests.services.front import Front
from tests.services.images import layer_of, put_image, put_index
from tests.services.registry import running_registry

AGENT = b"#!/bin/sh\nexit 0\n"


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """A counting front before the registry."""
    with Front(registry) as served:
        yield served


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A repository of the test's own."""
    return f"ext/{re.sub('[^a-z0-9]+', '-', tmp_path.name.lower()).strip('-')}"


@pytest.fixture
def agent(registry: str, name: str, tmp_path: Path) -> str:
    """`REPOSITORY:1` in the registry: a program in /opt/extensions and what it reads."""
    layer = layer_of({"opt/extensions/agent": AGENT, "opt/agent/rules.json": b"{}" * 500}, tmp_path)
    put_image(registry, f"{name}:1", [layer], {})
    return f"{name}:1"


def extended(project: Project, *references: str) -> Project:
    """The project with these extensions for its function."""
    project.replace(
        'handler = "app.handler"',
        f'handler = "app.handler"\nextensions = {json.dumps(references)}',
    )
    return project


def blobs_read(front: Front) -> list[str]:
    return [each.path for each in front.saw("GET", "/blobs/")]


def refused(project: Project, status: int, *words: str, args: tuple[str, ...] = ()) -> str:
    """The project cannot be planned: exit status, words on stderr, a hint, nothing on stdout."""
    done = project.run("plan", *args)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in (*words, "hint: "):
        assert word in done.stderr, done.stderr
    return done.stderr


def mounted(engine: str, image: str) -> dict[str, tarfile.TarInfo]:
    """What lies below /opt in an image that Docker pulls."""
    client: Any = connect(engine)
    try:
        pulled = client.images.pull(image)
        container = client.containers.create(pulled.id, command=["x"])
        try:
            stream, _ = container.get_archive("/opt")
            with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
                return {member.name: member for member in tar}
        finally:
            container.remove(force=True)
            client.images.remove(pulled.id, force=True)
    finally:
        client.close()


def test_it_is_pushed_by_descriptor_and_runs(
    imaged: Project, front: Front, agent: str, name: str, docker_engine: str
) -> None:
    """The layer is on top of the base, executable, between base and own layers, and mounted.

    The manifest keeps the base's family, and the history says whose layer it is.
    """
    project = extended(imaged, f"{front.host}/{agent}")
    made = project.build("--push", "--to", f"{front.host}/{name}-function:one")

    files = mounted(docker_engine, made["reference"])
    assert files["opt/extensions/agent"].mode & 0o777 == 0o755
    assert "opt/agent/rules.json" in files
    assert made["mounted_bytes"] > 0
    project.run("build", "--output", "out")
    layout = project.folder / "out" / "app.oci"
    manifest, config = read_manifest(layout), read_config(layout)
    assert len({layer["mediaType"] for layer in manifest["layers"]}) == 1
    (said,) = [
        number
        for number, entry in enumerate(config["history"])
        if f"imagekit extension {front.host}/{agent}@sha256:" in entry.get("created_by", "")
    ]
    assert said == 2, "after the two layers of the base"
    layers = [entry for entry in config["history"] if not entry.get("empty_layer")]
    assert len(layers) == len(manifest["layers"]) == len(config["rootfs"]["diff_ids"])


def test_nothing_is_downloaded_after_pinning(imaged: Project, front: Front, agent: str) -> None:
    """The first build reads each layer once; with the lock an empty store asks for nothing."""
    project = extended(imaged, f"{front.host}/{agent}")
    first = project.build()
    assert len(blobs_read(front)) == 2, "the config and the one layer"
    front.forget()
    second = project.build("--locked")
    project.with_env(IMAGEKIT_CACHE_DIR=str(project.folder / "empty")).build("--locked")

    assert second["digest"] == first["digest"]
    assert front.seen == []


def test_the_lock_holds_a_pin_for_each_architecture(
    zipped: Project, aws_base_both: str, registry: str, name: str, tmp_path: Path
) -> None:
    """A list of images gives each architecture its own digest, in a form that tools can move."""
    images = {
        architecture: put_image(
            registry,
            f"{name}:{architecture}",
            [
                layer_of(
                    {"opt/extensions/agent": elf(machine, None)},
                    tmp_path,
                    {"opt/extensions/agent": 0o755},
                )
            ],
            {},
            architecture=architecture,
        )
        for architecture, machine in (("amd64", X86_64), ("arm64", AARCH64))
    }
    put_index(registry, f"{name}:both", images)
    zipped.replace('packaging = "zip"', f'packaging = "image"\nbase = "{aws_base_both}"')
    project = extended(zipped, f"{registry}/{name}:both")
    succeeded(project.run("plan"))
    succeeded(project.run("plan", "--arch", "arm64"))
    lock = (project.folder / "imagekit.lock").read_text(encoding="utf-8")

    for reference in images.values():
        digest = reference.partition("@")[2]
        assert f'reference = "{registry}/{name}:both@{digest}"' in lock


def test_a_moved_tag_changes_nothing_until_it_is_asked_for(
    imaged: Project, registry: str, agent: str, tmp_path: Path
) -> None:
    """The lock holds; `lock --upgrade-base` moves it; a reference that a tool edited does, too."""
    project = extended(imaged, f"{registry}/{agent}")
    lock = project.folder / "imagekit.lock"
    succeeded(project.run("lock"))
    old = lock.read_text(encoding="utf-8")
    layer = layer_of({"opt/extensions/agent": AGENT + b"# newer\n"}, tmp_path)
    newer = put_image(registry, agent, [layer], {}).partition("@")[2]
    succeeded(project.run("lock"))
    assert lock.read_text(encoding="utf-8") == old

    said = succeeded(project.run("lock", "--upgrade-base")).stderr
    assert f"extension {registry}/{agent} (x86_64)" in said
    assert f'reference = "{registry}/{agent}@{newer}"' in lock.read_text(encoding="utf-8")
    before = re.search(rf"{re.escape(agent)}@(sha256:[0-9a-f]+)", old)
    assert before is not None
    project.replace(f"{agent}@{newer}", f"{agent}@{before[1]}", file="imagekit.lock")
    refused(project, 2, "is stale", "imagekit lock", args=("--locked",))
    succeeded(project.run("lock"))
    assert lock.read_text(encoding="utf-8") == old


def test_without_a_pin_locked_refuses(imaged: Project, registry: str, agent: str) -> None:
    """And `--frozen`, which takes the lock unread, has nothing to take."""
    succeeded(imaged.run("lock"))
    project = extended(imaged, f"{registry}/{agent}")

    refused(project, 2, f"extension {registry}/{agent} (x86_64) is missing", args=("--locked",))
    refused(project, 2, f"extension {registry}/{agent} (x86_64) is missing", args=("--frozen",))
    succeeded(project.run("lock"))
    succeeded(project.run("plan", "--locked"))


def test_auto_decides_for_an_image_and_says_why(zipped: Project, registry: str, agent: str) -> None:
    """Small enough for a ZIP, and an image all the same."""
    zipped.replace('packaging = "zip"\n', f'base = "{registry}/lambda/python:3.13"\n')
    project = extended(zipped, f"{registry}/{agent}")
    shown = succeeded(project.run("plan")).stdout

    assert f"extensions are layers of an image: {registry}/{agent}" in shown
    assert re.search(rf"extension +{registry}/{agent}@sha256:[0-9a-f]+ \(\S+ k?B\)", shown), shown


def test_what_was_decided_to_be_a_zip_stays_one(zipped: Project, registry: str, agent: str) -> None:
    """A function's package type can never change: said with where a ZIP takes extensions."""
    zipped.replace('packaging = "zip"\n', "")
    succeeded(zipped.run("lock"))
    project = extended(zipped, f"{registry}/{agent}")

    refused(project, 2, "functions.app.extensions", "lambda.layers")


def test_a_zip_that_is_asked_for(imaged: Project, registry: str, agent: str) -> None:
    """`--packaging zip` on a function with extensions."""
    project = extended(imaged, f"{registry}/{agent}")

    refused(project, 2, "functions.app.extensions", "lambda.layers", args=("--packaging", "zip"))


def test_its_bytes_count(imaged: Project, registry: str, agent: str) -> None:
    """Unzipped, as Lambda counts them: the layer's tar."""
    before = json.loads(imaged.run("plan", "--json").stdout)["functions"][0]
    after = json.loads(extended(imaged, f"{registry}/{agent}").run("plan", "--json").stdout)[
        "functions"
    ][0]
    (one,) = after["extensions"]

    assert "extensions" not in before
    assert one["reference"].startswith(f"{registry}/{agent}@sha256:")
    assert after["unzipped_bytes"] - before["unzipped_bytes"] == one["unzipped_bytes"] == 10240


BAD: dict[str, tuple[dict[str, bytes | str], int, int, str]] = {
    "outside": ({"agent": AGENT}, 0o755, 1, "fills more than /opt"),
    "whiteout": (
        {"opt/extensions/agent": AGENT, "opt/.wh.python": b""},
        *(0o755, 1, "would remove files of the base"),
    ),
    "mode": ({"opt/extensions/agent": AGENT}, 0o644, 1, "X1"),
    "machine": ({"opt/extensions/agent": elf(AARCH64, None)}, 0o755, 1, "R1"),
    "glibc": (
        {"opt/extensions/agent": elf(X86_64, ("GLIBC_9.9",))},
        *(0o755, 2, "asks for glibc 9.9"),
    ),
    "ours": ({"opt/imagekit/x.py": b""}, 0o644, 2, "runtime client"),
}
"""Files, their mode, the exit status and what is said."""


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_an_extension(
    imaged: Project, registry: str, name: str, tmp_path: Path, what: str
) -> None:
    """Refused when it is pinned, with what to do; nothing of it is locked."""
    files, mode, status, said = BAD[what]
    put_image(registry, f"{name}:bad", [layer_of(files, tmp_path, dict.fromkeys(files, mode))], {})
    project = extended(imaged, f"{registry}/{name}:bad")

    refused(project, status, said, f"{registry}/{name}:bad")
    assert not (project.folder / "imagekit.lock").exists()


def test_a_whole_system_is_no_extension(imaged: Project, debian_base: str) -> None:
    """Its layers would lie on top of the base's own; the hint is the Dockerfile to write."""
    said = refused(extended(imaged, debian_base), 1, "is a whole system and no extension")

    assert f"`FROM scratch`, then `COPY --from={debian_base} /opt/ /opt/`" in said


def test_the_other_architecture(imaged: Project, registry: str, name: str, tmp_path: Path) -> None:
    """An image for arm64 alone, on a function for x86_64."""
    layer = layer_of({"opt/extensions/agent": AGENT}, tmp_path)
    put_image(registry, f"{name}:arm", [layer], {}, architecture="arm64")

    refused(extended(imaged, f"{registry}/{name}:arm"), 1, "arm64", "not for x86_64")


def test_two_of_one_name(
    imaged: Project, registry: str, agent: str, name: str, tmp_path: Path
) -> None:
    """The program of the first would never run; folders that both fill are worth a word."""
    layer = layer_of({"opt/extensions/agent": AGENT + b"# 2"}, tmp_path)
    put_image(registry, f"{name}-two:1", [layer], {})
    refused(
        extended(imaged, f"{registry}/{agent}", f"{registry}/{name}-two:1"),
        *(2, "/opt/extensions/agent", f"{name}-two:1"),
    )
    layer = layer_of({"opt/extensions/two": AGENT, "opt/agent/rules.json": b""}, tmp_path)
    put_image(registry, f"{name}-three:1", [layer], {})
    imaged.replace(f"{name}-two:1", f"{name}-three:1")
    done = succeeded(imaged.run("plan"))

    assert f"fill /opt/agent: files of {registry}/{name}-three:1 win" in done.stderr


def test_an_extension_of_the_other_family_from_another_registry(
    imaged: Project, second_registry: str, registry: str, name: str, tmp_path: Path
) -> None:
    """OCI's layer on Docker's base: the same blob, copied, under the base's media type.

    `--complete` has its bytes, and all rules hold over the whole image.
    """
    layer = layer_of({"opt/extensions/agent": AGENT}, tmp_path)
    put_image(second_registry, "acme/agent:1", [layer], {}, family="oci")
    project = extended(imaged, f"{second_registry}/acme/agent:1")
    made = project.build("--push", "--to", f"{registry}/{name}:one", "--output", "sparse")
    whole = project.build("--complete", "--output", "whole")

    assert made["reference"].startswith(f"{registry}/{name}@sha256:")
    assert whole["digest"] == made["digest"]
    manifest = read_manifest(project.folder / "whole" / "app.oci")
    kept = Path("blobs", "sha256", manifest["layers"][2]["digest"].removeprefix("sha256:"))
    assert (project.folder / "whole" / "app.oci" / kept).read_bytes() == layer.path.read_bytes()
    assert not (project.folder / "sparse" / "app.oci" / kept).exists()
    checked = json.loads(succeeded(project.run("check", "whole/app.oci", "--json")).stdout)
    assert checked["unseen"] == []
    assert {"X1", "X2"} <= set(checked["rules"])


@pytest.fixture
def second_registry(tmp_path: Path) -> Iterator[str]:
    """Another registry, empty."""
    with running_registry(tmp_path) as host:
        yield host


def test_skopeo_pulls_it(imaged: Project, registry: str, agent: str, name: str) -> None:
    """Every blob that the manifest names is in the repository."""
    needs.needs("skopeo", "skopeo")
    project = extended(imaged, f"{registry}/{agent}")
    made = project.build("--push", "--to", f"{registry}/{name}-function:two")
    target = project.folder / "pulled"
    places = (f"docker://{made['reference']}", f"dir:{target}")
    command = ["skopeo", "copy", "--src-tls-verify=false", *places]
    subprocess.run(command, check=True, capture_output=True)

    found = [path for path in target.iterdir() if _has(path, "opt/extensions/agent")]
    assert len(found) == 1


def _has(layer: Path, member: str) -> bool:
    try:
        with tarfile.open(layer) as tar:
            return member in tar.getnames()
    except tarfile.ReadError:
        return False
