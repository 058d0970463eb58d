"""`imagekit dockerfile`: the Dockerfile of one plan, and the folder that builds it anywhere."""

from __future__ import annotations

from pathlib import Path

from imagekit.engines.docker.bases import base_image, from_name, in_registry
from imagekit.engines.docker.recipe import Abilities, base_of
from imagekit.model.errors import UsageError
from imagekit.pipeline.docker.engine import dockerfile_of, write_archive, write_context
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan


def show(workshop: Workshop, request: Request, output: Path | None, *, mounts: bool) -> None:
    """Answer with the Dockerfile, or with `output` once everything was written there.

    UsageError where more than one image could be meant, or where `output` is not empty.
    """
    session = Session.open(workshop, request)
    _require_one(session)
    if output is not None:
        _require_empty(output)
    plan = session.plans()[0]
    session.decisions.save()
    # Whoever builds it later may have an engine before 23, which knows no network of a step.
    abilities = Abilities(mounts=mounts, step_network=False)
    dockerfile = dockerfile_of(workshop, plan, abilities, anywhere=True)
    if output is None:
        workshop.console.answer(dockerfile.rstrip("\n"))
        return
    write_context(workshop, session.packages, plan, dockerfile, output, link=False)
    _write_base(workshop, plan, output)
    workshop.console.answer(str(output))


def _require_one(session: Session) -> None:
    functions = session.project.functions
    if len(functions) > 1:
        names = ", ".join(one.name for one in functions)
        raise UsageError(
            what=f"a Dockerfile is of one function, and there are {len(functions)}: {names}",
            hint=f"imagekit dockerfile {functions[0].name}",
        )
    if functions and session.several(functions[0]):
        raise UsageError(
            what=f"{functions[0].name} is for {' and '.join(functions[0].architectures)}",
            hint=f"imagekit dockerfile {functions[0].name} --arch {functions[0].architectures[0]}",
        )


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            what=f"{folder} is not an empty folder", hint="name one that is not there yet"
        )


def _write_base(workshop: Workshop, plan: BuildPlan, folder: Path) -> None:
    """A base that lies in no registry goes with the context."""
    base = base_of(plan)
    if in_registry(base, {}) is None:
        write_archive(workshop, base_image(base), from_name(base, {}), folder)
