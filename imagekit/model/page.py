"""What `imagekit report` tells of artefacts, as one value: the page is drawn from it alone."""

from __future__ import annotations

from msgspec import Struct

from imagekit.model.footprint import Footprint, Limit
from imagekit.model.startup import ImportProfile, StartSeries


class PageLayer(Struct, frozen=True, kw_only=True):
    """One row of the layer table."""

    name: str
    packages: tuple[str, ...]
    """`name version` each."""
    unzipped_bytes: int
    size_bytes: int | None = None
    """Compressed; None where it was not made yet."""
    shared_with: tuple[str, ...] = ()
    """Other functions of the project that have the same layer."""
    pushed: bool | None = None
    """Whether the repository has it already; None where nobody was asked, or it is no layer."""


class PageArtefact(Struct, frozen=True, kw_only=True):
    """One function as it is packaged."""

    name: str
    architecture: str
    why: str
    footprint: Footprint
    layers: tuple[PageLayer, ...]
    limits: tuple[Limit, ...]
    profile: ImportProfile | None = None
    """None where nothing was run."""


class Page(Struct, frozen=True, kw_only=True):
    """All of a report."""

    title: str
    made_by: str
    """`imagekit 0.1.0`."""
    artefacts: tuple[PageArtefact, ...]
    series: tuple[StartSeries, ...] = ()
    """Cold starts, one series for each artefact that was compared."""
    notes: tuple[str, ...] = ()
    """What is not in it, and why."""
