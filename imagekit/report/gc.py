"""What can go from repositories, in words and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from imagekit.model.ecr import Collection, StoredImage
from imagekit.model.sizes import size

SCHEMA = 1


def collection_line(found: Collection) -> str:
    """`team/scoring: 12 of 40 images unused (1.2 GB); 20 run, 5 newest, …`."""
    unused, total = found.unused, len(found.verdicts)
    line = f"{found.repository}: {len(unused)} of {total} images unused ({_bytes(unused)})"
    kept = Counter(_kind(one.why) for one in found.verdicts if one.why is not None)
    reasons = ", ".join(f"{count} {kind}" for kind, count in kept.most_common())
    return f"{line}; kept: {reasons}" if reasons else line


def unused_line(repository: str, image: StoredImage) -> str:
    """A reference by digest, alone on its line: a script may read it."""
    return f"{repository}@{image.digest}"


def closing_line(found: Sequence[Collection], *, applied: bool) -> str:
    """What was done, and what to type next."""
    unused = [image for one in found for image in one.unused]
    if not unused:
        return "nothing to delete: every image is run by a function, or kept"
    if applied:
        return f"deleted {_images(unused)} ({_bytes(unused)})"
    return f"nothing was deleted: imagekit gc --apply deletes {_images(unused)} ({_bytes(unused)})"


def gc_json(found: Sequence[Collection], *, applied: bool) -> str:
    """`{"schema": 1, "applied": false, "repositories": […]}`."""
    repositories = [
        {"repository": one.repository, "images": list(_images_json(one))} for one in found
    ]
    document = {"schema": SCHEMA, "applied": applied, "repositories": repositories}
    return json.dumps(document, indent=2)


def _images_json(found: Collection) -> Iterator[dict[str, object]]:
    for one in found.verdicts:
        yield {
            "digest": str(one.image.digest),
            "tags": list(one.image.tags),
            "size_bytes": one.image.size_bytes,
            "unused": one.why is None,
            "why": one.why,
        }


def _kind(why: str | None) -> str:
    """The reason without the names in it, to count by."""
    words = why or ""
    if words.startswith("run by"):
        return "run by functions"
    if words.endswith("names it"):
        return "named by a tag of imagekit's"
    if words.startswith(("part of", "a document of")):
        return words.rpartition(" ")[0]
    return words


def _images(images: Sequence[StoredImage]) -> str:
    return "1 image" if len(images) == 1 else f"{len(images)} images"


def _bytes(images: Sequence[StoredImage]) -> str:
    return size(sum(image.size_bytes for image in images))
