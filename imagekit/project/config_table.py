"""One table of the configuration, read key by key; what is wrong is collected, not raised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field

from imagekit.model.errors import ConfigError, Problem

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

Word = TypeVar("Word", bound=str)


class Findings(Struct):
    """Every problem of a configuration, and what to do about the first of them."""

    file: str
    """As a person finds it from where the search began."""
    problems: list[Problem] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def add(self, key: str, what: str, hint: str | None = None) -> None:
        """Note a problem at a key path, once; an empty path means the file itself."""
        problem = Problem(f"{self.file}: {key}" if key else self.file, what)
        if problem not in self.problems:
            self.problems.append(problem)
        if hint:
            self.hints.append(hint)

    def beside(self, file: str) -> Findings:
        """Of another file of the same project; all are told together."""
        return Findings(file, self.problems, self.hints)

    def take(self, error: ConfigError) -> None:
        """Note what a reader raised about a file."""
        self.problems.extend(one for one in error.problems if one not in self.problems)
        if error.hint:
            self.hints.append(error.hint)

    def settle(self) -> None:
        """Raise ConfigError if anything was noted."""
        if self.problems:
            file = self.problems[0].where.partition(": ")[0]
            hint = self.hints[0] if self.hints else f"correct these keys in {file}"
            raise ConfigError(problems=tuple(self.problems), hint=hint)


class Table(Struct, frozen=True):
    """A TOML table under its key path. Every reader gives None where the key is absent or wrong."""

    values: Mapping[str, object]
    path: str
    findings: Findings

    def at(self, key: str) -> str:
        """The key path of `key`, quoted where TOML wants it."""
        shown = key if _BARE_KEY.fullmatch(key) else _quoted(key)
        return f"{self.path}.{shown}" if self.path else shown

    def problem(self, key: str, what: str, hint: str | None = None) -> None:
        """Note what is wrong with `key`."""
        self.findings.add(self.at(key), what, hint)

    def only(self, known: Iterable[str]) -> None:
        """Note every key that is not known, with the nearest one that is."""
        names = sorted(known)
        for key in self.values:
            if key not in names:
                self._unknown(key, names)

    def _unknown(self, key: str, known: Sequence[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(key.lower(), known, n=1)
        if near:
            hint = f"rename `{key}` to `{near[0]}` in {self.findings.file}"
            self.problem(key, f"unknown key; did you mean `{near[0]}`?", hint)
        else:
            self.problem(key, f"unknown key; known here: {', '.join(known)}")

    def text(self, key: str) -> str | None:
        """A string that is not empty."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            shown = f"{value!r} must be text"
            hint = f'write `{key} = "{value}"`' if isinstance(value, int | float) else None
            self.problem(key, shown, hint)
            return None
        if not value.strip():
            self.problem(key, "must not be empty")
            return None
        return value

    def matching(self, key: str, shape: str, words: str) -> str | None:
        """A string that `shape`, a regular expression, matches whole; `words` describe it."""
        value = self.text(key)
        if value is not None and not re.fullmatch(shape, value):
            self.problem(key, f"{value!r} is not {words}")
            return None
        return value

    def word(self, key: str, known: Sequence[Word]) -> Word | None:
        """One of a few words."""
        value = self.text(key)
        if value is None:
            return None
        for word in known:
            if word == value:
                return word
        self.problem(key, f"{value!r} is not known; known: {', '.join(known)}")
        return None

    def flag(self, key: str) -> bool | None:
        """`true` or `false`."""
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.problem(key, f"{value!r} must be true or false", f"write `{key} = true`")
        return None

    def number(self, key: str, low: int, high: int, unit: str) -> int | None:
        """A whole number from `low` to `high`, both allowed."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(key, f"{value!r} must be a whole number of {unit} from {low} to {high}")
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of strings, none of them empty."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            hint = f'write `{key} = ["{value}"]`' if isinstance(value, str) else None
            self.problem(key, "must be a list of strings", hint)
            return None
        if not all(isinstance(item, str) and item.strip() for item in value):
            self.problem(key, "every item must be a string that is not empty")
            return None
        return tuple(value)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...] | None:
        """A table of strings, sorted by name."""
        table = self.table(key)
        if table is None:
            return None
        for name, value in table.values.items():
            if not isinstance(value, str):
                shown = str(value).lower() if isinstance(value, bool) else value
                table.problem(name, f"{value!r} must be text", f'write `{name} = "{shown}"`')
            elif "\0" in value:
                table.problem(name, "must not hold a NUL character")
        return tuple(sorted((n, v) for n, v in table.values.items() if isinstance(v, str)))

    def table(self, key: str) -> Table | None:
        """The table under `key`."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.problem(key, "must be a table")
            return None
        return Table(value, self.at(key), self.findings)

    def tables(self) -> tuple[tuple[str, Table], ...]:
        """Every key of this table with the table under it."""
        found = ((key, self.table(key)) for key in self.values)
        return tuple((key, table) for key, table in found if table is not None)


def _quoted(key: str) -> str:
    import json

    return json.dumps(key, ensure_ascii=False)
