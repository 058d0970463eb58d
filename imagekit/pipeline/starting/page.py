"""`imagekit report`: what a project's functions weigh and how they start, as one HTML page.

functions ─→ plans ─→ footprint, layers, limits ─┐
         └─→ engine ─→ imports, cold starts ─────┴─→ page
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit import __version__
from imagekit.check.limits import MAX_LAYERS
from imagekit.model.digest import Digest
from imagekit.model.errors import ImagekitError, RemoteError
from imagekit.model.footprint import Footprint, Limit
from imagekit.model.outcome import LayerOutcome, Outcome
from imagekit.model.packaging import Asked
from imagekit.model.page import Page, PageArtefact, PageLayer
from imagekit.model.startup import ImportProfile, StartSeries
from imagekit.pipeline.make import foreseen
from imagekit.pipeline.plan import explained
from imagekit.pipeline.pushing.destination import destination
from imagekit.pipeline.request import Outputs
from imagekit.pipeline.session import Session
from imagekit.pipeline.starting.bench import BenchRequest
from imagekit.pipeline.starting.bench import measure as measure_starts
from imagekit.pipeline.starting.profile import ProfileRequest
from imagekit.pipeline.starting.profile import measure as measure_imports
from imagekit.pipeline.starting.wish import Wish
from imagekit.pipeline.workshop import Workshop
from imagekit.pipeline.writable import require_files, write_file
from imagekit.plan.build_plan import BuildPlan
from imagekit.registry.manifests import known_blobs
from imagekit.report.html.page import html


class PageRequest(Struct, frozen=True, kw_only=True):
    """What the page is to show."""

    artefacts: tuple[str, ...] = ()
    """Functions get a section each; all others are compared by their starts. None: all functions
    of the project."""
    output: Path = Path("report.html")
    starts: int = 5
    runs: int = 3
    packagings: tuple[Asked, ...] = ()
    """In which each function starts; None: as the project has it."""
    run: bool = True
    """Whether anything is started: that needs Docker."""
    ask: bool = True
    """Whether registries are asked what they have."""
    wish: Wish = field(default_factory=Wish)


def write(workshop: Workshop, asked: PageRequest) -> None:
    """Measure, draw, and answer with the page's path. Raises what planning and building raise."""
    require_files([("--output", asked.output)])
    page = _page(workshop, asked)
    write_file("--output", asked.output, html(page))
    for note in page.notes:
        workshop.console.say(f"note: {note}")
    drawn = ", ".join(artefact.name for artefact in page.artefacts)
    workshop.console.say(f"{drawn or 'starts'}: open the page in any browser, offline too")
    workshop.console.answer(str(asked.output))


def _page(workshop: Workshop, asked: PageRequest) -> Page:
    every = Session.open(workshop, replace(asked.wish.request, functions=()))
    known = {function.name for function in every.project.functions}
    names = tuple(name for name in asked.artefacts if name in known)
    if not asked.artefacts:
        names = tuple(sorted(known))
    profiles, series, notes = _measured(workshop, asked, names)
    plans = every.plans()
    every.decisions.save()
    outcomes = foreseen(workshop, plans)
    artefacts = []
    for plan in plans:
        if plan.function in names:
            told = explained(every, plan)
            there, note = _in_registry(every, plan) if asked.ask else (None, None)
            notes += [note] if note else []
            artefacts.append(_artefact(plan, told, outcomes, there, profiles.get(plan.function)))
    return Page(
        title=every.project.root.resolve().name,
        made_by=f"imagekit {__version__}",
        artefacts=tuple(artefacts),
        series=series,
        notes=tuple(dict.fromkeys(notes)),
    )


def _measured(
    workshop: Workshop, asked: PageRequest, names: Sequence[str]
) -> tuple[dict[str, ImportProfile], tuple[StartSeries, ...], list[str]]:
    """Imports by function, and cold starts; or a note that says why there are none."""
    if not asked.run:
        return {}, (), ["nothing was started: --no-run"]
    compared = asked.artefacts or tuple(names)
    bench = BenchRequest(
        artefacts=compared, count=asked.starts, packagings=asked.packagings, wish=asked.wish
    )
    try:
        profiles = {
            name: measure_imports(
                workshop, ProfileRequest(artefact=name, runs=asked.runs, wish=asked.wish)
            )[1]
            for name in names
        }
        return profiles, measure_starts(workshop, bench), []
    except RemoteError as error:
        return {}, (), [f"nothing was started: {error}"]


def _in_registry(session: Session, plan: BuildPlan) -> tuple[frozenset[Digest] | None, str | None]:
    """The blobs that the function's repository is known to have; None and why, where nobody knows.

    Those of the image that a push would look at first: a push asks for nothing more.
    """
    function = session.function(plan)
    if plan.packaging != "image" or not function.repository:
        return None, None
    architecture, workshop = plan.target.architecture, session.workshop
    try:
        to = destination(
            function,
            architecture,
            Outputs(push=True),
            several=session.several(function),
            home=workshop.home_registry,
        )
        from imagekit.registry.looks import Looks

        looks = Looks(workshop.registry)
        found = [looks.at(place).manifest for place in to.before]
    except ImagekitError as error:
        return None, f"what {function.repository} has is not known: {error}"
    return frozenset(
        digest for manifest in found if manifest for digest in known_blobs(manifest.data)
    ), None


def _artefact(
    plan: BuildPlan,
    outcome: Outcome,
    all_of_them: Sequence[Outcome],
    there: frozenset[Digest] | None,
    profile: ImportProfile | None,
) -> PageArtefact:
    footprint = outcome.footprint or Footprint(
        name=outcome.name, packaging=outcome.packaging, limit_bytes=outcome.limit_bytes
    )
    others = [one for one in all_of_them if one is not outcome and one.name != outcome.name]
    return PageArtefact(
        name=outcome.name,
        architecture=outcome.architecture,
        why=outcome.why,
        footprint=footprint,
        layers=tuple(_layer(layer, others, there) for layer in outcome.layers),
        limits=tuple(_limits(plan, outcome)),
        profile=profile,
    )


def _layer(
    layer: LayerOutcome, others: Sequence[Outcome], there: frozenset[Digest] | None
) -> PageLayer:
    record = layer.record
    return PageLayer(
        name=layer.name,
        packages=tuple(f"{name} {version}" for name, version in layer.packages),
        unzipped_bytes=layer.unzipped_bytes,
        size_bytes=record.size_bytes if record else None,
        shared_with=tuple(
            other.name
            for other in others
            if any(one.fingerprint == layer.fingerprint for one in other.layers)
        ),
        pushed=None if there is None or record is None else record.digest in there,
    )


def _limits(plan: BuildPlan, outcome: Outcome) -> Iterator[Limit]:
    """What Lambda counts, as far as a plan tells."""
    rule = "T6" if plan.packaging == "image" else "Z1"
    yield Limit(rule=rule, what="unzipped", used=outcome.unzipped_bytes, limit=outcome.limit_bytes)
    if plan.packaging == "image":
        layers = len(outcome.layers) + (len(plan.base.layers) if plan.base else 0)
        yield Limit(rule="T7", what="layers", used=layers, limit=MAX_LAYERS, bytes=False)
