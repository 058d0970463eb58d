"""The text of a Dockerfile as instructions, by BuildKit's own rules of lines.

A reader of our own: the Python library for it (dockerfile-parse, last release in 2023) knows no
heredocs, its issue 145, and takes any text without a word.
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from msgspec import Struct, field

from imagekit.model.errors import ConfigError, Problem

# fmt: off
WORDS = frozenset(
    [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
        "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]
)
# fmt: on
_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_HEREDOC = re.compile(r"(?:^|\s)\d*<<(-?)(['\"]?)([^<'\"\s]+)\2(?=\s|$)")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z]+)\s*=\s*(\S+)\s*")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")


class Instruction(Struct, frozen=True, kw_only=True):
    """One instruction, its lines joined."""

    line: int
    """The first one, from 1."""
    word: str
    """In upper case."""
    flags: tuple[tuple[str, str], ...] = ()
    """`--from=build` and the like, in front of the arguments."""
    rest: str = ""
    documents: tuple[str, ...] = ()
    """The text of its heredocs."""

    def flag(self, name: str) -> str | None:
        """The value of one flag."""
        return dict(self.flags).get(name)

    @property
    def exec_form(self) -> tuple[str, ...] | None:
        """The words of `["a", "b"]`; anything that is not such a list is the shell form."""
        if not self.rest.startswith("["):
            return None
        try:
            words = json.loads(self.rest)
        except json.JSONDecodeError:
            return None
        good = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return tuple(words) if good else None


class Dockerfile(Struct, frozen=True, kw_only=True):
    """A file that parses."""

    file: str
    escape: str
    """What continues a line and escapes a character: a backslash, or a backtick."""
    instructions: tuple[Instruction, ...]


def read_dockerfile(text: str, file: str) -> Dockerfile:
    """Read the text; ConfigError with every line that is no instruction."""
    reader = _Reader(text=text, escape=_escape(text))
    instructions = tuple(reader.instructions())
    if not any(found.word == "FROM" for found in instructions):
        reader.problems.append((1, "there is no FROM in it"))
    if reader.problems:
        problems = tuple(Problem(f"{file}:{line}", what) for line, what in reader.problems)
        hint = f"correct line {reader.problems[0][0]} of {file}"
        raise ConfigError(problems=problems, hint=hint)
    return Dockerfile(file=file, escape=reader.escape, instructions=instructions)


def _escape(text: str) -> str:
    """Parser directives stand in the first lines, before anything else."""
    for line in text.splitlines():
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
            return directive[2]
    return "\\"


class _Reader(Struct):
    text: str
    escape: str
    problems: list[tuple[int, str]] = field(default_factory=list)

    def instructions(self) -> Iterator[Instruction]:
        lines = iter(enumerate(self.text.splitlines(), start=1))
        for number, line in lines:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            logical = self.joined(line, lines)
            word, _, rest = logical.strip().partition(" ")
            word, tab, after = word.partition("\t")
            rest = (after + " " + rest if tab else rest).strip()
            if word.upper() not in WORDS:
                self.problems.append((number, f"{word!r} is no instruction of a Dockerfile"))
                continue
            documents = self.documents(number, word.upper(), rest, lines)
            yield self.instruction(number, word.upper(), rest, documents)

    def joined(self, line: str, lines: Iterator[tuple[int, str]]) -> str:
        """With the lines that continue it; comments and empty lines between them are nothing."""
        parts = []
        while (bare := line.rstrip()).endswith(self.escape):
            parts.append(bare[:-1])
            line = next(
                (one for _, one in lines if one.strip() and not one.lstrip().startswith("#")),
                "",
            )
        return "".join([*parts, line])

    def documents(
        self, number: int, word: str, rest: str, lines: Iterator[tuple[int, str]]
    ) -> tuple[str, ...]:
        if word not in _HEREDOCS:
            return ()
        return tuple(
            self.document(number, name, bool(dash), lines)
            for dash, _, name in _HEREDOC.findall(rest)
        )

    def document(self, number: int, name: str, dash: bool, lines: Iterator[tuple[int, str]]) -> str:
        body: list[str] = []
        for _, line in lines:
            bare = line.lstrip("\t") if dash else line
            if bare == name:
                return "\n".join(body)
            body.append(bare)
        self.problems.append((number, f"the heredoc <<{name} does not end"))
        return ""

    def instruction(
        self, number: int, word: str, rest: str, documents: tuple[str, ...]
    ) -> Instruction:
        flags = []
        while flag := _FLAG.match(rest):
            flags.append((flag[1], flag[2] or ""))
            rest = rest[flag.end() :]
        if not rest and not documents:
            self.problems.append((number, f"{word} needs an argument"))
        return Instruction(
            line=number, word=word, flags=tuple(flags), rest=rest, documents=documents
        )
