"""Nothing leaves that Lambda would refuse: what a build made is checked first (decision 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from imagekit.check.findings import Report
from imagekit.check.image import check_image, check_own
from imagekit.check.opened import OpenImage, OpenLayer
from imagekit.model.digest import Digest
from imagekit.model.errors import ChecksFailed
from imagekit.model.image import LayerRecord
from imagekit.oci.image import Image, ImageLayer
from imagekit.plan.build_plan import BuildPlan

_OF_A_FUNCTION = frozenset(("M15", "M21", "M22", "M23"))
"""Rules about the command, which a base leaves to the functions that lie on it."""


def require_image(plan: BuildPlan, image: Image, records: Mapping[Digest, LayerRecord]) -> None:
    """ChecksFailed where the documents, or a layer made by older rules, break one."""
    require(check_own(_opened(plan, image, _known(image, records))))


def require_base(
    plan: BuildPlan, image: Image, records: Mapping[Digest, LayerRecord], *, whole: bool = False
) -> None:
    """As `require_image`, of a base, whose command is nobody's handler yet.

    `whole` reads every layer that is on this disk: before others build on it.
    """
    layers = _composed(image, records) if whole else _known(image, records)
    check = check_image if whole else check_own
    report = check(_opened(plan, image, layers))
    kept = tuple(found for found in report.findings if found.rule not in _OF_A_FUNCTION)
    require(replace(report, findings=kept))


def _opened(plan: BuildPlan, image: Image, layers: Iterable[OpenLayer]) -> OpenImage:
    return OpenImage(
        name=plan.function,
        manifest_bytes=image.manifest,
        media_type=image.media_type,
        config_bytes=image.config,
        layers=tuple(layers),
        architecture=plan.target.architecture,
        python=plan.target.python,
        glibc=plan.target.glibc,
        handler=plan.handler or None,
    )


def _known(image: Image, records: Mapping[Digest, LayerRecord]) -> Iterator[OpenLayer]:
    """Layers that passed when they were made are told by their records."""
    by_digest = {record.digest: record for record in records.values()}
    for layer in image.layers:
        known = None if layer.by_others else by_digest.get(layer.descriptor.digest)
        yield _layer(layer, known, ours=known is not None)


def _composed(image: Image, records: Mapping[Digest, LayerRecord]) -> Iterator[OpenLayer]:
    """What lies in no registry was made here, by imagekit or the distribution's own tools."""
    by_digest = {record.digest: record for record in records.values()}
    for layer in image.layers:
        yield _layer(layer, by_digest.get(layer.descriptor.digest), ours=not layer.by_others)


def _layer(layer: ImageLayer, known: LayerRecord | None, *, ours: bool) -> OpenLayer:
    return OpenLayer(
        descriptor=layer.descriptor,
        diff_id=layer.diff_id,
        open=layer.open if layer.here else None,
        ours=ours,
        known=known,
    )


def require(report: Report) -> None:
    """ChecksFailed where the report has an error; an artefact of ours has no warnings."""
    if report.errors:
        raise ChecksFailed(
            artefact=report.name,
            findings=tuple((found.rule, found.place, found.what) for found in report.errors),
            hint=next((found.hint for found in report.errors if found.hint), None),
        )
