"""A report of an artefact that was never built, with one of everything."""

from __future__ import annotations

from imagekit.model.footprint import Amount, Footprint, LayerFootprint, Limit, PackageFootprint
from imagekit.model.page import Page, PageArtefact, PageLayer
from imagekit.model.startup import (
    ColdStart,
    Import,
    ImportProfile,
    LazyImport,
    Owner,
    Spread,
    StartSeries,
)

MB = 1_000_000
HOSTILE = "</script><b>&"
"""Module and package names come from wheels, so from anybody."""

FOOTPRINT = Footprint(
    name="scoring",
    packaging="image",
    limit_bytes=10 * 1024**3,
    layers=(
        LayerFootprint(name="base", kind="base", uncounted_bytes=164 * MB),
        LayerFootprint(
            name="pyarrow",
            kind="packages",
            packages=(
                PackageFootprint(
                    name="pyarrow",
                    version="26.0.1",
                    categories=(
                        ("python", Amount(3 * MB, 120)),
                        ("libraries", Amount(150 * MB, 40)),
                    ),
                ),
            ),
        ),
        LayerFootprint(
            name="source",
            kind="source",
            packages=(
                PackageFootprint(name=HOSTILE, own=True, categories=(("own", Amount(9000, 3)),)),
            ),
        ),
    ),
)
IMPORTS = (
    Import(
        module="app",
        self_us=5_000,
        cumulative_us=90_000,
        depth=0,
        parent=None,
        owner=Owner("own", "your code"),
    ),
    Import(
        module="pandas",
        self_us=20_000,
        cumulative_us=75_000,
        depth=1,
        parent=0,
        owner=Owner("package", "pandas 3.1.1"),
    ),
    Import(
        module=HOSTILE,
        self_us=55_000,
        cumulative_us=55_000,
        depth=2,
        parent=1,
        owner=Owner("package", "numpy 2.5.5"),
    ),
    Import(module="json", self_us=10_000, cumulative_us=10_000, depth=1, parent=0),
    Import(module="nothing", self_us=1, cumulative_us=1, depth=1, parent=0),
)
PROFILE = ImportProfile(
    function="scoring",
    artefact="scoring",
    architecture="x86_64",
    packaging="image",
    python="3.13.5",
    emulated=False,
    imports=IMPORTS,
    measured_us=Spread.of([90_000, 91_000, 95_000]),
    total_us=90_001,
    interpreter_us=9_000,
    lazy=(
        LazyImport(
            module="json",
            importer="app",
            line=3,
            used_in=("handler",),
            cumulative_us=10_000,
            saved_us=9_000,
        ),
    ),
)


def series(name: str, first_ms: float) -> StartSeries:
    """Ten starts in two batches."""
    starts = tuple(
        ColdStart(
            artefact=name,
            batch=number // 5,
            init_ms=first_ms + number,
            first_answer_ms=first_ms + number + 20,
            memory_bytes=100 * MB,
        )
        for number in range(10)
    )
    return StartSeries(
        artefact=name,
        function="scoring",
        packaging="image",
        where="here",
        memory_limit_mb=1024,
        starts=starts,
    )


PAGE = Page(
    title="scoring",
    made_by="imagekit 0.0.0",
    artefacts=(
        PageArtefact(
            name="scoring",
            architecture="x86_64",
            why="295 MB unzipped; the ZIP limit is 262 MB",
            footprint=FOOTPRINT,
            layers=(
                PageLayer(
                    name="pyarrow",
                    packages=("pyarrow 26.0.1",),
                    unzipped_bytes=153 * MB,
                    size_bytes=57 * MB,
                    shared_with=("train",),
                    pushed=True,
                ),
                PageLayer(name="numpy", packages=(), unzipped_bytes=9, size_bytes=5, pushed=False),
                PageLayer(name="source", packages=(), unzipped_bytes=9000),
            ),
            limits=(
                Limit(rule="T6", what="unzipped", used=317 * MB, limit=10 * 1024**3),
                Limit(rule="T7", what="layers", used=23, limit=127, bytes=False),
            ),
            profile=PROFILE,
        ),
    ),
    series=(series("scoring", 400), series("docker:scoring", 1100)),
    notes=("one <note>",),
)
