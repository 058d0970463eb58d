"""`imagekit plan --compare`: every packaging of a function, without making one.

configuration ─→ a plan in each packaging, or why there is none ─→ what it weighs ─→ one table
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from imagekit.console import Console
from imagekit.contents.facts import wheel_facts
from imagekit.model.comparison import COMPARED, Compared, Measure
from imagekit.model.errors import BuildError, ImagekitError, InputError, UsageError
from imagekit.model.packaging import Packaging
from imagekit.model.sizes import size
from imagekit.model.target import Architecture
from imagekit.model.tree import Tree
from imagekit.pipeline.make import foreseen
from imagekit.pipeline.planning.unpacking import packed_bytes, pieces_of
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.starts import kept_start
from imagekit.pipeline.weighing import known_made
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig
from imagekit.project.source import source_tree
from imagekit.report.compare import compare_json, compare_lines, hint_line
from imagekit.report.deploy import problem_line

_LINES = 3
_NO_BUCKET = "BUCKET"
"""Stands for the bucket of a function that names none."""


def show(workshop: Workshop, request: Request, *, json: bool) -> None:
    """Answer with a table for each function and architecture. `imagekit.lock` stays as it is.

    UsageError, ConfigError, LockError; what only one packaging lacks is said in its line.
    """
    if request.packaging is not None:
        raise UsageError(
            what="--compare shows every packaging", hint="leave `--packaging` out, or `--compare`"
        )
    # What a packaging needs that is not locked is looked up, and written nowhere. Each plan would
    # say the same warnings again, which `imagekit plan` says once.
    quiet = replace(workshop, console=Console(out=workshop.console.out, err=io.StringIO()))
    session = Session.open(quiet, replace(request, lock_mode="write"))
    rows = tuple(_rows(session))
    workshop.console.answer(compare_json(rows) if json else "\n".join(compare_lines(rows)))
    if said := hint_line(rows):
        workshop.console.say(said)


def _rows(session: Session) -> Iterator[Compared]:
    for function in session.project.functions:
        source = source_tree(function)
        asked = session.request.architecture
        for architecture in (asked,) if asked else function.architectures:
            for packaging in COMPARED:
                yield _row(_Case(session, function, source, architecture, packaging))


class _Case(Struct, frozen=True):
    session: Session
    function: FunctionConfig
    source: Tree
    architecture: Architecture
    packaging: Packaging

    def plan(self) -> BuildPlan:
        """What a build of it would follow."""
        function = self.function
        if self.packaging == "zip-s3" and function.bucket is None:
            function = replace(function, bucket=_NO_BUCKET)
        return self.session.planner.plan(function, self.source, self.architecture, self.packaging)


def _row(case: _Case) -> Compared:
    blank = Compared(
        function=case.function.name,
        architecture=case.architecture,
        packaging=case.packaging,
        fits=None,
    )
    try:
        plan = case.plan()
    except (BuildError, InputError) as error:
        return replace(blank, fits=False, why=_why(error))
    except ImagekitError as error:
        return replace(blank, why=_why(error))
    return _weighed(case, plan, replace(blank, fits=True, why=_needs(case, plan)))


def _why(error: ImagekitError) -> str:
    """What is wrong, and what to write; the details are for the command that asks for it alone."""
    lines = problem_line(error).split("; ")[:_LINES]
    return "; ".join([*lines, *([error.hint] if error.hint else [])])


def _needs(case: _Case, plan: BuildPlan) -> str:
    """What there is to know of one that fits."""
    if plan.attaches:
        count = len(plan.attaches)
        return f"{count} Lambda layers" if count > 1 else "1 Lambda layer"
    if plan.unpacks is None:
        return "" if plan.base is None else f"on {plan.base.reference.partition('@')[0]}"
    lands = f"{size(plan.unpacks.disk_bytes)} to /tmp at start"
    nowhere = case.packaging == "zip-s3" and case.function.bucket is None
    return f"{lands}; needs `bucket`" if nowhere else lands


def _weighed(case: _Case, plan: BuildPlan, row: Compared) -> Compared:
    store = case.session.workshop.store
    start = kept_start(store, case.function.root, plan)
    files, compiled = _files(case.session.workshop, plan)
    counted = replace(row, limit_bytes=plan.limit_bytes, files=files + compiled, start=start)
    about_files: tuple[Measure, ...] = ("files",) if compiled else ()
    if built := _built(case.session.workshop, plan):
        unzipped, upload = built
        return replace(counted, unzipped_bytes=unzipped, upload_bytes=upload, estimated=about_files)
    unzipped, upload = _foreseen(case.session.workshop, plan)
    return replace(
        counted,
        unzipped_bytes=unzipped,
        upload_bytes=upload,
        estimated=("unzipped_bytes", *about_files, "upload_bytes"),
    )


def _built(workshop: Workshop, plan: BuildPlan) -> tuple[int, int] | None:
    """Unzipped and compressed bytes of what the store has already."""
    if plan.packaging == "image":
        (outcome,) = foreseen(workshop, [plan])
        records = [layer.record for layer in outcome.layers]
        sizes = [record.size_bytes for record in records if record]
        if len(sizes) < len(records):
            return None
        return outcome.unzipped_bytes, sum(sizes)
    made = known_made(plan, workshop.store)
    if made is None:
        return None
    rest = made.rest.size_bytes if made.rest and made.rest.bucket else 0
    inside = sum(layer.unzipped_bytes for layer in made.attached)
    sent = sum(layer.size_bytes for layer in made.attached)
    return made.unzipped_bytes + inside + plan.others_bytes, made.size_bytes + sent + rest


def _foreseen(workshop: Workshop, plan: BuildPlan) -> tuple[int, int]:
    """The same from sizes alone."""
    pieces = tuple(pieces_of(plan, workshop.store))
    upload = sum(piece.packed_bytes for piece in pieces) + packed_bytes(
        sum(layer.unzipped_bytes for layer in plan.layers if layer.files is not None)
    )
    (outcome,) = foreseen(workshop, [plan])
    return outcome.unzipped_bytes, upload


def _files(workshop: Workshop, plan: BuildPlan) -> tuple[int, int]:
    """Files of packages and source, and how many of them have bytecode."""
    paths = [entry.path for layer in plan.layers for entry in layer.files or ()]
    for layer in plan.layers:
        for package in layer.packages:
            facts = wheel_facts(package, workshop.store)
            paths += [file.path for file in facts.files] if facts else []
    compiled = sum(path.endswith(".py") for path in paths) if plan.bytecode else 0
    return len(paths), compiled
