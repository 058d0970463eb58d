"""A Docker Engine: one named by IMAGEKIT_TEST_DOCKER_HOST, else a `dockerd` of the tests' own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.services.ports import stop, tail, wait_until

HOST_VARIABLE = "IMAGEKIT_TEST_DOCKER_HOST"
# Containers of the tests use the host's network: no bridge to make, no firewall rules to touch.
_OPTIONS = ("--bridge=none", "--iptables=false", "--ip6tables=false")


class NoDocker(Exception):
    """There is no engine, and none could be started; the message says why."""


def connect(host: str) -> Any:
    """A client of the engine at `host`; raises NoDocker where it does not answer."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.DockerClient(base_url=host, timeout=120)
    except DockerException as error:
        raise NoDocker(f"{host} does not answer: {error}") from error
    try:
        client.ping()
    except DockerException as error:
        client.close()
        raise NoDocker(f"{host} does not answer: {error}") from error
    return client


def answers(host: str) -> bool:
    """Whether an engine answers at `host`."""
    try:
        connect(host).close()
    except NoDocker:
        return False
    return True


def forget_registries(host: str, registries: Iterable[str]) -> None:
    """Remove every image that was pulled from one of these registries."""
    prefixes = tuple(f"{registry}/" for registry in registries)
    client = connect(host)
    try:
        everything = client.images.list(all=True)
        for image in everything:
            names = [*image.tags, *image.attrs.get("RepoDigests", ())]
            if any(name.startswith(prefixes) for name in names):
                _remove_with_children(client, image.id, everything)
    finally:
        client.close()


def _remove_with_children(client: Any, image_id: str, everything: Iterable[Any]) -> None:
    """What the classic builder made on an image has no name, and holds it."""
    for image in everything:
        if image.attrs.get("Parent") == image_id and not image.tags:
            _remove_with_children(client, image.id, everything)
    from docker.errors import NotFound

    with suppress(NotFound):
        client.images.remove(image_id, force=True)


@contextmanager
def running_engine(environ: Mapping[str, str]) -> Iterator[str]:
    """The address of an engine, for as long as the block lasts; raises NoDocker."""
    if host := environ.get(HOST_VARIABLE):
        connect(host).close()
        yield host
        return
    if shutil.which("dockerd") is None:
        raise NoDocker("dockerd is not installed (Debian: docker.io)")
    # Unix socket paths hold 107 bytes at most, and pytest's own folders are longer than that.
    with (
        tempfile.TemporaryDirectory(prefix="ik-", ignore_cleanup_errors=True) as name,
        _started(Path(name)) as host,
    ):
        yield host


@contextmanager
def _started(folder: Path) -> Iterator[str]:
    """Try the storage drivers in turn: overlay2 does not work on every file system."""
    reasons: list[str] = []
    for driver in ("overlay2", "vfs"):
        process = _dockerd(folder, driver)
        host = f"unix://{folder}/docker.sock"

        def up(process: subprocess.Popen[bytes] = process, host: str = host) -> bool:
            return process.poll() is not None or answers(host)

        try:
            wait_until(up, seconds=40, what="dockerd")
            if process.poll() is None:
                yield host
                return
        except TimeoutError as error:
            reasons.append(str(error))
        finally:
            stop(process, seconds=30)
            _unmount(folder / "exec" / "netns")
        reasons.append(tail(folder / f"{driver}.log", lines=2))
    raise NoDocker("dockerd does not start here: " + " / ".join(reasons))


def _unmount(namespaces: Path) -> None:
    """dockerd leaves the network namespaces of its containers mounted when it ends."""
    for each in namespaces.glob("*"):
        subprocess.run(["umount", str(each)], check=False, capture_output=True)


def _dockerd(folder: Path, driver: str) -> subprocess.Popen[bytes]:
    with (folder / f"{driver}.log").open("wb") as log:
        return subprocess.Popen(
            [
                "dockerd",
                f"--data-root={folder}/data",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/dockerd.pid",
                f"--host=unix://{folder}/docker.sock",
                f"--storage-driver={driver}",
                *_OPTIONS,
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
