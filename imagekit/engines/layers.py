"""Layers that the store does not hold yet: read from wheels, compiled, made. In threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from msgspec import Struct

from imagekit.check.own import RULES_VERSION, ElfWatch
from imagekit.contents.trees import Compiler, packages_tree
from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord, NewBlob, NewLayer
from imagekit.model.package import Package
from imagekit.model.target import Target
from imagekit.model.tree import Tree
from imagekit.oci.budget import Budget
from imagekit.oci.layer import Passed, make_layer
from imagekit.plan.build_plan import LayerPlan
from imagekit.store import Store

_WAITING = 6
"""Layers more than cores that may be under way while their sources are compiled."""


class LayerMaker(Struct, frozen=True, kw_only=True):
    """Makes layers for one target; safe to use from threads."""

    store: Store
    wheel_path: Callable[[Package], Path]
    """Where a wheel lies that was fetched and checked."""
    compiler: Compiler | None
    """None ships no bytecode."""
    target: Target
    budget: Budget

    def tree(self, layer: LayerPlan) -> Tree:
        """The layer's files, bytecode included; raises PathCollisions, BadWheel."""
        tree = layer.files or packages_tree(layer.packages, self.wheel_path, self.store)
        if self.compiler is None:
            return tree
        return Tree.of([*tree, *self.compiler.bytecode(tree, layer.root)])

    def make(self, layer: LayerPlan, gate: Gate) -> LayerRecord:
        """Put the layer into the store; what Lambda would refuse in it raises ChecksFailed."""
        with self.budget.hold(layer.unzipped_bytes):
            watch = ElfWatch(self.target)

            def judge() -> Passed:
                watch.refuse(layer.name)
                gate.passed()
                return Passed(glibc=watch.glibc, checks=RULES_VERSION)

            record = make_layer(
                watch.over(self.tree(layer)),
                root=layer.root,
                fingerprint=layer.fingerprint,
                store=self.store,
                judge=judge,
                made=lambda digest, blob: gate.made(NewBlob(layer.fingerprint, digest, blob)),
            )
        gate.finished(record)
        return record


class Gate:
    """Lets layers out once every layer of the run has passed: then none can be refused."""

    def __init__(self, layers: int, out: Callable[[NewLayer], None]) -> None:
        self._left = layers
        self._out = out
        self._waiting: list[LayerRecord] = []
        self._lock = threading.Lock()

    def passed(self) -> None:
        """One more layer's files were all read, and nothing is wrong with them."""
        with self._lock:
            self._left -= 1
        self._open()

    def made(self, blob: NewBlob) -> None:
        """The blob is whole, and not yet in the store: it may leave now, or with `finished`."""
        with self._lock:
            shut = bool(self._left)
        if not shut:
            self._out(blob)

    def finished(self, record: LayerRecord) -> None:
        """The layer lies in the store."""
        with self._lock:
            self._waiting.append(record)
        self._open()

    def _open(self) -> None:
        with self._lock:
            ready, self._waiting = ([], self._waiting) if self._left else (self._waiting, [])
        for record in ready:
            self._out(record)


def make_all(
    jobs: Iterable[tuple[LayerMaker, LayerPlan]],
    done: Callable[[int], None],
    out: Callable[[NewLayer], None] = lambda layer: None,
) -> dict[Digest, LayerRecord]:
    """Make every layer once, the heaviest first so that no long one is left to the end.

    `done` is told each layer's unzipped bytes, from any thread. So is `out` of each layer's blob,
    once all have passed: while it is written, and when it is. The first error stops the rest and
    is raised.
    """
    once = {layer.fingerprint: (maker, layer) for maker, layer in jobs}
    ordered = sorted(once.values(), key=lambda job: (-job[1].unzipped_bytes, job[1].name))
    gate = Gate(len(ordered), out)
    if len(ordered) <= 1:  # a code change: a pool would cost more than it gives
        return {layer.fingerprint: _make(maker, layer, gate, done) for maker, layer in ordered}
    # A layer that is being compiled waits for other processes: with as many threads as cores only
    # two layers' sources would be under way, and the rest would be compressed at the very end.
    waiting = _WAITING if any(maker.compiler for maker, _ in ordered) else 0
    pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1) + waiting)
    try:
        futures = [pool.submit(_make, maker, layer, gate, done) for maker, layer in ordered]
        return _results(futures)
    finally:
        # Not waited for: after Ctrl-C or an error nothing that is still under way matters.
        pool.shutdown(wait=False, cancel_futures=True)


def _make(
    maker: LayerMaker, layer: LayerPlan, gate: Gate, done: Callable[[int], None]
) -> LayerRecord:
    record = maker.make(layer, gate)
    done(layer.unzipped_bytes)
    return record


def _results(futures: list[Future[LayerRecord]]) -> dict[Digest, LayerRecord]:
    wait(futures, return_when=FIRST_EXCEPTION)
    for future in futures:
        if future.done() and (error := future.exception()) is not None:
            raise error
    records = [future.result() for future in futures]
    return {record.fingerprint: record for record in records}
