"""A Docker Engine: the only place that knows the docker SDK."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from imagekit.daemon.refusals import refusals
from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteRefused

if TYPE_CHECKING:
    import docker

    from imagekit.daemon.running import Containers

# Between two answers of the engine: unpacking a large layer sends none.
_TIMEOUT_SECONDS = 600
_KNOCK_SECONDS = 10
_CHUNK_BYTES = 1 << 20
_CONFLICT = 409
_CONTAINERD = "io.containerd.snapshotter"
# moby image/tarexport/load.go and daemon/containerd/image_exporter.go
_LOADED = re.compile(r"^Loaded image(?: ID)?: (?P<name>\S+)$", re.MULTILINE)


def connect(environ: Mapping[str, str]) -> Engine:
    """The engine that `docker` itself would use: DOCKER_HOST and TLS variables, or its context.

    Errors: RemoteRefused where none answers, or where the user may not use its socket.
    """
    import docker
    from docker.errors import DockerException

    host = None
    try:
        host = _host(environ)
        _knock(host)
        client = docker.DockerClient.from_env(
            environment={**environ, "DOCKER_HOST": host},
            timeout=_TIMEOUT_SECONDS,
            use_ssh_client=True,
        )
    except PermissionError as error:
        raise RemoteRefused(
            what=f"you may not use the Docker Engine at {host}",
            hint="sudo usermod -aG docker $USER, then log in again",
        ) from error
    except (DockerException, OSError, ValueError) as error:
        raise RemoteRefused(
            what=f"no Docker Engine answers at {host}" if host else "no Docker Engine was found",
            causes=(str(error),),
            hint="start Docker, or set DOCKER_HOST",
        ) from error
    return Engine(client, host)


def _host(environ: Mapping[str, str]) -> str:
    """As the docker command has it: DOCKER_HOST, else the chosen context, else the default."""
    from docker.constants import DEFAULT_NPIPE, DEFAULT_UNIX_SOCKET, IS_WINDOWS_PLATFORM
    from docker.context import ContextAPI

    if host := environ.get("DOCKER_HOST"):
        return host
    context = ContextAPI.get_context(environ.get("DOCKER_CONTEXT"))
    default = DEFAULT_NPIPE if IS_WINDOWS_PLATFORM else DEFAULT_UNIX_SOCKET
    found = (context.Host if context else None) or default
    return str(found).removeprefix("http+")


def _knock(host: str) -> None:
    """Open the socket and close it: the SDK says of every failure that the connection aborted."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_KNOCK_SECONDS)
            knocking.connect(host.removeprefix("unix://"))


class Engine:
    """One engine, asked over one connection; close it, or use it in a `with`.

    Errors of all methods: RemoteRefused with what the engine said.
    """

    def __init__(self, client: docker.DockerClient, host: str = "") -> None:
        self._client = client
        self.host = host
        """Its address, as the docker command takes it with `--host`."""

    @property
    def version(self) -> str:
        """Such as `20.10.24+dfsg1`."""
        with refusals("docker version"):
            return str(cast("Mapping[str, object]", self._client.version()).get("Version", ""))

    @property
    def machine(self) -> str:
        """What its images run on, as OCI spells it: `amd64`, `arm64`."""
        with refusals("docker version"):
            return str(cast("Mapping[str, object]", self._client.version()).get("Arch", ""))

    @property
    def has_bridge(self) -> bool:
        """Whether containers can have a network of their own."""
        with refusals("docker network ls"):
            networks = cast("list[Mapping[str, object]]", self._client.api.networks())
        return any(network.get("Driver") == "bridge" for network in networks)

    @property
    def containers(self) -> Containers:
        """What runs in it for us."""
        from imagekit.daemon.running import Containers

        return Containers(self._client)

    def usage(self) -> tuple[tuple[str, str], ...]:
        """What takes its disk, as `docker system df` tells: kind, and size for people."""
        from imagekit.daemon.usage import usage_of

        with refusals("docker system df"):
            return usage_of(cast("Mapping[str, object]", self._client.api.df()))

    def id_of(self, name: str) -> str | None:
        """The id of an image; None where there is none of that name."""
        from docker.errors import NotFound

        with refusals(f"docker image inspect {name}"):
            try:
                return str(self._client.images.get(name).id)
            except NotFound:
                return None

    def pull(self, reference: str, login: tuple[str, str] | None = None) -> None:
        """Pull an image by its digest; `login` is a user and a password."""
        auth = {"username": login[0], "password": login[1]} if login else None
        with refusals(f"docker pull {reference}"):
            self._client.api.pull(reference, auth_config=auth)

    def build(
        self, context: Path, *, network: str, platform: str
    ) -> Iterator[Mapping[str, object]]:
        """Build a folder with the classic builder; its answers as they come. Nothing is tagged."""
        # Only an engine with experimental features takes a platform that is its own anyway.
        foreign = None if platform == f"linux/{self.machine}" else platform
        with refusals("docker build"):
            yield from cast(
                "Iterator[Mapping[str, object]]",
                self._client.api.build(
                    path=str(context),
                    decode=True,
                    rm=True,
                    forcerm=True,
                    network_mode=network,
                    platform=foreign,
                ),
            )

    def tag(self, image_id: str, name: str) -> None:
        """Give an image a name, in place of the image that had it."""
        with refusals(f"docker tag {image_id} {name}"):
            self._client.images.get(image_id).tag(name)

    def forget(self, image_id: str) -> None:
        """Remove an image that has no name; what it was built from stays for the next build."""
        from docker.errors import APIError, NotFound

        with refusals("docker rmi"):
            try:
                image = self._client.images.get(image_id)
                if not image.tags:
                    self._client.images.remove(str(image.id), noprune=True)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != _CONFLICT:  # in use by a container: not ours to remove
                    raise

    @property
    def keeps_layers(self) -> bool:
        """Whether `load` takes an archive without layers that the engine has.

        The classic image store opens a layer only if it does not have it (moby,
        image/tarexport/load.go). The containerd image store imports every blob.
        """
        with refusals("docker info"):
            info = cast("Mapping[str, object]", self._client.info())
        return not any(
            _CONTAINERD in str(value)
            for pair in cast("list[list[object]]", info.get("DriverStatus") or [])
            for value in pair
        )

    def diff_ids(self) -> tuple[tuple[Digest, ...], ...]:
        """For each image the diff_ids of its layers, from the lowest up.

        Empty where the engine wants every layer, whatever it has. With `oci.archive.shared_layers`
        this tells how many layers an archive may leave out.
        """
        if not self.keeps_layers:
            return ()
        with refusals("docker images"):
            return tuple(dict.fromkeys(self._layers()))

    def load(self, archive: Path, tags: Iterable[str] = ()) -> str:
        """Load a docker-archive; the image's id, `sha256:…`. `tags` are added to its own names."""
        with refusals("docker load"), archive.open("rb") as data:
            answers = list(self._client.api.load_image(data))
            name = _loaded(cast("list[Mapping[str, object]]", answers))
            image = self._client.images.get(name)
            for tag in tags:
                image.tag(tag)
        return str(image.id)

    def save(self, name: str, archive: Path) -> None:
        """Write an image, by name or id, to `archive` as `docker save` does."""
        with refusals(f"docker save {name}", hint=f"docker pull {name}"):
            # The id, as saving by name would take every tag of a bare repository name.
            image = self._client.images.get(name)
            with archive.open("wb") as file:
                for chunk in self._client.api.get_image(str(image.id), chunk_size=_CHUNK_BYTES):
                    file.write(chunk)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _layers(self) -> Iterator[tuple[Digest, ...]]:
        from docker.errors import NotFound

        for image in cast("list[Mapping[str, str]]", self._client.api.images()):
            try:
                found = self._client.api.inspect_image(image["Id"])
            except NotFound:
                continue  # removed since the list was made
            layers = (found.get("RootFS") or {}).get("Layers") or []
            yield tuple(Digest.parse(diff_id) for diff_id in layers)


def _loaded(answers: Iterable[Mapping[str, object]]) -> str:
    """The name or id that the engine's answers tell."""
    name = ""
    for answer in answers:
        if error := answer.get("error") or answer.get("message"):
            raise RemoteRefused(what="docker load failed", causes=(str(error),))
        if found := _LOADED.search(str(answer.get("stream", ""))):
            name = found["name"]
    if not name:
        raise RemoteRefused(what="docker load did not say which image it loaded")
    return name
