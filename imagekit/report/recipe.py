"""A change of the recipe in words: what is different, and what it will re-send."""

from __future__ import annotations

from collections.abc import Iterable

from imagekit.model.image import LAYER_FORMAT, RECIPES
from imagekit.model.sizes import size
from imagekit.plan.build_plan import BuildPlan


def recipe_change(was: int) -> str:
    """`recipe 2, not 1 (sorted links)`: this imagekit's against that of the lock."""
    newer = (RECIPES[number] for number in sorted(RECIPES) if number > was)
    words = "; ".join(newer) or "the lock is of a newer imagekit"
    return f"recipe {LAYER_FORMAT}, not {was} ({words})"


def recipe_line(was: int, plans: Iterable[BuildPlan]) -> str:
    """One line: all that is made differs from what was sent by the recipe that `was`."""
    plans = tuple(plans)
    layers = {
        layer.fingerprint: layer.unzipped_bytes
        for plan in plans
        if plan.packaging == "image"
        for layer in plan.layers
    }
    zips = [plan.unzipped_bytes for plan in plans if plan.packaging != "image"]
    new = [_counted("layer", list(layers.values())), _counted("ZIP", zips)]
    what = " and ".join(words for words in new if words) or "nothing"
    return f"made by {recipe_change(was)}: {what} will be made and sent anew"


def _counted(noun: str, sizes: list[int]) -> str:
    if not sizes:
        return ""
    return f"{len(sizes)} {noun}{'s' if len(sizes) > 1 else ''} ({size(sum(sizes))} unzipped)"
