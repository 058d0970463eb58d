"""`imagekit check --import`: the handler is imported, and what it misses is named.

artefact ─┬─ nothing foreign ─→ a folder ─→ an interpreter of this machine ─┬─→ who left it out
          └─ else ─→ Docker Engine ─→ a container under Lambda's limits ────┘
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit import __version__
from imagekit.check.command import command_of
from imagekit.check.documents import parse_config
from imagekit.check.opened import OpenImage, OpenZip
from imagekit.contents.facts import wheel_facts
from imagekit.contents.slim.blame import blame, blame_package
from imagekit.local.import_here import Handler, foreign, import_here
from imagekit.local.import_inside import import_inside
from imagekit.local.unpacked import Unpacked, unpack, with_layers
from imagekit.model.errors import CannotBuild, ConfigError, ImagekitError, RemoteRefused, UsageError
from imagekit.model.importing import Blamed, ImportCheck, NotImported
from imagekit.model.package import Package
from imagekit.model.packaging import LOADER
from imagekit.model.slim import Dropped
from imagekit.model.target import Architecture
from imagekit.pipeline.artefact import Opened
from imagekit.pipeline.deploying.sent import read_archive
from imagekit.pipeline.named import DOCKER
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.starting.runnable import layers_of, runnable
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig
from imagekit.project.interpreter import find
from imagekit.project.read_config import load

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine

_OCI: dict[str, Architecture] = {"amd64": "x86_64", "arm64": "arm64"}


def check_import(workshop: Workshop, found: Opened) -> ImportCheck:
    """Import the artefact's handler where that can be done, and say what is missing and why.

    UsageError where nothing says the handler; CannotBuild, RemoteRefused where it can run nowhere.
    """
    subject = _Subject.of(workshop, found)
    if isinstance(found, OpenImage) and (engine := _engine(workshop)) is not None:
        check = _inside(workshop, engine, subject)
    else:
        check = _here_or_inside(workshop, subject)
    if check.failure is None or subject.function is None:
        return check
    return replace(check, blamed=_blamed(workshop, subject, check.failure))


class _Subject(Struct, frozen=True, kw_only=True):
    """An artefact, and what is known of its function."""

    found: Opened
    handler: str
    architecture: Architecture | None
    function: FunctionConfig | None

    @classmethod
    def of(cls, workshop: Workshop, found: Opened) -> _Subject:
        function = _function(workshop, found)
        return cls(
            found=found,
            handler=_handler(found),
            architecture=_architecture(found, function),
            function=function,
        )

    @property
    def name(self) -> str:
        return self.function.name if self.function else Path(self.found.name).stem

    @property
    def variables(self) -> dict[str, str]:
        """The function's own: of its image, and over them of what is deployed."""
        if self.function is None:
            return {}
        return {**dict(self.function.env), **dict(self.function.settings.env or ())}


def _handler(found: Opened) -> str:
    said = found.handler
    if said is None and isinstance(found, OpenImage):
        config = parse_config(found.config_bytes)
        said = command_of(config).handler if config else None
    if said is None:
        raise UsageError(
            what=f"{found.name} does not say its handler",
            hint="run it in the project that has the function, under the function's name",
        )
    return said


def _architecture(found: Opened, function: FunctionConfig | None) -> Architecture | None:
    if isinstance(found, OpenZip):
        one = function and len(function.architectures) == 1 and function.architectures[0]
        return found.target.architecture if found.target else one or None
    config = parse_config(found.config_bytes)
    return found.architecture or _OCI.get(config.architecture if config else "")


def _function(workshop: Workshop, found: Opened) -> FunctionConfig | None:
    """The project's function with that handler; by the artefact's name, where several have it."""
    try:
        functions = load(workshop.folder, version=__version__, whole=True).functions
    except ConfigError:
        return None
    stem = Path(found.name.removeprefix(DOCKER).partition(":")[0]).stem
    alike = [one for one in functions if one.handler == found.handler]
    named = [one for one in alike if stem.lower().startswith(one.name.lower())]
    return next(iter(named or alike), None)


def _engine(workshop: Workshop) -> Engine | None:
    from imagekit.daemon.engine import connect

    try:
        return connect(workshop.environ)
    except RemoteRefused:
        return None


def _inside(workshop: Workshop, engine: Engine, subject: _Subject) -> ImportCheck:
    with engine:
        request = Request(architecture=subject.architecture)
        held = runnable(workshop, engine, subject.found.name, request)
        sandbox = replace(held.sandbox, function=subject.name, variables=subject.variables)
        return import_inside(engine, sandbox, subject.handler)


def _here_or_inside(workshop: Workshop, subject: _Subject) -> ImportCheck:
    with workshop.store.folder() as folder:
        why = foreign(subject.architecture or "x86_64")
        if why is None:
            with workshop.console.stage("unpack"):
                unpacked = unpack(subject.found, folder / "artefact")
                unpacked = with_layers(unpacked, _layers(workshop, subject.found), folder / "opt")
            done = _here(workshop, subject, unpacked, folder)
            if isinstance(done, ImportCheck):
                return done
            why = done
    engine = _engine(workshop)
    if engine is None:
        raise CannotBuild(
            what=f"{subject.found.name} can be imported nowhere here",
            causes=(why, "no Docker Engine answers"),
            hint="start Docker, or set DOCKER_HOST",
        )
    return _inside(workshop, engine, subject)


def _layers(workshop: Workshop, found: Opened) -> list[Path]:
    """What Lambda attaches to a ZIP; UsageError where the ZIP names one that is nowhere here."""
    if isinstance(found, OpenZip) and isinstance(found.source, Path):
        return layers_of(workshop, read_archive(found.source))
    return []


def _here(
    workshop: Workshop, subject: _Subject, unpacked: Unpacked, folder: Path
) -> ImportCheck | str:
    """The outcome, or why it has to be a container."""
    if not unpacked.roots:
        return "it has no folder of the function's own"
    if (unpacked.roots[0] / LOADER).is_dir():
        return "it unpacks itself to /tmp when it starts"
    python = unpacked.python or (subject.function and subject.function.python)
    if not python:
        return "nothing says for which Python it is"
    interpreter = find(python, environ=workshop.environ, store=workshop.store)
    if interpreter is None:
        return f"there is no CPython {python} here"
    scratch = folder / "tmp"
    scratch.mkdir()
    handler = Handler(
        function=subject.name,
        name=subject.handler,
        roots=unpacked.roots,
        variables={**unpacked.variables, **subject.variables},
    )
    with workshop.console.stage("import"):
        check = import_here(handler, interpreter, scratch)
    if unpacked.unseen:
        where = f"{check.where}, without {unpacked.unseen} layers of its base, which are not here"
        return replace(check, where=where)
    return check


def _blamed(workshop: Workshop, subject: _Subject, failure: NotImported) -> Blamed | None:
    """What slimming did; nothing where the project cannot be planned any more."""
    if subject.function is None:
        return None
    request = Request(functions=(subject.function.name,), architecture=subject.architecture)
    try:
        plan, *_ = Session.open(workshop, request, whole=True).plans()
    except ImagekitError:
        return None
    return blame(failure, _dropped(workshop, plan)) or blame_package(failure, plan.slim.left_out)


def _dropped(workshop: Workshop, plan: BuildPlan) -> Iterator[tuple[str, Dropped]]:
    for package in plan.packages:
        yield from ((package.label, one) for one in _of(package, workshop))


def _of(package: Package, workshop: Workshop) -> tuple[Dropped, ...]:
    facts = wheel_facts(package, workshop.store)
    return facts.dropped if facts else ()
