"""Images run as Lambda runs them: read-only, as an unprivileged user, talking to a Runtime API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.services.docker import connect
from tests.services.runtime_api import Answer, InitFailed, NoAnswer, RuntimeApi

LAMBDA_USER = "993:990"
"""The user and group that Lambda's sandbox runs code as; nothing in an image names it."""


class Function(Struct, frozen=True, kw_only=True):
    """What to start: an image, and what Lambda or a test lays over it."""

    image: str
    handler: str | None = None
    """What the image's CMD names if left out."""
    environment: Mapping[str, str] | None = None
    mounts: Mapping[Path, str] | None = None
    """Folders of this machine to places inside, read-only."""
    entrypoint: tuple[str, ...] | None = None
    working_dir: str | None = None
    memory_mb: int = 1024
    tmp: Path | None = None
    """A folder of this machine as `/tmp`, which outlives the container; None: a new one."""
    tmp_mb: int = 512
    """Of a new `/tmp`."""
    cpus: float = 0
    """A share of this machine's; 0: as much as there is."""


class RunningFunction:
    """A started container and its Runtime API."""

    def __init__(self, container: Any, api: RuntimeApi) -> None:
        self._container = container
        self.api = api

    def invoke(self, event: object, *, seconds: float = 60) -> Answer:
        """One event's answer; the container's log is added to what goes wrong."""
        try:
            return self.api.invoke(event, seconds=seconds)
        except (InitFailed, NoAnswer) as error:
            error.add_note(self.logs())
            raise

    def kill(self) -> None:
        """End it at once, as Lambda does when init takes longer than 10 s."""
        self._container.kill()

    def logs(self) -> str:
        """All that the container wrote."""
        return str(self._container.logs().decode(errors="replace"))


@contextmanager
def lambda_container(host: str, function: Function) -> Iterator[RunningFunction]:
    """Run `function` on the engine at `host` with the sandbox of Lambda until the block ends."""
    client = connect(host)
    try:
        with RuntimeApi() as api:
            container = client.containers.run(
                function.image,
                [function.handler] if function.handler else None,
                detach=True,
                environment=_environment(function, api),
                entrypoint=list(function.entrypoint) if function.entrypoint else None,
                mem_limit=f"{function.memory_mb}m",
                network_mode="host",
                read_only=True,
                nano_cpus=round(function.cpus * 1e9),
                tmpfs={} if function.tmp else {"/tmp": f"size={function.tmp_mb}m,mode=1777,exec"},
                user=LAMBDA_USER,
                volumes=_volumes(function),
                working_dir=function.working_dir,
            )
            try:
                yield RunningFunction(container, api)
            finally:
                container.remove(force=True)
    finally:
        client.close()


def _volumes(function: Function) -> dict[str, dict[str, str]]:
    mounts = {
        str(path): {"bind": place, "mode": "ro"} for path, place in (function.mounts or {}).items()
    }
    if function.tmp is not None:
        mounts[str(function.tmp)] = {"bind": "/tmp", "mode": "rw"}
    return mounts


def _environment(function: Function, api: RuntimeApi) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, what code reads."""
    environment = {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "test",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test",
        "AWS_LAMBDA_LOG_STREAM_NAME": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
    }
    if function.handler:
        environment["_HANDLER"] = function.handler
    return environment | dict(function.environment or {})


def forget(host: str, image: str) -> None:
    """Remove an image that a test pulled or loaded."""
    from docker.errors import DockerException

    client = connect(host)
    with suppress(DockerException):
        client.images.remove(image, force=True)
    client.close()
