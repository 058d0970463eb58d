"""What the newest build of a function was: kept in the store, for those who deploy it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from msgspec import Struct, field

from imagekit.model.digest import Digest
from imagekit.model.outcome import Outcome
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.project.git import commit
from imagekit.store import Store

_KIND = "last-build"


class _Weights(TypedDict):
    weights: dict[str, int]
    source_bytes: int | None


class LastBuild(Struct, frozen=True, kw_only=True):
    """One artefact, where it went, and what it was made of."""

    digest: Digest
    packaging: str
    packages: dict[str, str]
    reference: str | None = None
    """In a registry, by digest, where it was pushed."""
    path: Path | None = None
    base: str | None = None
    """The tag of its base."""
    commit: str | None = None
    weights: dict[str, int] = field(default_factory=dict)
    """Unzipped bytes of its packages without bytecode, by name; empty where nobody noted them."""
    source_bytes: int | None = None
    """Of the project's own files."""


def remember(
    store: Store, root: Path, outcome: Outcome, weights: Mapping[str, int], source_bytes: int | None
) -> dict[str, str] | None:
    """Keep the outcome as the newest build; the packages of the build before, where known."""
    before = store.record(_KIND, _key(root, outcome.name, outcome.architecture))
    packages = before.get("packages") if before else None
    now: dict[str, object] = {
        "packages": outcome.packages,
        "packaging": outcome.packaging,
        "digest": str(outcome.digest) if outcome.digest else None,
        "reference": _pushed(outcome),
        "path": str(outcome.path.resolve()) if outcome.path else None,
        "base": _base(outcome.base),
        "commit": commit(root),
        "weights": dict(weights),
        "source_bytes": source_bytes,
    }
    if before != now:
        store.put_record(_KIND, _key(root, outcome.name, outcome.architecture), now)
    return packages if isinstance(packages, dict) else None


def last_build(
    store: Store, root: Path, function: str, architecture: Architecture
) -> LastBuild | None:
    """The newest build on this machine, None where nothing is known of one."""
    found = store.record(_KIND, _key(root, function, architecture)) or {}
    match found:
        case {"digest": str(digest), "packaging": str(packaging), "packages": dict(named)}:
            path = _text(found, "path")
            return LastBuild(
                digest=Digest.parse(digest),
                packaging=packaging,
                packages={str(name): str(version) for name, version in named.items()},
                reference=_text(found, "reference"),
                path=Path(path) if path else None,
                base=_text(found, "base"),
                commit=_text(found, "commit"),
                **_weights(found),
            )
    return None


def _key(root: Path, function: str, architecture: str) -> str:
    return f"{function}-{architecture}-{Digest.of(str(root).encode()).short}"


def _text(found: dict[str, object], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) else None


def _weights(found: dict[str, object]) -> _Weights:
    """What it weighed; nothing of a build that noted none."""
    match found:
        case {"weights": dict(named), "source_bytes": int(source)}:
            weights = {str(name): int(size) for name, size in named.items()}
            return {"weights": weights, "source_bytes": source}
    return {"weights": {}, "source_bytes": None}


def _pushed(outcome: Outcome) -> str | None:
    if outcome.reference is None or outcome.digest is None:
        return None
    if outcome.reference.startswith("docker:"):
        return None
    return str(Reference.parse(outcome.reference).at(outcome.digest))


def _base(reference: str | None) -> str | None:
    """What people call a base: its tag."""
    if reference is None:
        return None
    try:
        return Reference.parse(reference).tag
    except ValueError:
        return None
