"""Images handed to Docker without a registry."""

from __future__ import annotations

from typing import Any

from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.containers import Function, forget, lambda_container
from tests.services.docker import connect


def answer(engine: str, image: str) -> object:
    """What the function in `image` says to one event."""
    with lambda_container(engine, Function(image=image)) as running:
        return running.invoke({"n": 1}).body


def image_id(engine: str, name: str) -> str:
    """The id behind a name, which the next load may move."""
    client: Any = connect(engine)
    try:
        return str(client.images.get(name).id)
    finally:
        client.close()


def test_load_hands_the_image_to_docker(imaged: Project, docker_engine: str) -> None:
    """`--load` names the image on stdout; it runs, and after a code change so does the new one."""
    there = imaged.with_env(DOCKER_HOST=docker_engine)
    images = []
    for number in (42, 43):
        (imaged.folder / "app.py").write_text(
            f"def handler(event, context):\n    return [{number}, event]\n", encoding="utf-8"
        )
        said = succeeded(there.run("build", "--load")).stdout.strip()
        assert said.startswith("docker:")
        images.append(image_id(docker_engine, said.removeprefix("docker:")))
        assert answer(docker_engine, images[-1]) == [number, {"n": 1}]
    for image in images:
        forget(docker_engine, image)


def test_without_docker_load_says_so(imaged: Project) -> None:
    """No engine: exit 3 and what to type."""
    done = imaged.run("build", "--load", env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "hint: " in done.stderr
