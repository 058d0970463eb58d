"""Nothing leaves that Lambda would refuse: what a build made is checked first (decision 6)."""

from __future__ import annotations

from collections.abc import Mapping

from imagekit.check.findings import Report
from imagekit.check.image import check_own
from imagekit.check.opened import OpenImage, OpenLayer
from imagekit.model.digest import Digest
from imagekit.model.errors import ChecksFailed
from imagekit.model.image import LayerRecord
from imagekit.oci.image import Image, ImageLayer
from imagekit.plan.build_plan import BuildPlan


def require_image(plan: BuildPlan, image: Image, records: Mapping[Digest, LayerRecord]) -> None:
    """ChecksFailed where the documents, or a layer made by older rules, break one."""
    by_digest = {record.digest: record for record in records.values()}
    require(
        check_own(
            OpenImage(
                name=plan.function,
                manifest_bytes=image.manifest,
                media_type=image.media_type,
                config_bytes=image.config,
                layers=tuple(_layer(layer, by_digest) for layer in image.layers),
                architecture=plan.target.architecture,
                python=plan.target.python,
                glibc=plan.target.glibc,
                handler=plan.handler,
            )
        )
    )


def _layer(layer: ImageLayer, records: Mapping[Digest, LayerRecord]) -> OpenLayer:
    known = None if layer.by_others else records.get(layer.descriptor.digest)
    return OpenLayer(
        descriptor=layer.descriptor,
        diff_id=layer.diff_id,
        open=layer.open if layer.here else None,
        ours=known is not None,
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
