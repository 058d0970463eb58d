"""What Lambda layers of others unpack to: read from where Lambda lends them, and kept."""

from __future__ import annotations

from imagekit.contents.directory import directory
from imagekit.contents.ranges import open_remote
from imagekit.model.digest import Digest
from imagekit.model.errors import ImagekitError
from imagekit.model.package import Artifact, Package
from imagekit.pipeline.deploying.places import Spot
from imagekit.pipeline.planning.attaching import keep_bytes, known_bytes


def layer_bytes(spot: Spot, arn: str) -> int:
    """Unzipped bytes of a layer's version; at least its archive's where that cannot be read, and 0
    where it is not ours to see. AwsRefused."""
    store = spot.workshop.store
    known = known_bytes(arn, store)
    if known is not None:
        return known
    found = spot.place.functions.layer_archive(arn)
    if found is None:
        return 0
    size_bytes, location = found
    unzipped = _unzipped(spot, arn, location) if location.startswith("http") else None
    if unzipped is None:
        return size_bytes
    keep_bytes(arn, unzipped, store)
    return unzipped


def _unzipped(spot: Spot, arn: str, location: str) -> int | None:
    """From the archive's directory alone; None where nobody can read that."""
    # Never kept nor installed: a digest is what an artefact has to have.
    artefact = Artifact(filename=arn, url=location, digest=Digest.of(arn.encode()))
    package = Package(name=arn, version="", wheel=artefact)
    workshop = spot.workshop
    try:
        source = open_remote(package, workshop.transport, sleep=workshop.sleep)
        return None if source is None else sum(one.size_bytes for one in directory(source, arn))
    except (ImagekitError, ValueError):
        return None
