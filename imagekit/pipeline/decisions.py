"""What `imagekit.lock` says in this run: read, asked for part by part, written at the end.

`write` decides what is missing or stale and keeps it; `locked` refuses it; `frozen` takes what is
there unread, so it refuses only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.console import Console
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import LockError
from imagekit.model.extension import Extension
from imagekit.model.gain import BytecodeGain
from imagekit.model.image import LAYER_FORMAT
from imagekit.model.package import Package
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.pipeline.afresh import NOTHING, Afresh
from imagekit.pipeline.request import LockMode
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.packaging import Verdict
from imagekit.project.imagekit_lock import NAME, read, write
from imagekit.project.lock_values import (
    BasePin,
    BytecodePin,
    ClientPin,
    ExtensionPin,
    ImagekitLock,
    PackagesPin,
    PackagingPin,
    Part,
    PartKey,
    PinnedWheel,
    PythonPin,
    inputs_of,
    stale,
)
from imagekit.report.recipe import recipe_change, recipe_line

P = TypeVar("P", bound=Part)


class Decisions(Struct, kw_only=True):
    """The lock of one project while a command runs; `save` writes it."""

    path: Path
    mode: LockMode
    console: Console
    lock: ImagekitLock
    before: ImagekitLock | None
    """As it was read; None where there was none."""
    again: Afresh = NOTHING
    """What `imagekit lock --upgrade-…` decides afresh."""
    used: set[PartKey] = field(default_factory=set)
    """Parts that this run asked for: `imagekit lock` forgets the others."""

    @classmethod
    def read(
        cls, root: Path, mode: LockMode, console: Console, again: Afresh = NOTHING
    ) -> Decisions:
        """Read `imagekit.lock` in `root`; LockError where it is unreadable."""
        path = root / NAME
        lock = read(path)
        found = cls(
            path=path,
            mode=mode,
            console=console,
            lock=lock or ImagekitLock(),
            before=lock,
            again=again,
        )
        if found.old_recipe is not None and mode == "locked":
            hint = (
                "imagekit lock" if found.old_recipe < LAYER_FORMAT else "install a newer imagekit"
            )
            raise found.refusal(f"layers are made by {recipe_change(found.old_recipe)}", hint=hint)
        return found

    @property
    def old_recipe(self) -> int | None:
        """The lock's recipe where this imagekit has another: every layer gets other bytes."""
        return None if self.lock.recipe == LAYER_FORMAT else self.lock.recipe

    def take_recipe(self) -> int | None:
        """Put this imagekit's recipe into the lock; the one that it replaces, None if the same."""
        was, self.lock = self.old_recipe, replace(self.lock, recipe=LAYER_FORMAT)
        return was

    def announce(self, plans: Iterable[BuildPlan]) -> None:
        """Say what another recipe will re-send, at every build until the lock has it."""
        if self.old_recipe is not None:
            line = recipe_line(self.old_recipe, plans)
            self.console.say(f"warning: {line}; `imagekit lock` takes it over")

    def base(self, name: str, architecture: Architecture, inputs: Digest) -> BasePin | None:
        """The pin of a base."""
        pin = self.lock.base(name, architecture)
        return self._fresh(pin, PartKey("base", name, architecture), inputs)

    def edited_base(self, name: str, architecture: Architecture) -> Reference | None:
        """Where the lock's reference was moved to another digest, as Renovate does; else None."""
        return self._edited(self.lock.base(name, architecture))

    def keep_base(
        self,
        base: Base,
        architecture: Architecture,
        inputs: Digest,
        pinned: date | None = None,
    ) -> None:
        """Pin what was found, with the day when it was looked for; the facts go with it."""
        self._keep(
            BasePin(
                name=base.name,
                architecture=architecture,
                reference=base.reference,
                digest=base.digest,
                family=base.family,
                facts=base.facts,
                inputs=inputs,
                pinned=pinned,
            )
        )

    def extension(
        self, name: str, architecture: Architecture, inputs: Digest
    ) -> ExtensionPin | None:
        """The pin of an extension."""
        pin = self.lock.extension(name, architecture)
        return self._fresh(pin, PartKey("extension", name, architecture), inputs)

    def edited_extension(self, name: str, architecture: Architecture) -> Reference | None:
        """Where the lock's reference was moved to another digest, as Renovate does; else None."""
        return self._edited(self.lock.extension(name, architecture))

    def keep_extension(
        self, extension: Extension, architecture: Architecture, inputs: Digest
    ) -> None:
        """Pin what was found; what plans need of its layers goes with it."""
        self._keep(
            ExtensionPin(
                name=extension.name,
                architecture=architecture,
                reference=extension.reference,
                digest=extension.digest,
                facts=extension.facts,
                inputs=inputs,
            )
        )

    def verdict(self, function: str, architecture: Architecture, python: str) -> Verdict | None:
        """What `auto` decided for a function before."""
        key = PartKey("packaging", function, architecture)
        pin = self._fresh(self.lock.packaging(function, architecture), key, inputs_of(python))
        return Verdict(packaging=pin.packaging, why=pin.why) if pin else None

    def keep_verdict(
        self,
        function: str,
        architecture: Architecture,
        python: str,
        verdict: Verdict,
        unzipped_bytes: int,
    ) -> None:
        """Remember it: a function's package type can never change (decision 8)."""
        self._keep(
            PackagingPin(
                function=function,
                architecture=architecture,
                packaging=verdict.packaging,
                why=verdict.why,
                unzipped_bytes=unzipped_bytes,
                inputs=inputs_of(python),
            )
        )

    def python(self, minor: str) -> str | None:
        """The full version of the CPython that compiles for a minor one."""
        pin = self._fresh(self.lock.python(minor), PartKey("python", minor), inputs_of(minor))
        return pin.version if pin else None

    def keep_python(self, minor: str, version: str) -> None:
        """`version` compiles in this run; another than the pinned one is said, never written."""
        pinned = self.lock.python(minor)
        if pinned is None or pinned.key in self.again:
            self._keep(PythonPin(minor=minor, version=version, inputs=inputs_of(minor)))
        elif pinned.version != version:
            what = f"bytecode is compiled by CPython {version}; the lock says {pinned.version}"
            if self.mode == "locked":
                raise self.refusal(what, hint=f"uv python install {pinned.version}")
            self.console.say(f"warning: {what}, so its layers differ from your team's")

    def client(self, python: str, architecture: Architecture) -> tuple[Package, ...] | None:
        """The runtime client's packages."""
        key = PartKey("client", python, architecture)
        pin = self._fresh(self.lock.client(python, architecture), key, inputs_of(python))
        if pin is None:
            return None
        return tuple(
            Package(name=one.name, version=one.version, wheel=one.wheel) for one in pin.wheels
        )

    def keep_client(
        self, python: str, architecture: Architecture, packages: Iterable[Package]
    ) -> None:
        """Pin the runtime client's wheels."""
        wheels = tuple(
            PinnedWheel(name=one.name, version=one.version, wheel=one.wheel) for one in packages
        )
        self._keep(
            ClientPin(
                python=python, architecture=architecture, wheels=wheels, inputs=inputs_of(python)
            )
        )

    def pylock(self, function: str, architecture: Architecture, inputs: Digest) -> str | None:
        """The resolved packages of a function whose own lock pins too little."""
        key = PartKey("packages", function, architecture)
        pin = self._fresh(self.lock.packages_of(function, architecture), key, inputs)
        return pin.pylock if pin else None

    def keep_pylock(
        self, function: str, architecture: Architecture, inputs: Digest, pylock: str
    ) -> None:
        """Keep what uv resolved."""
        self._keep(
            PackagesPin(function=function, architecture=architecture, pylock=pylock, inputs=inputs)
        )

    def bytecode_gains(self, function: str, architecture: Architecture) -> tuple[BytecodeGain, ...]:
        """What bytecode buys, where a measurement was kept; it is taken as it is."""
        self.used.add(PartKey("bytecode", function, architecture))
        pin = self.lock.bytecode(function, architecture)
        return pin.gains if pin else ()

    def keep_bytecode_gains(
        self, function: str, architecture: Architecture, gains: tuple[BytecodeGain, ...]
    ) -> None:
        """Keep a measurement for everybody who builds."""
        self._keep(
            BytecodePin(
                function=function,
                architecture=architecture,
                gains=gains,
                inputs=inputs_of(function),
            )
        )

    def save(self, *, prune: bool = False) -> bool:
        """Write the lock where this run changed it; `prune` forgets what nothing asked for."""
        if self.mode != "write":
            return False
        if prune:
            self.lock = self.lock.only(self.used)
        if self.lock == (self.before or ImagekitLock()):
            return False
        write(self.path, self.lock)
        self.before = self.lock
        return True

    def refusal(self, what: str, hint: str = "imagekit lock") -> LockError:
        """The error that says why this lock cannot be used."""
        return LockError(path=self.path, problems=(what,), hint=hint)

    def _edited(self, pin: BasePin | ExtensionPin | None) -> Reference | None:
        if pin is None or not pin.moved or pin.key in self.again:
            return None
        try:
            return Reference.parse(pin.reference)
        except ValueError as error:
            raise self.refusal(f"{pin.key}: {error}") from error

    def _fresh(self, part: P | None, key: PartKey, inputs: Digest) -> P | None:
        self.used.add(key)
        if part is not None and self.mode == "frozen":
            return part
        if key in self.again:
            return None
        lock = ImagekitLock().with_part(part) if part else None
        if not stale(lock, {key: inputs}):
            return part
        if self.mode == "write":
            return None
        raise self.refusal(f"{key} is {'stale' if part else 'missing'}")

    def _keep(self, part: Part) -> None:
        self.lock = self.lock.with_part(part)
