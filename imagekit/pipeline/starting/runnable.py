"""An ARTEFACT, as `invoke`, `bench` and `profile` take one: in a Docker Engine, ready to start.

function ─→ built ─┬─ image ────────────────→ docker load
path, reference ───┴─ ZIP ─→ base + its files ─→ one image more
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit import __version__
from imagekit.local.sandbox import TASK_ROOT, Sandbox
from imagekit.local.unzipped import write_tar
from imagekit.model.digest import Digest
from imagekit.model.errors import UsageError
from imagekit.model.packaging import ARCHIVE
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture, Target
from imagekit.oci.archive import read_image
from imagekit.pipeline.deploying.sent import Archive, file_of, files_of, read_archive
from imagekit.pipeline.docker.loading import into_engine, local_name
from imagekit.pipeline.make import By, Made, make
from imagekit.pipeline.named import (
    DOCKER,
    InRegistry,
    function_of,
    is_configured,
    named,
    stem_of,
)
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.starting.bare import bare_image
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig
from imagekit.project.read_config import load
from imagekit.registry.credentials import Basic

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine

_ZIP_LABEL = "dev.imagekit.zip"


class Runnable(Struct, frozen=True, kw_only=True):
    """What an engine can start now."""

    artefact: str
    """As it was named, or the function's name."""
    packaging: str
    sandbox: Sandbox
    """With the image, and how it starts; limits and variables are others' to say."""
    function: FunctionConfig | None = None
    """Whose it is, where the project here has it."""
    made: Made | None = None
    """Where it was built just now."""


def runnable(workshop: Workshop, engine: Engine, text: str | None, request: Request) -> Runnable:
    """Have the engine hold what `text` names; a function is built first.

    Without a text, the project's only function. UsageError where it names nothing or too much, and
    what building, reading and loading raise.
    """
    functions = _functions(workshop)
    what = named(text, functions)
    if isinstance(what, FunctionConfig):
        return _of_function(workshop, engine, what, request)
    if isinstance(what, Path):
        return _of_path(workshop, engine, what, functions, request)
    if isinstance(what, InRegistry):
        return _of_reference(workshop, engine, what.text, functions)
    function = _by_name(functions, what.name.partition(":")[0])
    sandbox = Sandbox(image=what.name, function=_name(function, what.name))
    return Runnable(
        artefact=f"{DOCKER}{what.name}", packaging="image", sandbox=sandbox, function=function
    )


def _functions(workshop: Workshop) -> tuple[FunctionConfig, ...]:
    """Those of the project here; none where there is no project."""
    if not is_configured(workshop):
        return ()
    return load(workshop.folder, version=__version__, whole=True).functions


def _of_function(
    workshop: Workshop, engine: Engine, function: FunctionConfig, request: Request
) -> Runnable:
    architecture = request.architecture or likeliest(function, engine)
    asked = replace(request, functions=(function.name,), architecture=architecture)
    session = Session.open(workshop, asked)
    plans = session.plans()
    session.decisions.save()
    (made,) = make(
        workshop,
        session.packages,
        plans,
        by=By(keep=True),
        previous=PreviousImages.none(workshop),
    )
    sandbox = _made(workshop, engine, made, session)
    return Runnable(
        artefact=function.name,
        packaging=made.plan.packaging,
        sandbox=replace(sandbox, function=function.name),
        function=function,
        made=made,
    )


def likeliest(function: FunctionConfig, engine: Engine) -> Architecture:
    """Of several, the engine's own."""
    own = [
        one
        for one in function.architectures
        if Target.managed("3.13", one).oci_architecture == engine.machine
    ]
    return (own or list(function.architectures))[0]


def _made(workshop: Workshop, engine: Engine, made: Made, session: Session) -> Sandbox:
    function = session.function(made.plan)
    if made.zip is not None:
        archive = workshop.store.blob_path(made.zip.digest)
        return _unzipped(workshop, engine, archive, function, session.request)
    tag = local_name(function.name)
    interpreter = made.plan.base.facts.interpreter if made.plan.base else None
    if made.image_id is not None:
        engine.tag(made.image_id, tag)
        return Sandbox(image=made.image_id, interpreter=interpreter)
    if made.image is None:
        raise ValueError("a plan became neither an image nor a ZIP")
    image_id = into_engine(workshop, engine, made.image, tag)
    return Sandbox(image=image_id, interpreter=interpreter)


def _of_path(
    workshop: Workshop,
    engine: Engine,
    path: Path,
    functions: Sequence[FunctionConfig],
    request: Request,
) -> Runnable:
    function = function_of(path, functions)
    name = _name(function, stem_of(path.name))
    if path.suffix != ".zip":
        image = into_engine(workshop, engine, read_image(path), local_name(name))
        sandbox = Sandbox(image=image, function=name)
        return Runnable(artefact=str(path), packaging="image", sandbox=sandbox, function=function)
    if function is None:
        raise UsageError(
            what=f"{path} does not say its handler, and no function here is called {name}",
            hint="run it in the project that has the function, under `NAME.zip`",
        )
    sandbox = replace(_unzipped(workshop, engine, path, function, request), function=name)
    return Runnable(artefact=str(path), packaging="zip", sandbox=sandbox, function=function)


def _unzipped(
    workshop: Workshop, engine: Engine, path: Path, function: FunctionConfig, request: Request
) -> Sandbox:
    """The ZIP's files over `/var/task` of the function's base, which stands in for the runtime."""
    architecture = request.architecture or likeliest(function, engine)
    base = bare_image(workshop, engine, function, architecture, request)
    archive = read_archive(path)
    key = f"{archive.digest.hex}-{Digest.of(base.image.encode()).short}"
    # What lies in a bucket is there already: the sandbox has no network.
    rest = file_of(workshop, archive.rest, path) if archive.rest else None
    layers = layers_of(workshop, archive)
    image_id = engine.containers.labelled(_ZIP_LABEL, key)
    if image_id is None:
        with workshop.console.stage("unzip"), workshop.store.folder() as folder:
            more = {ARCHIVE: rest} if rest else {}
            write_tar(path, folder / "task.tar", TASK_ROOT, more, layers)
            image_id = engine.containers.layered(base.image, folder / "task.tar", {_ZIP_LABEL: key})
    return replace(base, image=image_id, handler=function.handler)


def layers_of(workshop: Workshop, archive: Archive) -> list[Path]:
    """The Lambda layers that the ZIP says it needs, from wherever they are; UsageError."""
    return [layer.path or _gone(layer.name) for layer in files_of(workshop, archive)]


def _gone(layer: str) -> Path:
    raise UsageError(
        what=f"the layer {layer} that the ZIP needs is neither here nor beside it",
        hint="imagekit build, or put NAME.layer-1.zip and so on beside it",
    )


def _of_reference(
    workshop: Workshop, engine: Engine, text: str, functions: Sequence[FunctionConfig]
) -> Runnable:
    reference = Reference.parse(text)
    login = workshop.credentials.for_registry(reference.registry)
    with workshop.console.stage(f"docker pull {reference}"):
        engine.pull(
            str(reference), (login.user, login.password) if isinstance(login, Basic) else None
        )
    function = _by_name(functions, reference.repository.rpartition("/")[2])
    sandbox = Sandbox(image=str(reference), function=_name(function, text))
    return Runnable(artefact=text, packaging="image", sandbox=sandbox, function=function)


def _by_name(functions: Sequence[FunctionConfig], name: str) -> FunctionConfig | None:
    return next((one for one in functions if one.name.lower() == name.lower()), None)


def _name(function: FunctionConfig | None, other: str) -> str:
    return function.name if function else other
