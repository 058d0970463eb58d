"""Runs a build: BuildKit through the docker command, or the classic builder through the SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from imagekit.daemon.engine import Engine
from imagekit.engines.docker.clients import Builder
from imagekit.engines.docker.progress import Progress
from imagekit.model.errors import CannotBuild, ImagekitError, RemoteRefused
from imagekit.project.command import redact

_NO_SPACE = "no space left on device"
_FOREIGN = "exec format error"
_FOREIGN_HINT = (
    "the engine runs no programs of this architecture: build there, or set up QEMU for it "
    "(docs.docker.com/build/building/multi-platform); `--engine oci` needs neither"
)
_HINT = "`imagekit dockerfile FUNCTION --output DIR` writes what was built: try the step by hand"


class Job(Struct, frozen=True, kw_only=True):
    """One build."""

    context: Path
    scratch: Path
    """An empty folder for what the builder writes beside."""
    platform: str
    network: str
    """Of the whole build: `none`, `default` or `host`."""


class Built(Struct, frozen=True, kw_only=True):
    """What a build gave: an image in the engine, under no name."""

    image_id: str
    ran: tuple[str, ...]
    """Instructions that were run."""
    cached: tuple[str, ...]


def build(
    builder: Builder,
    engine: Engine,
    job: Job,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> Built:
    """Build the context's Dockerfile. Nothing is tagged.

    `say` hears each step as it begins and ends. Raises CannotBuild with the failing step's last
    lines, RemoteRefused where the engine does not answer or its disk is full.
    """
    progress = Progress()
    if builder.kind == "classic":
        image_id = _classic(engine, job, progress, say)
    else:
        image_id = _buildkit(builder, engine, job, progress, (environ, say))
    return Built(image_id=image_id, ran=progress.ran, cached=progress.cached)


def command(builder: Builder, host: str, job: Job, image_file: Path) -> tuple[str, ...]:
    """The command line of a BuildKit build."""
    buildx = (
        # The engine's own builder: another one would send the image back as a tar.
        ("--builder=default", "--load", "--provenance=false", "--sbom=false")
        if builder.kind == "buildx"
        else ()
    )
    client, *words = builder.argv
    return (
        *(client, "--host", host, *words),
        *(f"--platform={job.platform}", f"--network={job.network}", "--progress=plain"),
        *(*buildx, f"--iidfile={image_file}", str(job.context)),
    )


def _buildkit(
    builder: Builder,
    engine: Engine,
    job: Job,
    progress: Progress,
    around: tuple[Mapping[str, str], Callable[[str], None]],
) -> str:
    environ, say = around
    image_file = job.scratch / "image-id"
    argv = command(builder, engine.host, job, image_file)
    # BUILDX_BUILDER would choose another builder, DOCKER_CONTEXT another engine.
    kept = {k: v for k, v in environ.items() if k not in ("BUILDX_BUILDER", "DOCKER_CONTEXT")}
    kept |= {"DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    status = _follow(argv, kept, progress, say, job.scratch)
    if status or not image_file.is_file():
        raise _failure(engine, progress, f"`{' '.join(builder.argv)}` ended with status {status}")
    return image_file.read_text(encoding="utf-8").strip()


def _follow(
    argv: tuple[str, ...],
    environ: Mapping[str, str],
    progress: Progress,
    say: Callable[[str], None],
    folder: Path,
) -> int:
    """Run the client, listening to its progress; its exit status."""
    import subprocess

    try:
        client = subprocess.Popen(
            argv,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise CannotBuild(
            what=f"`{argv[0]}` cannot be started", causes=(error.strerror or str(error),)
        ) from error
    with client:
        try:
            for line in client.stdout or ():
                if words := progress.buildkit(line):
                    say(words)
        except BaseException:
            client.kill()
            raise
    return client.returncode


def _classic(engine: Engine, job: Job, progress: Progress, say: Callable[[str], None]) -> str:
    for answer in engine.build(job.context, network=job.network, platform=job.platform):
        if error := answer.get("error"):
            progress.errors.append(str(error))
            raise _failure(engine, progress, "the classic builder gave up")
        aux = answer.get("aux")
        if isinstance(aux, dict) and "ID" in aux:
            progress.image = str(aux["ID"])
        if words := progress.classic(str(answer.get("stream", ""))):
            say(words)
    progress.classic_finished()
    if progress.image is None:
        raise _failure(engine, progress, "the classic builder named no image")
    return progress.image


def _failure(engine: Engine, progress: Progress, otherwise: str) -> ImagekitError:
    step = progress.failed
    what = f"docker could not build {step.words}" if step else "docker could not build the image"
    said = tuple(redact(line) for line in (*(step.output if step else ()), *progress.errors[-3:]))
    if any(_NO_SPACE in line.lower() for line in said):
        usage = tuple(f"{kind}: {words}" for kind, words in engine.usage())
        return RemoteRefused(
            what=f"{what}: the engine's disk is full",
            causes=(*said[-3:], *usage),
            hint="docker builder prune, or docker system prune",
        )
    foreign = any(_FOREIGN in line.lower() for line in said)
    hint = _FOREIGN_HINT if foreign else _HINT
    return CannotBuild(what=what, causes=said or (otherwise,), hint=hint)
