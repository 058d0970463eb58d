"""Run an example's image once as Lambda runs it: read-only, uid 993, under a Runtime API.

    python examples/invoke.py examples/scoring

Docker is used where it answers, or started for the moment where it is installed; else this says
that the run is left out, and why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.services.containers import Function, forget, lambda_container
from tests.services.docker import HOST_VARIABLE, NoDocker, answers, connect, running_engine

DEFAULT_HOST = "unix:///var/run/docker.sock"


def main(example: Path) -> int:
    """Build the example as an archive for Docker, load it, send it its event."""
    host = os.environ.get("DOCKER_HOST", DEFAULT_HOST)
    environ = {HOST_VARIABLE: host} if answers(host) else dict(os.environ)
    try:
        with running_engine(environ) as engine:
            return invoke(engine, example)
    except NoDocker as error:
        sys.stderr.write(f"left out: running {example.name} in Docker ({error})\n")
        return 0


def invoke(engine: str, example: Path) -> int:
    """One event through the container; its answer on stdout."""
    event = json.loads((example / "event.json").read_text(encoding="utf-8"))
    image = load(engine, archive(example))
    try:
        with lambda_container(engine, Function(image=image)) as running:
            answer = running.invoke(event)
            sys.stderr.write(running.logs())
    finally:
        forget(engine, image)
    said = answer.body if answer.error is None else answer.error
    sys.stdout.write(json.dumps(said, indent=2) + "\n")
    return 0 if answer.error is None else 1


def archive(example: Path) -> Path:
    """The example as an archive that `docker load` takes."""
    command = [sys.executable, "-m", "imagekit", "build", "--no-locked"]
    command += ["--project", str(example), "--output", str(example / "dist")]
    subprocess.run([*command, "--format", "docker-archive"], check=True, stdout=subprocess.DEVNULL)
    return example / "dist" / f"{example.name}.tar"


def load(engine: str, path: Path) -> str:
    """Load an archive; the image's id."""
    client = connect(engine)
    try:
        with path.open("rb") as file:
            return str(client.images.load(file)[0].id)
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
