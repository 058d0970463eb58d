"""The packages of a function: what its lock says, as wheels, with their weights."""

from __future__ import annotations

import os.path
import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.contents.built import build_wheels
from imagekit.contents.facts import wheel_facts
from imagekit.contents.fetch import fetch, wheel_path
from imagekit.contents.measure import measure
from imagekit.model.base import Base
from imagekit.model.errors import CannotBuild, ImagekitError, LockError, PathCollisions
from imagekit.model.package import Artifact, LockedPackage, Package
from imagekit.model.target import Target
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.workshop import NotAsked, Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project import interpreter as interpreters
from imagekit.project import locks
from imagekit.project.config import FunctionConfig, ProjectConfig
from imagekit.project.handler import holds_handler
from imagekit.project.indexes import Place
from imagekit.project.interpreter import Interpreter
from imagekit.project.uv import Uv

CLIENT = "awslambdaric"
"""AWS's runtime client, for bases that bring none (lambda_rules R8)."""


class Packages(Struct, frozen=True, kw_only=True):
    """Asks locks, uv and indexes; `decisions` remembers what no lock of the project's pins."""

    workshop: Workshop
    project: ProjectConfig
    decisions: Decisions
    shared: dict[locks.LockFile, locks.LockFile] = field(default_factory=dict)
    told: dict[Path, object] = field(default_factory=dict)
    """Locks of which it was said that others lie beside them."""

    def of(self, function: FunctionConfig, target: Target) -> tuple[Package, ...]:
        """What the function's lock says for `target`. LockError, NoWheels, CommandFailed."""
        with self.workshop.console.stage("packages"):
            return self._resolved(function, target)

    def _resolved(self, function: FunctionConfig, target: Target) -> tuple[Package, ...]:
        lock = self._lock(function)
        self._tell(lock, function)
        place = self._place(lock, function)
        name, architecture = function.name, target.architecture
        pinned = None
        if lock.pinned_by_imagekit:
            inputs = locks.inputs_of(lock, function, target)
            pinned = self.decisions.pylock(name, architecture, inputs)
        resolution = locks.resolve(
            lock,
            function,
            target,
            store=self.workshop.store,
            uv=self._uv(target if lock.kind == "uv" else None, place),
            pinned=pinned,
        )
        if resolution.pylock is not None and pinned is None:
            self.decisions.keep_pylock(name, architecture, resolution.inputs, resolution.pylock)
        return self._built(resolution.packages, target, place)

    def known(self, function: FunctionConfig, target: Target) -> tuple[LockedPackage, ...] | None:
        """What the function's lock says for `target`, as far as it is known without asking anybody.

        None where its lock is stale, or nothing was resolved yet. uv may run, offline.
        """
        try:
            lock = self._lock(function)
            pinned = None
            if lock.pinned_by_imagekit:
                inputs = locks.inputs_of(lock, function, target)
                pinned = self.decisions.pylock(function.name, target.architecture, inputs)
                if pinned is None:
                    return None
            uv = self._uv(
                target if lock.kind == "uv" else None, self._place(lock, function)
            ).offline()
            return locks.resolve(
                lock, function, target, store=self.workshop.store, uv=uv, pinned=pinned
            ).packages
        except ImagekitError:
            return None

    def ahead(self, functions: Iterable[tuple[FunctionConfig, str]]) -> None:
        """Let uv read its lock for many functions at once; with each the minor version."""
        pythons: dict[str, Uv] = {}
        questions = []
        for function, python in functions:
            target = Target.managed(python, function.architectures[0])
            try:
                lock = self._lock(function)
            except LockError:
                continue  # told when the function is planned
            if lock.kind == "uv":
                place = self._place(lock, function)
                uv = pythons.get(python) or pythons.setdefault(python, self._uv(target, place))
                own = partial(self.workshop.indexes.handover, place)
                questions.append((lock, function, target, replace(uv, handover=own)))
        locks.export_ahead(questions, self.workshop.store)

    def client(self, target: Target) -> tuple[Package, ...]:
        """Lambda's runtime client and what it needs, as pinned in `imagekit.lock`."""
        if pinned := self.decisions.client(target.python, target.architecture):
            return pinned
        found = self.asked(CLIENT, target)
        self.decisions.keep_client(target.python, target.architecture, found)
        return found

    def asked(self, requirement: str, target: Target) -> tuple[Package, ...]:
        """What the project's indexes have for `target` of a package that imagekit itself needs."""
        with self.workshop.store.folder() as folder:
            requirements = folder / "requirements.txt"
            requirements.write_text(f"{requirement}\n", encoding="utf-8", newline="\n")
            function = FunctionConfig(name=requirement, handler="", root=folder)
            lock = locks.LockFile("requirements", requirements)
            place = self.workshop.indexes.place("any", self.project.root / "imagekit.lock")
            resolution = locks.resolve(
                lock, function, target, store=self.workshop.store, uv=self._uv(None, place)
            )
            return self._built(resolution.packages, target, place)

    def hold(self, packages: Sequence[Package], handler: str) -> bool:
        """Whether one of the packages, measured before, brings the handler's module."""
        return any(
            holds_handler(file.path, handler)
            for package in packages
            if (facts := wheel_facts(package, self.workshop.store))
            for file in facts.files
        )

    def interpreter(self, minor: str, base: Base | None) -> Interpreter:
        """The CPython that compiles (decision 3), the pinned one if it is here.

        Any that is installed, else the composed base's own, else one that uv installs. CannotBuild
        where there is none, LockError under `--locked` where it is another patch version.
        """
        pinned = self.decisions.python(minor)
        found = self._find(minor, pinned)
        if found is None or pinned not in (None, found.version):
            found = self._own(base, pinned) or found or self._last_resort(minor, pinned)
        if found is None:
            raise interpreters.none_found(minor)
        self.decisions.keep_python(minor, found.version)
        return found

    def interpreter_of(self, plan: BuildPlan) -> Interpreter | None:
        """The CPython that compiles this plan's bytecode; None where it ships none."""
        return self.interpreter(plan.target.python, plan.base) if plan.bytecode else None

    def parser_of(self, plan: BuildPlan) -> Interpreter | None:
        """The CPython that says what is Python of the plan's version; None where none is here."""
        if plan.bytecode:
            return self.interpreter_of(plan)
        pinned = self.decisions.lock.python(plan.target.python)
        return self._find(plan.target.python, pinned.version if pinned else None)

    def _lock(self, function: FunctionConfig) -> locks.LockFile:
        """The function's lock, the same one for all functions that share it."""
        found = locks.find(function, self.project.root)
        return self.shared.setdefault(found, found)

    def _tell(self, lock: locks.LockFile, function: FunctionConfig) -> None:
        """Which lock it is, once, where another might have been meant."""
        others, mine = locks.passed_over(lock, function), object()
        if others and self.told.setdefault(lock.path, mine) is mine:
            top = self.project.root.resolve()
            path = lock.path.relative_to(top) if lock.path.is_relative_to(top) else lock.path
            key = Path(os.path.relpath(lock.path, function.root.resolve())).as_posix()
            said = f"packages come from {path.as_posix()}, not from {' or '.join(others)} beside it"
            self.workshop.console.say(f'note: {said}; to choose: lock = "{key}"')

    def _place(self, lock: locks.LockFile, function: FunctionConfig) -> Place:
        """Where the lock's indexes are named; wheels are fetched as somebody who knows them."""
        return self.workshop.indexes.place(lock.kind, lock.path, function.root)

    def _find(self, minor: str, exact: str | None) -> Interpreter | None:
        return interpreters.find(
            minor, exact=exact, environ=self.workshop.environ, store=self.workshop.store
        )

    def _last_resort(self, minor: str, exact: str | None) -> Interpreter | None:
        """One of a base that was composed here before, else one that uv installs."""
        from imagekit.bases.bytecode import kept_interpreters

        return interpreters.find(
            minor,
            exact=exact,
            environ=self.workshop.environ,
            store=self.workshop.store,
            extra=kept_interpreters(self.workshop.store),
            install=True,
        )

    def _own(self, base: Base | None, exact: str | None) -> Interpreter | None:
        if base is None or not base.here or exact not in (None, base.facts.python):
            return None
        if not runs_here(base.config.architecture):
            return None
        from imagekit.bases.bytecode import own_interpreter

        return own_interpreter(base, self.workshop.store)

    def _uv(self, target: Target | None, place: Place) -> Uv:
        """uv, told of a CPython of the target's minor version where it may look for one itself:
        it would trip over shims that do not work, or download an interpreter."""
        python = None
        if target is not None and "UV_PYTHON" not in self.workshop.environ:
            pinned = self.decisions.lock.python(target.python)
            found = self._find(target.python, pinned.version if pinned else None)
            python = found.path if found else None
        return Uv(
            environ=self.workshop.environ,
            folder=self.project.root,
            python=python,
            handover=partial(self.workshop.indexes.handover, place),
        )

    def _built(
        self, locked: tuple[LockedPackage, ...], target: Target, place: Place
    ) -> tuple[Package, ...]:
        wheels_alone = all(isinstance(one.origin, Artifact) for one in locked)
        return build_wheels(
            locked,
            target,
            store=self.workshop.store,
            uv=self._uv(None if wheels_alone else target, place),
            fetch=self._fetch_one,
            say=self._say_building,
        )

    def _fetch_one(self, artifact: Artifact) -> Path:
        package = Package(name=artifact.filename, version="", wheel=artifact)
        bring(self.workshop, (package,))
        return path_of(self.workshop, package)

    def _say_building(self, locked: LockedPackage) -> None:
        self.workshop.console.say(f"building a wheel of {locked.name} {locked.version}")


def runs_here(oci_architecture: str) -> bool:
    """Whether programs of a Linux image of this architecture run on this machine."""
    machines = {"amd64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}
    here = platform.machine().lower()
    return platform.system() == "Linux" and here in machines.get(oci_architecture, ())


def weigh(workshop: Workshop, packages: Sequence[Package]) -> dict[str, int]:
    """Unzipped bytes by package name. PathCollisions where two wheels fill one path differently."""
    with workshop.console.stage("sizes"), _missing_named(workshop, packages):
        measured = measure(packages, workshop.store, workshop.index_transport, sleep=workshop.sleep)
    if measured.collisions:
        raise PathCollisions(
            collisions=measured.collisions,
            hint="leave one of the two packages out of the lock",
        )
    return {weight.name: weight.unzipped_bytes for weight in measured.weights}


def bring(workshop: Workshop, packages: Sequence[Package]) -> None:
    """Fetch the wheels that are not here, with progress."""
    missing = [p for p in packages if wheel_path(p, workshop.store) is None]
    if not missing:
        return
    total = sum(package.wheel.size_bytes or 0 for package in missing)
    with (
        workshop.console.meter("fetching wheels", total) as meter,
        _missing_named(workshop, packages),
    ):
        fetch(missing, workshop.store, workshop.index_transport, progress=meter)


@contextmanager
def _missing_named(workshop: Workshop, packages: Sequence[Package]) -> Iterator[None]:
    """Where no index may be asked: every wheel that is not here, not just the first."""
    try:
        yield
    except NotAsked as error:
        missing = {
            package.wheel.filename: None
            for package in packages
            if wheel_path(package, workshop.store) is None
        }
        raise CannotBuild(
            what=f"{error.what}, and these files are not here",
            causes=tuple(missing),
            hint="build once with a network; what was fetched is kept, and needs none again",
        ) from None


def path_of(workshop: Workshop, package: Package) -> Path:
    """Where a wheel lies that was brought here."""
    found = wheel_path(package, workshop.store)
    if found is None:
        raise CannotBuild(what=f"the wheel of {package.label} is gone", hint="build again")
    return found
