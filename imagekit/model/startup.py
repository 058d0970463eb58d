"""What a start costs: import times, and cold starts one by one, as values that reports draw.

Everything in them is text, a number, a tuple or None: `msgspec.to_builtins` gives JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from statistics import median, quantiles
from typing import Literal

from msgspec import Struct

OwnerKind = Literal["own", "package", "client", "stdlib", "base"]
"""Your code · a package · the Lambda runtime client · Python itself · what else a base has."""


class Spread(Struct, frozen=True, kw_only=True):
    """How measurements of one thing lie; in the unit of what was measured."""

    count: int
    median: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of one measurement or more; ValueError for none."""
        found = sorted(values)
        if not found:
            raise ValueError("a spread of no measurements")
        # The quartiles of the measurements themselves: a few are all there are.
        lower, _, upper = quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
        return cls(
            count=len(found),
            median=median(found),
            lower_quartile=lower,
            upper_quartile=upper,
            least=found[0],
            most=found[-1],
        )


class Owner(Struct, frozen=True, order=True):
    """Who brought a module."""

    kind: OwnerKind
    name: str
    """`pandas 3.1.0` of a package; `your code`, `standard library`, `runtime client` else."""


class Import(Struct, frozen=True, kw_only=True):
    """One import, as `-X importtime` tells it, and what is known of the module."""

    module: str
    self_us: int
    """Without what it imported."""
    cumulative_us: int
    depth: int
    """0 where nothing that was measured imported it."""
    parent: int | None
    """Place of the importer in `ImportProfile.imports`."""
    owner: Owner | None = None
    """None where nobody could be found."""
    layer: str | None = None
    """The name of the plan's layer that it lies in."""
    path: str | None = None
    """Its file inside the artefact; none where it is built in, a namespace, or was not found."""


class ImportGroup(Struct, frozen=True, kw_only=True):
    """Imports of one owner, or in one layer, together."""

    name: str
    kind: OwnerKind | Literal["layer"]
    self_us: int
    modules: int


class LazyImport(Struct, frozen=True, kw_only=True):
    """A module that own code imports at its top and does not touch while it starts."""

    module: str
    importer: str
    """Module of own code."""
    line: int
    used_in: tuple[str, ...]
    """Functions that use it: where the import could stand. None of them: nobody does."""
    cumulative_us: int
    saved_us: int
    """What would not be imported without it: no more than `cumulative_us`."""


class BytecodeEffect(Struct, frozen=True, kw_only=True):
    """Imports with bytecode and without, measured in turn on the same artefact, in µs."""

    with_us: Spread
    without_us: Spread
    shipped: Literal["all", "some", "none"]
    """How much of what was imported the artefact has as bytecode."""

    @property
    def saved_us(self) -> float:
        """Between the medians."""
        return self.without_us.median - self.with_us.median


class CompiledModule(Struct, frozen=True, kw_only=True):
    """What the bytecode of one module buys."""

    path: str
    """Of the source inside the artefact."""
    owner: Owner | None
    bytecode_bytes: int
    self_us: int
    saved_us: int
    """Less to import it with bytecode than without; 0 where noise says it costs more."""


# `dict`: the sums over thousands of imports are made once.
class ImportProfile(Struct, frozen=True, kw_only=True, dict=True):
    """The imports of a runtime client and a handler, in the order in which they began."""

    function: str
    artefact: str
    """What was measured: a function's name, a path, a reference."""
    architecture: str
    packaging: str
    python: str
    """Full version inside the artefact."""
    emulated: bool
    """The artefact is of another architecture: times compare among themselves alone."""
    imports: tuple[Import, ...]
    """Importers before what they import; the run nearest to the median."""
    measured_us: Spread
    """By the clock around the imports, over all runs."""
    total_us: int
    """By the clock, in the run that `imports` shows."""
    interpreter_us: int
    """What Python imports to start itself, beside `total_us`."""
    lazy: tuple[LazyImport, ...] = ()
    """The greatest saving first."""
    bytecode: BytecodeEffect | None = None
    compiled: tuple[CompiledModule, ...] = ()

    @cached_property
    def attributed_us(self) -> int:
        """Of imports whose owner is known; never above `total_us`."""
        known = sum(found.self_us for found in self.imports if found.owner is not None)
        return min(known, self.total_us)

    @property
    def unattributed_us(self) -> int:
        """What is left of `total_us`."""
        return self.total_us - self.attributed_us

    @property
    def share(self) -> float:
        """Of `total_us` that is attributed, 0 to 1."""
        return self.attributed_us / self.total_us if self.total_us else 1.0

    @cached_property
    def by_owner(self) -> tuple[ImportGroup, ...]:
        """The heaviest first; packages, and the groups that are none."""
        kinds = {found.owner.name: found.owner.kind for found in self.imports if found.owner}
        named = _summed(self.imports, lambda found: found.owner.name if found.owner else None)
        return tuple(
            ImportGroup(name=name, kind=kinds[name], self_us=self_us, modules=count)
            for name, self_us, count in named
        )

    @cached_property
    def by_layer(self) -> tuple[ImportGroup, ...]:
        """The heaviest first; only what lies in a layer of the plan."""
        named = _summed(self.imports, lambda found: found.layer)
        return tuple(
            ImportGroup(name=name, kind="layer", self_us=self_us, modules=count)
            for name, self_us, count in named
        )

    def heaviest(self, count: int) -> tuple[Import, ...]:
        """Modules by their own time."""
        return tuple(sorted(self.imports, key=lambda found: (-found.self_us, found.module))[:count])

    def roots(self) -> Iterator[int]:
        """Places of imports that nothing imported."""
        return (place for place, found in enumerate(self.imports) if found.parent is None)

    def children(self, place: int) -> Iterator[int]:
        """Places of what the import at `place` imported, in order."""
        return (at for at, found in enumerate(self.imports) if found.parent == place)


class ColdStart(Struct, frozen=True, kw_only=True):
    """One start of a fresh environment."""

    artefact: str
    batch: int
    """Counted from 0: starts of one batch ran close together."""
    init_ms: float | None
    """From the start of the process to its first request for work; Lambda's Init Duration. None
    where a snapshot was restored instead."""
    first_answer_ms: float | None = None
    """From the start of the process, or of restoring, to the first answer."""
    memory_bytes: int | None = None
    """The peak."""
    restore_ms: float | None = None
    """Lambda's Restore Duration (SnapStart)."""
    duration_ms: float | None = None
    """Of the first call alone."""
    billed_ms: float | None = None

    @property
    def start_ms(self) -> float:
        """What a caller waits before the handler begins: INIT, or restoring."""
        return (self.init_ms if self.init_ms is not None else self.restore_ms) or 0.0


class StartSeries(Struct, frozen=True, kw_only=True):
    """The cold starts of one artefact."""

    artefact: str
    function: str
    packaging: str
    where: Literal["here", "lambda"]
    memory_limit_mb: int
    starts: tuple[ColdStart, ...]
    """At least one, in the order in which they ran."""
    bytecode: bool | None = None
    """Whether its own modules have bytecode; None where it was not looked at."""
    size_bytes: int | None = None
    """What is sent or stored: compressed."""

    @property
    def start_ms(self) -> Spread:
        """Of INIT, or of restoring: what all starts have."""
        return Spread.of(start.start_ms for start in self.starts)

    @property
    def init_ms(self) -> Spread | None:
        """None where snapshots were restored."""
        return _spread(start.init_ms for start in self.starts)

    @property
    def first_answer_ms(self) -> Spread | None:
        """Of the starts that answered; None where none did."""
        return _spread(start.first_answer_ms for start in self.starts)

    @property
    def memory_bytes(self) -> Spread | None:
        """Peaks; None where they could not be read."""
        return _spread(start.memory_bytes for start in self.starts)

    @property
    def restore_ms(self) -> Spread | None:
        """None where nothing was restored."""
        return _spread(start.restore_ms for start in self.starts)

    @property
    def billed_ms(self) -> Spread | None:
        """None where Lambda did not run it."""
        return _spread(start.billed_ms for start in self.starts)


def _spread(values: Iterable[float | None]) -> Spread | None:
    found = [value for value in values if value is not None]
    return Spread.of(found) if found else None


def _summed(
    imports: Iterable[Import], name_of: Callable[[Import], str | None]
) -> list[tuple[str, int, int]]:
    """Name, µs and modules; the heaviest first."""
    sums: dict[str, tuple[int, int]] = {}
    for found in imports:
        if (name := name_of(found)) is not None:
            self_us, count = sums.get(name, (0, 0))
            sums[name] = (self_us + found.self_us, count + 1)
    ordered = sorted(sums.items(), key=lambda each: (-each[1][0], each[0]))
    return [(name, self_us, count) for name, (self_us, count) in ordered]
