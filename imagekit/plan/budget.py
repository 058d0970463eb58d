"""How much of a budget is used, and what grew. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from imagekit.model.budget import Budget, Grown, Spent

SOURCE = "source"
_NAMED = 5


class Weighed(Struct, frozen=True, kw_only=True):
    """Unzipped bytes without bytecode: of each package, by name, and of the project's own files."""

    packages: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    source_bytes: int | None = None
    """None where nobody noted it."""

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return sum(self.packages.values()) + (self.source_bytes or 0)


def spent(
    budget: Budget,
    *,
    unzipped_bytes: int,
    compressed_bytes: int | None = None,
    now: Weighed,
    before: Weighed | None = None,
    foreseen_bytes: int = 0,
) -> tuple[Spent, ...]:
    """Of every limit of the budget that can be judged: how much is used.

    `foreseen_bytes` of `unzipped_bytes` are bytecode that was not compiled yet.
    """
    found: list[Spent] = []
    if budget.unzipped_bytes is not None:
        found.append(
            Spent(
                key="unzipped",
                limit_bytes=budget.unzipped_bytes,
                used_bytes=unzipped_bytes,
                foreseen_bytes=foreseen_bytes,
            )
        )
    if budget.compressed_bytes is not None and compressed_bytes is not None:
        found.append(
            Spent(
                key="compressed",
                limit_bytes=budget.compressed_bytes,
                used_bytes=compressed_bytes,
            )
        )
    if before is not None and (limit := budget.growth_limit(before.total_bytes)) is not None:
        used = _comparable(now, before).total_bytes - before.total_bytes
        found.append(Spent(key="growth", limit_bytes=limit, used_bytes=used))
    return tuple(found)


def grown(now: Weighed, before: Weighed | None) -> tuple[Grown, ...]:
    """What grew since then, the most first; without a build before, what weighs most."""
    told = sorted(_grown(now, before), key=lambda one: (-one.more_bytes, one.label))
    return tuple(one for one in told if one.more_bytes > 0)[:_NAMED]


def _grown(now: Weighed, before: Weighed | None) -> Iterator[Grown]:
    earlier = before.packages if before else {}
    for name, size_bytes in now.packages.items():
        version = now.versions.get(name)
        yield Grown(
            label=f"{name} {version}" if version else name,
            before_bytes=earlier.get(name),
            after_bytes=size_bytes,
        )
    if now.source_bytes and not (before and before.source_bytes is None):
        was = before.source_bytes if before else None
        yield Grown(label=SOURCE, before_bytes=was, after_bytes=now.source_bytes)


def _comparable(now: Weighed, before: Weighed) -> Weighed:
    """Without the source where the build before did not note its own."""
    if before.source_bytes is not None:
        return now
    return Weighed(packages=now.packages, versions=now.versions)
