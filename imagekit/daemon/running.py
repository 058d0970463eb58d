"""Containers that run for us: made, fed through their own streams, ended."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from msgspec import Struct, field

from imagekit.daemon.refusals import refusals
from imagekit.model.errors import RemoteRefused

if TYPE_CHECKING:
    import docker

LABEL = "dev.imagekit.local"
"""What imagekit makes in an engine to run functions; what is left of it is removed again."""

# docs.docker.com/reference/api/engine, "Attach to a container": type, three zeros, size.
_HEADER_BYTES = 8
_STDOUT = 1
_NO_PROGRAM = ("executable file not found", "no such file or directory")
_PROCESSES = 1024  # as in Lambda: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_FILES = 1024
_CONFLICT = 409
_REMOVAL_SECONDS = 20
_KEPT = "24h"
_OVER = ("created", "dead", "exited")
_STARTING_SECONDS = 60


class NoSuchProgram(RemoteRefused):
    """The image has not the program that the container was to start."""


class Mount(Struct, frozen=True, kw_only=True):
    """A folder or file of this machine, or a volume of the engine, in a container, read-only."""

    source: str
    target: str
    kind: Literal["bind", "volume"] = "bind"


class ContainerSpec(Struct, frozen=True, kw_only=True):
    """A container with a read-only root, no capability, and an unprivileged user."""

    image: str
    argv: tuple[str, ...]
    user: str
    memory_bytes: int
    label: str = ""
    """Whose it is, for people."""
    network: str = "none"
    cpus: float | None = None
    """None: as many as there are."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Over those of the image."""
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    """Place to options."""
    mounts: tuple[Mount, ...] = ()
    platform: str | None = None


class FoundImage(Struct, frozen=True, kw_only=True):
    """What an engine knows of one of its images."""

    id: str
    architecture: str
    """As OCI spells it."""
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    variables: Mapping[str, str]
    working_dir: str


class Running:
    """A container that was started; its log goes nowhere but to `read`."""

    def __init__(self, client: docker.DockerClient, identity: str, stream: Any) -> None:
        self._client = client
        self._identity = identity
        self._stream = stream
        self._socket = getattr(stream, "_sock", stream)

    def write(self, data: bytes) -> None:
        """To its stdin. BrokenPipeError where it has ended."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise BrokenPipeError("the container has ended") from error

    def read(self) -> Iterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """What it writes, as it comes, until it has ended or `close` was called."""
        while len(header := self._receive(_HEADER_BYTES)) == _HEADER_BYTES:
            data = self._receive(int.from_bytes(header[4:], "big"))
            yield "stdout" if header[0] == _STDOUT else "stderr", data

    def close(self) -> None:
        """End it and everything in it, and remove it; it may have ended by itself."""
        from docker.errors import APIError, DockerException

        api = self._client.api
        with suppress(DockerException, OSError):
            try:
                api.remove_container(self._identity, force=True, v=True)
            except APIError as error:
                if error.status_code == _CONFLICT:  # it is being removed
                    api.wait(self._identity, timeout=_REMOVAL_SECONDS, condition="removed")
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Give the connection back, once nobody reads any more."""
        response: Any = getattr(self._stream, "_response", self._stream)
        for each in (response, self._stream, self._socket):
            with suppress(OSError, ValueError, AttributeError):
                each.close()

    def _receive(self, count: int) -> bytes:
        """So many bytes, fewer at the end. Never asks for more than will come: through ssh, the
        SDK waits until all that was asked for is there."""
        found = bytearray()
        with suppress(OSError):
            while len(found) < count and (piece := self._socket.recv(count - len(found))):
                found += piece
        return bytes(found)


class Containers:
    """The containers, and the volumes for them, of one engine."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def image(self, name: str) -> FoundImage:
        """Look at an image, by name or id. RemoteRefused where there is none."""
        with refusals(f"docker image inspect {name}", hint=f"docker pull {name}"):
            found = cast("Mapping[str, Any]", self._client.api.inspect_image(name))
        config = found.get("Config") or {}
        pairs = (one.partition("=") for one in config.get("Env") or ())
        return FoundImage(
            id=str(found["Id"]),
            architecture=str(found.get("Architecture", "")),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            variables={name: value for name, _, value in pairs},
            working_dir=str(config.get("WorkingDir") or ""),
        )

    @property
    def processors(self) -> int:
        """How many there are: no container may be given more."""
        with refusals("docker info"):
            return int(cast("Mapping[str, Any]", self._client.info()).get("NCPU") or 1)

    def start(self, spec: ContainerSpec) -> Running:
        """Start a container that ends with our hold of its stdin, and then removes itself.

        NoSuchProgram where the image has not `argv[0]`, RemoteRefused else.
        """
        with refusals("docker create"):
            made = self._client.api.create_container(**self._asked(spec))
        stream = self._attach(made["Id"])
        running = Running(self._client, made["Id"], stream)
        try:
            with refusals("docker start"):
                self._client.api.start(made["Id"])
        except RemoteRefused as error:
            running.close()
            running.release()
            if any(word in cause for cause in error.causes for word in _NO_PROGRAM):
                raise NoSuchProgram(what=error.what, causes=error.causes) from error
            raise
        return running

    def labelled(self, name: str, value: str) -> str | None:
        """The id of an image that has this label."""
        with refusals("docker images"):
            found = self._client.api.images(filters={"label": f"{name}={value}"}, quiet=True)
        return str(found[0]) if found else None

    def layered(self, image_id: str, files: Path, labels: Mapping[str, str]) -> str:
        """An image with the files of a tar on top, as their modes are; its id."""
        with refusals("docker commit"), files.open("rb") as data:
            made = self._client.api.create_container(image_id, labels={LABEL: "1"})
            try:
                self._client.api.put_archive(made["Id"], "/", data)
                marked = {LABEL: "1", **labels}
                changes = [f'LABEL "{name}"="{value}"' for name, value in marked.items()]
                found = self._client.api.commit(made["Id"], changes=changes)
            finally:
                self._client.api.remove_container(made["Id"], force=True, v=True)
        return str(found["Id"])

    def tidy(self, now: float) -> None:
        """Remove containers that have ended, or were never started a minute after they were made,
        and images without a name that `layered` made a day ago; what runs is somebody's."""
        from docker.errors import APIError

        with refusals("docker ps"):
            api = self._client.api
            for one in api.containers(all=True, filters={"label": LABEL, "status": list(_OVER)}):
                fresh = one["State"] == "created" and now - one["Created"] < _STARTING_SECONDS
                with suppress(APIError):  # somebody else did
                    if not fresh:
                        api.remove_container(one["Id"], force=True, v=True)
            with suppress(APIError):
                api.prune_images(filters={"dangling": True, "label": LABEL, "until": _KEPT})

    def _attach(self, identity: str) -> Any:
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with refusals("docker attach"):
            stream = self._client.api.attach_socket(identity, params=params)
        raw = getattr(stream, "_sock", stream)
        with suppress(AttributeError, OSError):
            raw.settimeout(None)  # a function may be silent for as long as it likes
        return stream

    def _asked(self, spec: ContainerSpec) -> dict[str, Any]:
        from docker.types import LogConfig, Ulimit
        from docker.types import Mount as DockerMount

        api = self._client.api
        mounts = [
            DockerMount(
                one.target, one.source, type=one.kind, read_only=True, no_copy=_no_copy(one)
            )
            for one in spec.mounts
        ]
        return {
            "image": spec.image,
            "entrypoint": list(spec.argv[:1]),
            "command": list(spec.argv[1:]),
            "user": spec.user,
            "environment": dict(spec.variables),
            "labels": {LABEL: spec.label},
            "stdin_open": True,
            "platform": spec.platform,
            "host_config": api.create_host_config(
                auto_remove=True,
                read_only=True,
                network_mode=spec.network,
                mem_limit=spec.memory_bytes,
                memswap_limit=spec.memory_bytes,  # none of it is swap
                nano_cpus=None if spec.cpus is None else int(spec.cpus * 1e9),
                pids_limit=_PROCESSES,
                ulimits=[Ulimit(name="nofile", soft=_FILES, hard=_FILES)],
                tmpfs=dict(spec.tmpfs),
                mounts=mounts,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                log_config=LogConfig(type="none"),
            ),
        }


def _no_copy(mount: Mount) -> bool | None:
    return True if mount.kind == "volume" else None
