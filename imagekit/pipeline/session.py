"""One run over a project: its configuration, its locks, and the plans of what was asked for."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from imagekit import __version__
from imagekit.pipeline.afresh import NOTHING, Afresh
from imagekit.pipeline.bases.pinned import Bases
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.planning.extensions import Extensions
from imagekit.pipeline.planning.planner import Planner
from imagekit.pipeline.planning.syntax import require_syntax
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.request import Request
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig, ProjectConfig
from imagekit.project.read_config import load
from imagekit.project.source import source_tree
from imagekit.project.source_warnings import source_warnings


class Session(Struct, frozen=True, kw_only=True):
    """What `plan`, `build` and `lock` start from."""

    workshop: Workshop
    request: Request
    project: ProjectConfig
    decisions: Decisions
    packages: Packages
    planner: Planner

    @classmethod
    def open(
        cls,
        workshop: Workshop,
        request: Request,
        again: Afresh = NOTHING,
        *,
        whole: bool = False,
        project: ProjectConfig | None = None,
    ) -> Session:
        """Read configuration and `imagekit.lock`; ConfigError, LockError.

        What is in `again` is decided afresh. `whole` is the whole workspace, also from
        inside a member. `project` is the configuration where it was read already.
        """
        if project is None:
            with workshop.console.stage("configuration"):
                project = load(workshop.folder, request.functions, version=__version__, whole=whole)
        if not request.shares:
            own = (replace(one, shared_handler=None) for one in project.functions)
            project = replace(project, functions=tuple(own))
        with workshop.console.stage("lock"):
            decisions = Decisions.read(project.root, request.lock_mode, workshop.console, again)
        packages = Packages(workshop=workshop, project=project, decisions=decisions)
        planner = Planner(
            workshop=workshop,
            decisions=decisions,
            packages=packages,
            bases=Bases(workshop=workshop, project=project, decisions=decisions, packages=packages),
            extensions=Extensions(workshop=workshop, decisions=decisions),
            previous=PreviousImages.none(workshop),
        )
        return cls(
            workshop=workshop,
            request=request,
            project=project,
            decisions=decisions,
            packages=packages,
            planner=planner,
        )

    def reusing(self, previous: PreviousImages) -> Session:
        """The same, planning from what the images before are known to hold."""
        return replace(self, planner=replace(self.planner, previous=previous))

    def plans(self) -> tuple[BuildPlan, ...]:
        """One plan for each function and architecture; decisions that were missing are made."""
        functions = self.project.functions
        if self.many:
            said = ((one, self.planner.said_python(one)) for one in functions)
            self.packages.ahead((one, python) for one, python in said if python)
        plans = tuple(plan for function in functions for plan in self._plans(function))
        require_syntax(self.workshop, self.packages, plans)
        self.decisions.announce(plans)
        return plans

    def function(self, plan: BuildPlan) -> FunctionConfig:
        """The configuration that a plan was made of."""
        return next(one for one in self.project.functions if one.name == plan.function)

    def several(self, function: FunctionConfig) -> bool:
        """Whether this run makes the function for more than one architecture."""
        return self.request.architecture is None and len(function.architectures) > 1

    @property
    def many(self) -> bool:
        """Whether this run is about more than one function."""
        return len(self.project.functions) > 1

    def _plans(self, function: FunctionConfig) -> tuple[BuildPlan, ...]:
        with self.workshop.console.stage(f"plan {function.name}"):
            return self._planned(function)

    def _planned(self, function: FunctionConfig) -> tuple[BuildPlan, ...]:
        source = source_tree(function)
        for problem in source_warnings(source):
            where = f"{function.name}: {problem.where}" if self.many else problem.where
            self.workshop.console.say(f"warning: {where}: {problem.what}")
        asked = self.request.architecture
        architectures = (asked,) if asked else function.architectures
        return tuple(
            self.planner.plan(function, source, architecture, self.request.packaging)
            for architecture in architectures
        )
