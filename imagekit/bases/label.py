"""The facts about a base as a label of its image: what `base outdated` shows costs two small GETs.

Plans never rest on it: a pin's facts are read from the layers themselves (decision 7). An image
that somebody made on top of the base inherits the label, so it names the layers that it is about.
"""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.bases.record import facts_from_json, facts_to_json
from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.image import ImageConfig
from imagekit.oci.values import canonical, digest_at, object_at, parse_object

LABEL = "dev.imagekit.base.facts"


def label_of(facts: BaseFacts, diff_ids: tuple[Digest, ...]) -> tuple[str, str]:
    """Key and value for the config of an image that has these layers.

    What nobody compares is left out: every image on the base inherits the label.
    """
    short = replace(facts, package_bytes=(), shared=())
    value = {"layers": str(_over(diff_ids)), "facts": facts_to_json(short)}
    return LABEL, canonical(value).decode()


def labelled_facts(config: ImageConfig) -> BaseFacts | None:
    """What the image says of itself; None where it says nothing, or speaks of other layers."""
    text = dict(config.labels).get(LABEL)
    if text is None:
        return None
    try:
        found = parse_object(text.encode())
        if digest_at(found, "layers") != _over(config.diff_ids):
            return None
        return facts_from_json(object_at(found, "facts"))
    except ValueError:
        return None


def _over(diff_ids: tuple[Digest, ...]) -> Digest:
    return Digest.of(" ".join(map(str, diff_ids)).encode())
