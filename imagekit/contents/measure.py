"""What a project weighs, from its wheels' directories alone.

A project that did not change costs one small JSON file, less than a millisecond.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from imagekit.contents.address import local_file
from imagekit.contents.facts import FACTS_FORMAT, WheelFacts, collisions, learn, wheel_facts
from imagekit.contents.fetch import fetch, wheel_path
from imagekit.contents.ranges import open_remote
from imagekit.model.digest import Digest
from imagekit.model.errors import Collision
from imagekit.model.footprint import CATEGORIES, Amount, Tally, tally
from imagekit.model.package import Package
from imagekit.model.slim import Saved, saved
from imagekit.net.http import Transport
from imagekit.store import Store

WEIGHTS: Final = "weights"
"""Under which the store keeps the records."""


class Weight(Struct, frozen=True, kw_only=True):
    """What one package adds to an artefact, unzipped and without bytecode."""

    name: str
    version: str
    unzipped_bytes: int
    files: int
    checked: bool = True
    """False where it was measured by range requests."""
    categories: Tally = ()
    """Of what kind the files are; empty where an image told the weight alone."""

    @property
    def label(self) -> str:
        """`name version`, for people."""
        return f"{self.name} {self.version}"


class Measured(Struct, frozen=True, kw_only=True):
    """The weights of a project's packages, sorted by name, and what they fill differently."""

    weights: tuple[Weight, ...]
    collisions: tuple[Collision, ...] = ()
    saved: tuple[Saved, ...] = ()
    """What was left out of them, by reason; none where an image told the weights alone."""

    @property
    def unzipped_bytes(self) -> int:
        """All packages together."""
        return sum(weight.unzipped_bytes for weight in self.weights)


def measure(
    packages: Sequence[Package],
    store: Store,
    transport: Transport,
    *,
    sleep: Callable[[float], None] = time.sleep,
    workers: int = 8,
    by_category: bool = False,
) -> Measured:
    """Weigh `packages`: from wheels that are here, else by range requests, else by fetching them.

    What was measured by ranges is measured again once the wheel is here, and what an image told
    where its weights are wanted `by_category`. Raises BadWheel and what `fetch` raises; collisions
    are for the caller to raise, who may have inherited them.
    """
    key = weights_key(packages)
    known = known_weights(packages, store)
    told = by_category and known and not all(one.categories for one in known.weights if one.files)
    if known and not told and not _improvable(known, packages, store):
        return known
    facts = _Reader(store, transport, sleep, workers).facts(packages)
    measured = weigh(facts)
    _write(measured, store, key)
    return measured


def known_weights(packages: Iterable[Package], store: Store) -> Measured | None:
    """As far as it was measured before: one small record is read, nobody is asked."""
    return _read(store.record(WEIGHTS, weights_key(packages)))


def weigh(facts: Mapping[Package, WheelFacts]) -> Measured:
    """Weights and collisions of wheels whose facts are known."""
    ordered = sorted(facts.items(), key=lambda item: item[0].name)
    weights = (
        Weight(
            name=package.name,
            version=package.version,
            unzipped_bytes=found.unzipped_bytes,
            files=len(found.files),
            checked=found.checked,
            categories=tally(
                ((file.path, file.size_bytes) for file in found.files), own=package.own
            ),
        )
        for package, found in ordered
    )
    return Measured(
        weights=tuple(weights),
        collisions=collisions({package.label: found for package, found in ordered}),
        saved=saved(one for _, found in ordered for one in found.dropped),
    )


class _Reader(Struct, frozen=True):
    store: Store
    transport: Transport
    sleep: Callable[[float], None]
    workers: int

    def facts(self, packages: Iterable[Package]) -> dict[Package, WheelFacts]:
        known = {package: wheel_facts(package, self.store) for package in packages}
        known |= self._by_ranges(_missing(known))
        whole = _missing(known)
        fetch(whole, self.store, self.transport, sleep=self.sleep, workers=self.workers)
        known |= {package: wheel_facts(package, self.store) for package in whole}
        return {package: facts for package, facts in known.items() if facts is not None}

    def _by_ranges(self, packages: Iterable[Package]) -> dict[Package, WheelFacts | None]:
        served = [package for package in packages if local_file(package.wheel) is None]
        if not served:
            return {}
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self.workers, len(served))) as pool:
            return dict(zip(served, pool.map(self._by_range, served), strict=True))

    def _by_range(self, package: Package) -> WheelFacts | None:
        remote = open_remote(package, self.transport, sleep=self.sleep)
        if remote is None:
            return None
        return learn(package, remote, self.store, checked=False)


def _missing(facts: Mapping[Package, WheelFacts | None]) -> list[Package]:
    return [package for package, found in facts.items() if found is None]


def _improvable(known: Measured, packages: Iterable[Package], store: Store) -> bool:
    unchecked = {weight.name for weight in known.weights if not weight.checked}
    return any(
        package.name in unchecked and wheel_path(package, store) is not None for package in packages
    )


def weights_key(packages: Iterable[Package]) -> str:
    """The record's key: of these packages and wheels, in whatever order."""
    wheels = sorted(f"{package.label} {package.recipe}" for package in packages)
    return Digest.of(json.dumps([FACTS_FORMAT, *wheels]).encode()).hex


def _write(measured: Measured, store: Store, key: str) -> None:
    weights = [
        [
            *(weight.name, weight.version, weight.unzipped_bytes, weight.files, weight.checked),
            [[name, one.unzipped_bytes, one.files] for name, one in weight.categories],
        ]
        for weight in measured.weights
    ]
    found = [[collision.path, *collision.owners] for collision in measured.collisions]
    value: dict[str, object] = {"weights": weights, "collisions": found}
    if measured.saved:
        value["saved"] = [[one.reason, one.unzipped_bytes, one.files] for one in measured.saved]
    store.put_record(WEIGHTS, key, value)


def _read(record: dict[str, object] | None) -> Measured | None:
    match record:
        case {"weights": list(weights), "collisions": list(found), **rest}:
            return Measured(
                weights=tuple(_weight(*row) for row in weights),
                collisions=tuple(Collision(path, (one, two)) for path, one, two in found),
                saved=_saved(rest.get("saved")),
            )
    return None


def _weight(
    name: str,
    version: str,
    size_bytes: int,
    files: int,
    checked: bool,
    counted: Sequence[tuple[str, int, int]] = (),
) -> Weight:
    by_name = {one: Amount(size, number) for one, size, number in counted}
    return Weight(
        name=name,
        version=version,
        unzipped_bytes=size_bytes,
        files=files,
        checked=checked,
        categories=tuple((one, by_name[one]) for one in CATEGORIES if one in by_name),
    )


def _saved(rows: object) -> tuple[Saved, ...]:
    return tuple(Saved(*row) for row in rows) if isinstance(rows, list) else ()
