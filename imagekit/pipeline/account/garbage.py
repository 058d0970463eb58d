"""Which images of a repository can go. Pure: everything was read before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from imagekit.model.digest import Digest
from imagekit.model.ecr import MOVING, StoredImage, Use, Verdict
from imagekit.oci.kept import is_kept_tag

DAY_SECONDS = 24 * 3600
"""Younger images are on their way to a function: pushed, and not deployed yet."""

_NAMED = 3


class Held(Struct, frozen=True, kw_only=True):
    """What keeps images, besides their age."""

    uses: tuple[Use, ...]
    newest: int
    """So many of a repository stay, whatever runs them."""
    pinned: frozenset[Digest] = frozenset()
    """What `imagekit.lock` names: bases and extensions."""
    parts: Mapping[Digest, tuple[Digest, ...]] = field(default_factory=dict)
    """The images of each index."""


def judged(images: Iterable[StoredImage], held: Held, now: float) -> tuple[Verdict, ...]:
    """Every image with why it is kept, the newest first; `now` in seconds since 1970."""
    ordered = sorted(images, key=lambda one: (-one.pushed, one.digest))
    why = {one.digest: _own_reason(one, held, now) for one in ordered}
    plain = [one for one in ordered if one.subject is None and not _is_layer(one)]
    for image in plain[: held.newest]:
        why[image.digest] = why[image.digest] or f"one of the newest {held.newest}"
    for index, parts in held.parts.items():
        if why.get(index):
            for part in parts:
                if part in why:
                    why[part] = why[part] or f"part of the index {index.short}"
    for image in ordered:
        if image.subject is not None and why.get(image.subject):
            why[image.digest] = (
                why[image.digest] or f"a document of the image {image.subject.short}"
            )
    return tuple(Verdict(image=one, why=why[one.digest]) for one in ordered)


def in_order(unused: Iterable[StoredImage], held: Held) -> tuple[Digest, ...]:
    """Indexes and documents first: ECR refuses to delete an image that an index names."""
    ordered = sorted(unused, key=lambda one: (one.digest not in held.parts, one.subject is None))
    return tuple(one.digest for one in ordered)


def _own_reason(image: StoredImage, held: Held, now: float) -> str | None:
    if used := [use for use in held.uses if use.digest == image.digest]:
        return _used(used)
    if image.digest in held.pinned:
        return "pinned in imagekit.lock"
    if moving := next((tag for tag in image.tags if tag.startswith(MOVING)), None):
        return f"{moving} names it"
    if _is_layer(image) or image.archived:
        return "archived" if image.archived else "a layer that builds share"
    if now - image.pushed < DAY_SECONDS:
        return "pushed less than a day ago"
    return None


def _is_layer(image: StoredImage) -> bool:
    return any(is_kept_tag(tag) for tag in image.tags)


def _used(uses: list[Use]) -> str:
    """`run by scoring:$LATEST,41 and report:7`."""
    versions: dict[str, list[str]] = defaultdict(list)
    for use in uses:
        versions[use.function].append(use.version)
    shown = [f"{name}:{','.join(found)}" for name, found in sorted(versions.items())]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return f"run by {' '.join(shown[:_NAMED])}{more}"
