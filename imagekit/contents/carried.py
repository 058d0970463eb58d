"""What was measured of a project's wheels, in a form that travels with its image (decision 4).

A runner with an empty store and an unchanged lock takes it over and plans as if it had measured
the wheels itself: no index is asked. It holds for exactly the same wheels, and only together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imagekit.contents.measure import WEIGHTS, weights_key
from imagekit.contents.tops import TOPS, tops_key, tops_of
from imagekit.model.package import Package
from imagekit.store import Store


def carried(packages: Sequence[Package], store: Store) -> dict[str, object] | None:
    """What the store knows of these packages together; None where they were not all measured.

    The same whether they were measured from wheels or by range requests.
    """
    weights = store.record(WEIGHTS, key := weights_key(packages))
    tops_of(packages, store)
    tops = store.record(TOPS, tops_key(packages))
    match weights, tops:
        case {"weights": list(rows), "collisions": []}, {"tops": list(names)}:
            return {"of": key, "weights": [row[:4] for row in rows], "tops": names}
    return None


def is_measured(packages: Sequence[Package], store: Store) -> bool:
    """Whether the store knows what these packages weigh."""
    return store.record(WEIGHTS, weights_key(packages)) is not None


def take_over(found: Mapping[str, object], packages: Sequence[Package], store: Store) -> bool:
    """Keep in the store what an image carried; False where it tells of other packages.

    Marked as not checked, so that it is measured again once the wheels are here.
    """
    labels = {(package.name, package.version) for package in packages}
    match found:
        case {"of": str(key), "weights": list(rows), "tops": list(names)}:
            told = [_row(row) for row in rows]
            sound = {(row[0], row[1]) for row in told if row} == labels and all(told)
            if key != weights_key(packages) or not sound:
                return False
            weights = [[*row, False] for row in told if row]
            store.put_record(WEIGHTS, key, {"weights": weights, "collisions": []})
            store.put_record(TOPS, tops_key(packages), {"tops": [str(name) for name in names]})
            return True
    return False


def told_weights(found: Mapping[str, object]) -> dict[str, int]:
    """Unzipped bytes by package name, as an image tells them; empty where it makes no sense."""
    rows = found.get("weights")
    told = [_row(row) for row in rows] if isinstance(rows, list) else []
    return {row[0]: row[2] for row in told if row} if all(told) else {}


def _row(value: object) -> tuple[str, str, int, int] | None:
    match value:
        case [str(name), str(version), int(size_bytes), int(files)]:
            return name, version, size_bytes, files
    return None
