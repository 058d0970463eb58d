"""Under which tags a base is published, and that no immutable one is given other content."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteRefused
from imagekit.model.reference import Reference
from imagekit.model.target import ARCHITECTURES, Architecture
from imagekit.registry.client import Registry


class Shelf(Struct, frozen=True, kw_only=True):
    """A repository of bases, and what is to be put there. Each tag is asked for once."""

    registry: Registry
    repository: Reference
    digests: Mapping[Architecture, Digest]
    _seen: dict[str, Digest | None] = field(default_factory=dict)

    def elsewhere(self, repository: Reference) -> Shelf:
        """The same bases, about to be put into another repository."""
        return replace(self, repository=repository, _seen={})

    def calendar_tag(self, day: date) -> str:
        """`2026.11.21`, or the next one of that day: `2026.11.21-2`.

        The day's newest is taken again where it has the same content, or lacks this architecture.
        """
        number = 1
        while any(self.there(_numbered(day, number), each) for each in ARCHITECTURES):
            number += 1
        newest = _numbered(day, number - 1)
        fits = number > 1 and not self._others(newest)
        return newest if fits else _numbered(day, number)

    def refuse_other_content(self, tags: tuple[str, ...], day: date) -> None:
        """RemoteRefused where one of the tags names another image already."""
        if taken := [line for tag in tags for line in self._others(tag)]:
            raise RemoteRefused(
                what=f"tags of {self.repository.name} are there with other content, "
                "and published tags keep theirs",
                causes=tuple(taken),
                hint=f"--tag {self.calendar_tag(day)}",
            )

    def has(self, tags: tuple[str, ...], architecture: Architecture) -> bool:
        """Whether all of these tags name the very image."""
        return all(self.there(tag, architecture) == self.digests[architecture] for tag in tags)

    def there(self, tag: str, architecture: Architecture) -> Digest | None:
        """What the tag names for an architecture. One HEAD."""
        name = tag_for(tag, architecture)
        if name not in self._seen:
            self._seen[name] = self.registry.has_manifest(self.repository.tagged(name))
        return self._seen[name]

    def _others(self, tag: str) -> list[str]:
        """The architectures for which the tag names something else, in words."""
        found = ((each, self.there(tag, each), mine) for each, mine in self.digests.items())
        return [
            f"{tag_for(tag, each)} is {named}; this is {mine}"
            for each, named, mine in found
            if named not in (None, mine)
        ]


def tag_for(tag: str, architecture: Architecture) -> str:
    """Each architecture has a tag of its own: Lambda takes no index (decision 11)."""
    return f"{tag}-{architecture}"


def _numbered(day: date, number: int) -> str:
    return f"{day:%Y.%m.%d}" + (f"-{number}" if number > 1 else "")
