"""What the wheels of a project put directly under the root: modules, packages, `bin`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imagekit.contents.facts import wheel_facts
from imagekit.model.digest import Digest
from imagekit.model.package import Package
from imagekit.store import Store

TOPS: Final = "tops"
"""Under which the store keeps the records."""


def tops_key(packages: Sequence[Package]) -> str:
    """The record's key: of these wheels, in whatever order."""
    wheels = sorted(package.recipe for package in packages)
    return Digest.of("\n".join(wheels).encode()).hex


def tops_of(packages: Sequence[Package], store: Store) -> frozenset[str]:
    """Of all packages that were measured; one small record for all of them."""
    key = tops_key(packages)
    match store.record(TOPS, key):
        case {"tops": list(known)}:
            return frozenset(map(str, known))
    facts = [wheel_facts(package, store) for package in packages]
    tops = sorted({top for one in facts if one for top in one.tops})
    if all(facts):
        store.put_record(TOPS, key, {"tops": tops})
    return frozenset(tops)
