"""`imagekit base list`: every base that can be named here. Nobody is asked for anything.

folders, configuration, lock ─→ bases ─→ who uses them ─→ packages that need not be shipped twice
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from imagekit.bases.definition import DebianOrigin, Definition
from imagekit.bases.listed import Listed, PinnedBase, Saving
from imagekit.bases.named import names, shipped
from imagekit.model.errors import ImagekitError
from imagekit.model.target import Architecture
from imagekit.pipeline.bases.pinned import Bases
from imagekit.pipeline.bases.project import BaseProject
from imagekit.pipeline.bases.used import Use, uses
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig
from imagekit.project.lock_values import BasePin, ImagekitLock
from imagekit.report.bases_listed import listed_json, listed_lines
from imagekit.report.errors import told


def run(workshop: Workshop, *, json: bool = False) -> None:
    """Answer with the list. Raises ConfigError and LockError."""
    found = tuple(listed(BaseProject.open(workshop, "frozen", None)))
    today = workshop.today
    answer = listed_json(found, today) if json else "\n".join(listed_lines(found, today))
    workshop.console.answer(answer)


def listed(opened: BaseProject) -> Iterator[Listed]:
    """Every base that this project or workspace may name, and those that it names by reference."""
    project, lock = opened.project, opened.decisions.lock
    used = uses(project, lock)
    roots = (project.root, *project.members)
    known = {*names(roots, project.bases), *(use.name for use in used)}
    looking = _Listing(bases=opened.bases, packages=opened.bases.packages, lock=lock)
    for name in sorted(known):
        yield looking.base(name, tuple(use for use in used if use.name == name))


class _Listing(Struct, frozen=True, kw_only=True):
    bases: Bases
    packages: Packages
    lock: ImagekitLock

    def base(self, name: str, used: Sequence[Use]) -> Listed:
        """One row; what is wrong with a base is told in it, so that the others are listed."""
        try:
            origin, problem = self._origin(name), None
        except ImagekitError as error:
            origin, problem = "", told(error)
        pins = tuple(pin for pin in self.lock.bases if pin.name == name)
        return Listed(
            name=name,
            origin=origin,
            problem=problem,
            pins=tuple(_pinned(pin) for pin in pins),
            functions=tuple(dict.fromkeys(one.name for use in used for one in use.functions)),
            savings=tuple(
                self._saving(function, pin)
                for use in used
                for pin in pins
                if pin.architecture == use.architecture
                for function in use.functions
            ),
        )

    def _origin(self, name: str) -> str:
        source = self.bases.source(name)
        if not isinstance(source, Definition):
            return str(source)
        origin = str(source.origin)
        if isinstance(source.origin, DebianOrigin):
            origin = f"debian {source.origin.suite}"
        if source.path.is_relative_to(shipped()):
            return f"{origin} (shipped)"
        return origin

    def _saving(self, function: FunctionConfig, pin: BasePin) -> Saving:
        """What the function leaves out, as its lock and the base have the same version of it."""
        locked = self.packages.known(function, pin.facts.target(pin.architecture))
        there, weights = set(pin.facts.packages), dict(pin.facts.package_bytes)
        left_out = [
            package.name for package in locked or () if (package.name, package.version) in there
        ]
        return Saving(
            function=function.name,
            architecture=pin.architecture,
            packages=None if locked is None else tuple(left_out),
            unzipped_bytes=sum(weights.get(name, 0) for name in left_out),
        )


def _pinned(pin: BasePin) -> PinnedBase:
    architecture: Architecture = pin.architecture
    return PinnedBase(
        architecture=architecture, reference=pin.reference, day=pin.pinned, facts=pin.facts
    )
