"""Quotes and variables in a Dockerfile's arguments.

https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])((?:[^{}]|\{[^{}]*\})*))?\}")


class Word(Struct, frozen=True):
    """One argument as the build sees it."""

    text: str
    unknown: tuple[str, ...] = ()
    """Variables that only a build (or the base image) has a value for."""


class Words(Struct):
    """Splits and expands text, given what `ARG` and `ENV` said before."""

    variables: Mapping[str, str]
    escape: str = "\\"
    _unknown: list[str] = field(default_factory=list)

    def split(self, text: str) -> tuple[Word, ...]:
        """Every argument of `text`, apart at white space that is not quoted."""
        words = []
        at = 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            word, at = self._word(text, at, whole=False)
            words.append(word)
        return tuple(words)

    def expand(self, text: str) -> Word:
        """The whole of `text` as one argument."""
        return self._word(text, 0, whole=True)[0]

    def _word(self, text: str, at: int, *, whole: bool) -> tuple[Word, int]:
        self._unknown = []
        out: list[str] = []
        while at < len(text) and (whole or not text[at].isspace()):
            at = self._step(text, at, out)
        return Word("".join(out), tuple(dict.fromkeys(self._unknown))), at

    def _step(self, text: str, at: int, out: list[str]) -> int:
        sign = text[at]
        if sign == "'":
            end = text.find("'", at + 1)
            end = len(text) if end < 0 else end
            out.append(text[at + 1 : end])
            return end + 1
        if sign == '"':
            return self._quoted(text, at + 1, out)
        if sign == "$":
            return self._variable(text, at + 1, out)
        if sign == self.escape and at + 1 < len(text):
            out.append(text[at + 1])
            return at + 2
        out.append(sign)
        return at + 1

    def _quoted(self, text: str, at: int, out: list[str]) -> int:
        while at < len(text) and text[at] != '"':
            if text[at] == "$":
                at = self._variable(text, at + 1, out)
            elif text[at] == self.escape and text[at + 1 : at + 2] in ('"', "$", self.escape):
                out.append(text[at + 1])
                at += 2
            else:
                out.append(text[at])
                at += 1
        return at + 1

    def _variable(self, text: str, at: int, out: list[str]) -> int:
        if braced := _BRACED.match(text, at):
            out.append(self._braced(braced[1], braced[2] or "", braced[3] or ""))
            return braced.end()
        if named := _NAME.match(text, at):
            out.append(self._value(named[0]))
            return named.end()
        out.append("$")
        return at

    def _braced(self, name: str, sign: str, word: str) -> str:
        value = self.variables.get(name)
        there = value is not None and (value != "" or not sign.startswith(":"))
        if sign.endswith("-"):
            return str(value) if there else self._inner(word)
        if sign.endswith("+"):
            return self._inner(word) if there else ""
        return self._value(name)

    def _inner(self, word: str) -> str:
        inner = Words(self.variables, self.escape)
        found = inner.expand(word)
        self._unknown += found.unknown
        return found.text

    def _value(self, name: str) -> str:
        if name not in self.variables:
            self._unknown.append(name)
        return self.variables.get(name, "")
