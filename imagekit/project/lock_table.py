"""One table of `imagekit.lock`: typed reads that note a problem and go on with a filler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from msgspec import Struct

from imagekit.model.digest import Digest

_NO_DIGEST = Digest("0" * 64)

Word = TypeVar("Word", bound=str)


class LockTable(Struct, frozen=True):
    """A table under its path. What a read gives is only good if no problem was noted."""

    values: Mapping[str, object]
    path: str
    problems: list[str]

    def problem(self, key: str, what: str) -> None:
        """Note what is wrong with `key`."""
        self.problems.append(f"{self.path}{key}: {what}")

    def only(self, known: Iterable[str]) -> None:
        """Note keys that a lock of this version does not have."""
        for key in sorted(self.values.keys() - set(known)):
            self.problem(key, "is not known")

    def text(self, key: str) -> str:
        """A string."""
        value = self.values.get(key)
        if isinstance(value, str):
            return value
        self.problem(key, "must be a string")
        return ""

    def word(self, key: str, known: Sequence[Word]) -> Word:
        """One of a few words."""
        value = self.values.get(key)
        for word in known:
            if word == value:
                return word
        self.problem(key, f"{value!r} is not one of {', '.join(known)}")
        return known[0]

    def number(self, key: str) -> int:
        """A whole number that is not negative."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.problem(key, "must be a whole number")
        return 0

    def flag(self, key: str) -> bool:
        """`true` or `false`."""
        value = self.values.get(key)
        if isinstance(value, bool):
            return value
        self.problem(key, "must be true or false")
        return False

    def digest(self, key: str) -> Digest:
        """`sha256:…`."""
        try:
            return Digest.parse(self.text(key))
        except ValueError:
            self.problem(key, "must be `sha256:` and 64 hex digits")
            return _NO_DIGEST

    def day(self, key: str) -> date | None:
        """A day, None where the key is absent."""
        value = self.values.get(key)
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        self.problem(key, "must be a day, such as 2026-11-18")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self.values.get(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.problem(key, "must be a list of strings")
        return ()

    def tables(self, key: str) -> tuple[LockTable, ...]:
        """Tables in a list; none where the key is absent."""
        value = self.values.get(key, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return tuple(
                LockTable(item, f"{self.path}{key}[{number}].", self.problems)
                for number, item in enumerate(value)
            )
        self.problem(key, "must be a list of tables")
        return ()
