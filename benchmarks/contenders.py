"""Who builds: each turns its copy of the project into an image and pushes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.material import Material, copy_project, run

# Dependencies in a layer of their own, wheels mounted and never copied into a layer.
BUILDKIT = """\
FROM {base}
WORKDIR /var/task
RUN --mount=type=bind,source=uv,target=/bin/uv \\
    --mount=type=bind,source=wheels,target=/wheels \\
    --mount=type=bind,source=runtime-client.txt,target=/tmp/runtime-client.txt \\
    {install} --target /opt/imagekit -r /tmp/runtime-client.txt
RUN --mount=type=bind,source=uv,target=/bin/uv \\
    --mount=type=bind,source=wheels,target=/wheels \\
    --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \\
    {install} --require-hashes --target /var/task -r /tmp/requirements.txt
COPY models /var/task/models
COPY src/scoring /var/task/scoring
ENV PYTHONPATH=/opt/imagekit
ENTRYPOINT ["/usr/bin/python3.13", "-m", "awslambdaric"]
CMD ["scoring.app.handler"]
"""

# The same for builders without mounts: what only the installation needs stays in another stage.
CLASSIC = """\
FROM {base} AS packages
COPY uv /bin/uv
COPY wheels /wheels
COPY runtime-client.txt requirements.txt /tmp/
RUN {install} --target /opt/imagekit -r /tmp/runtime-client.txt
RUN {install} --require-hashes --target /var/task -r /tmp/requirements.txt
FROM {base}
WORKDIR /var/task
COPY --from=packages /opt/imagekit /opt/imagekit
COPY --from=packages /var/task /var/task
COPY models /var/task/models
COPY src/scoring /var/task/scoring
ENV PYTHONPATH=/opt/imagekit
ENTRYPOINT ["/usr/bin/python3.13", "-m", "awslambdaric"]
CMD ["scoring.app.handler"]
"""

_INSTALL = (
    "uv pip install --quiet --no-cache --no-index --find-links /wheels "
    "--python /usr/bin/python3.13{bytecode}"
)


def dockerfile(template: str, base: str, *, bytecode: bool) -> str:
    """A Dockerfile as it is built and printed."""
    install = _INSTALL.format(bytecode=" --compile-bytecode" if bytecode else "")
    return template.format(base=base, install=install)


class Contender(Protocol):
    """One builder with its own copy of the project."""

    name: str
    project: Path

    def prepare(self, *, bytecode: bool) -> None:
        """Set bytecode on or off."""

    def forget(self) -> None:
        """Throw away every cache, so that the next build is cold; the base stays where it is."""

    def build_and_push(self) -> None:
        """One build, and a push to the contender's repository."""

    def close(self) -> None:
        """Remove what was made."""


@dataclass(slots=True)
class Docker:
    """Docker's own builders: BuildKit or the classic one, then `docker push`."""

    material: Material
    host: str
    client: str
    buildkit: bool
    name: str = field(init=False)
    project: Path = field(init=False)

    def __post_init__(self) -> None:
        self.name = "BuildKit" if self.buildkit else "classic builder"
        self.project = copy_project(self.material, f"docker-{int(self.buildkit)}")
        shutil.copy(self.material.uv, self.project / "uv")
        self._docker("pull", "--quiet", self.material.base)

    @property
    def reference(self) -> str:
        """Where the image is pushed."""
        builder = "buildkit" if self.buildkit else "classic"
        return f"{self.material.registry}/scoring-{builder}:bench"

    def prepare(self, *, bytecode: bool) -> None:
        """Write the Dockerfile."""
        template = BUILDKIT if self.buildkit else CLASSIC
        text = dockerfile(template, self.material.base, bytecode=bytecode)
        (self.project / "Dockerfile").write_text(text, encoding="utf-8")

    def forget(self) -> None:
        """Remove the images and BuildKit's cache."""
        with suppress(RuntimeError):
            self._docker("image", "rm", "--force", self.reference)
        self._docker("image", "prune", "--force")
        with suppress(RuntimeError):
            self._docker("builder", "prune", "--all", "--force")

    def build_and_push(self) -> None:
        """`docker build` and `docker push`."""
        # The engine may have no bridge; nothing in the build uses the network.
        build = ("build", "--quiet", "--network=host", "--tag", self.reference)
        self._docker(*build, str(self.project))
        self._docker("push", "--quiet", self.reference)

    def close(self) -> None:
        """Remove the images, the base among them."""
        self.forget()
        with suppress(RuntimeError):
            self._docker("image", "rm", "--force", self.material.base)

    def _docker(self, *arguments: str) -> str:
        variable = {"DOCKER_BUILDKIT": str(int(self.buildkit))}
        return run([self.client, "--host", self.host, *arguments], env=variable)


@dataclass(slots=True)
class Buildah:
    """`buildah build --layers` in a storage of its own, then `buildah push`."""

    material: Material
    name: str = "buildah"
    project: Path = field(init=False)

    def __post_init__(self) -> None:
        self.project = copy_project(self.material, "buildah")
        shutil.copy(self.material.uv, self.project / "uv")
        self._pull()

    def prepare(self, *, bytecode: bool) -> None:
        """Write the Dockerfile."""
        text = dockerfile(CLASSIC, self.material.base, bytecode=bytecode)
        (self.project / "Dockerfile").write_text(text, encoding="utf-8")

    def forget(self) -> None:
        """Remove every image; the base is pulled again."""
        self._buildah("rmi", "--all", "--force")
        self._pull()

    def build_and_push(self) -> None:
        """Build and push."""
        reference = f"{self.material.registry}/scoring-buildah:bench"
        build = ("build", "--quiet", "--layers", "--isolation=chroot", "--tls-verify=false")
        self._buildah(*build, "--tag", reference, str(self.project))
        self._buildah("push", "--quiet", "--tls-verify=false", reference)

    def close(self) -> None:
        """Remove the storage."""
        self._buildah("rmi", "--all", "--force")

    def _pull(self) -> None:
        self._buildah("pull", "--quiet", "--tls-verify=false", self.material.base)

    def _buildah(self, *arguments: str) -> str:
        storage = self.material.folder / "buildah-storage"
        where = ["--root", str(storage / "root"), "--runroot", str(storage / "run")]
        return run(["buildah", *where, *arguments])


@dataclass(slots=True)
class Imagekit:
    """imagekit, with no Docker. With `slim = "off"` it ships the same files as the others."""

    material: Material
    command: tuple[str, ...]
    slim: str = "off"
    name: str = "imagekit"
    project: Path = field(init=False)
    answer: dict[str, object] = field(init=False, default_factory=dict)
    """What the last build said, as JSON."""

    def __post_init__(self) -> None:
        self.project = copy_project(self.material, self.name)

    def prepare(self, *, bytecode: bool) -> None:
        """Configure, and pin the base and the compiling CPython, as a project has it committed."""
        config = self.project / "pyproject.toml"
        lines = [
            line
            for line in config.read_text(encoding="utf-8").splitlines()
            if not line.startswith(("base =", "bytecode =", "slim ="))
        ]
        place = lines.index("[tool.imagekit]") + 1
        lines[place:place] = [
            f'base = "{self.material.base}"',
            f"bytecode = {str(bytecode).lower()}",
            f'slim = "{self.slim}"',
        ]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._imagekit("lock")

    def forget(self) -> None:
        """Empty the store."""
        shutil.rmtree(self._store, ignore_errors=True)

    def build_and_push(self) -> None:
        """One command."""
        target = f"{self.material.registry}/scoring-{self.name}:bench"
        said = self._imagekit("build", "scoring", "--push", "--to", target, "--json")
        self.answer = json.loads(said)["functions"][0]

    def close(self) -> None:
        """Nothing lies outside the folder."""

    @property
    def _store(self) -> Path:
        return self.material.folder / f"{self.name}-store"

    def _imagekit(self, *arguments: str) -> str:
        environ = {
            "IMAGEKIT_CACHE_DIR": str(self._store),
            "UV_CACHE_DIR": str(self.material.folder / "uv-cache"),
            "UV_FIND_LINKS": str(self.project / "wheels"),
            "UV_NO_INDEX": "1",
            "PYENV_ROOT": str(self.material.pyenv),
        }
        return run([*self.command, *arguments], cwd=self.project, env=environ)


def buildkit_client(host: str) -> str | None:
    """A `docker` that can use BuildKit: newer ones need the buildx plugin for it."""
    for client in (shutil.which("docker"), "/usr/bin/docker"):
        if client and Path(client).exists() and _builds(client, host):
            return client
    return None


def _builds(client: str, host: str) -> bool:
    done = subprocess.run(
        [client, "--host", host, "build", "--quiet", "-"],
        input="FROM scratch\nLABEL probe=1\n",
        env={"DOCKER_BUILDKIT": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0
