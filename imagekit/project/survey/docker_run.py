"""What a `RUN` of a Dockerfile is for: packages of the project or the system, or something else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from imagekit.project.survey.dockerfile import Instruction

_SYSTEM = {
    "apt": "install",
    "apt-get": "install",
    "aptitude": "install",
    "apk": "add",
    "dnf": "install",
    "microdnf": "install",
    "yum": "install",
    "zypper": "install",
}
_SYNCS = {"uv": ("sync", "export", "lock"), "poetry": ("install", "export", "config", "lock")}
_MANAGERS = frozenset({"pip", "pip3", "uv", "poetry", "pdm", "pipenv", "pipx"})
# They tidy up, make folders or say something: nothing of it is in the image that imagekit makes.
_HARMLESS = frozenset(
    {"cd", "chmod", "chown", "echo", "export", "ls", "mkdir", "printf", "rm", "set", "true", ":"}
)
_ENDS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "{", "}", "\n"})
# Options of pip that take the next word; https://pip.pypa.io/en/stable/cli/pip_install/
_TAKES = frozenset(
    {
        *("-r", "--requirement", "--requirements", "-c", "--constraint", "-t", "--target"),
        *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--platform"),
        *("--python", "--python-version", "--prefix", "--root", "--abi", "--implementation"),
        *("--only-binary", "--no-binary", "--python-platform", "--cache-dir", "--trusted-host"),
    }
)
# They install, or imagekit adds them itself.
_TOOLS = frozenset({"pip", "setuptools", "wheel", "awslambdaric", *_MANAGERS})
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Step(Struct, frozen=True, kw_only=True):
    """One command of a `RUN`."""

    line: int
    system: tuple[str, ...] = ()
    """Packages of the distribution."""
    installs: bool = False
    """Packages of the project: its lock."""
    requirements: tuple[str, ...] = ()
    """Files that it installs from."""
    named: tuple[str, ...] = ()
    """Packages that stand in the Dockerfile alone, with their versions."""
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    other: str | None = None
    """Something else, as it is written."""


def all_steps(instructions: Iterable[Instruction]) -> Iterator[Step]:
    """What every `RUN` among the instructions does."""
    for one in instructions:
        if one.word == "RUN":
            yield from steps(one)


def steps(run: Instruction) -> Iterator[Step]:
    """What the commands of one `RUN` do; those that do nothing to the image are left out."""
    exec_form = run.exec_form
    if exec_form is not None and exec_form[:1] and exec_form[0].endswith("sh"):
        exec_form = None if len(exec_form) < 3 else tuple(shlex.split(exec_form[2]))
    commands = [exec_form] if exec_form else list(_commands(run))
    for words in commands:
        if words and (step := _step(run.line, tuple(words))):
            yield step


def _commands(run: Instruction) -> Iterator[tuple[str, ...]]:
    texts = [run.rest]
    if run.documents:
        texts = [] if run.rest.startswith("<<") else [run.rest.partition("<<")[0]]
        texts += re.sub(r"\\\n", " ", "\n".join(run.documents)).splitlines()
    for text in texts:
        yield from _split(text)


def _split(text: str) -> Iterator[tuple[str, ...]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    try:
        for word in lexer:
            if word in _ENDS:
                yield _bare(words)
                words = []
            else:
                words.append(word)
    except ValueError:  # a quote that does not close: said as it stands
        words = [text]
    yield _bare(words)


def _bare(words: Sequence[str]) -> tuple[str, ...]:
    """Without `sudo`, and without variables that are set for one command."""
    rest = list(words)
    while rest and (rest[0] in ("sudo", "exec", "time") or re.match(r"\w+=", rest[0])):
        rest = rest[1:]
    return tuple(rest)


def _step(line: int, words: tuple[str, ...]) -> Step | None:
    program = words[0].rpartition("/")[2]
    rest = words[1:]
    if program.startswith("python") and rest[:1] == ("-m",) and len(rest) > 1:
        program, rest = rest[1], rest[2:]
    if program in ("compileall", *_HARMLESS):
        return None
    if program in _SYSTEM:
        return _system(line, program, rest)
    if program in _MANAGERS:
        return _packages(line, program, rest)
    return Step(line=line, other=" ".join(words))


def _system(line: int, program: str, rest: tuple[str, ...]) -> Step | None:
    verb, *names = [word for word in rest if not word.startswith("-")] or [""]
    if verb != _SYSTEM[program]:
        return None  # update, clean, …
    return Step(line=line, system=tuple(names))


def _packages(line: int, program: str, rest: tuple[str, ...]) -> Step | None:
    if program == "uv" and rest[:1] == ("pip",):
        program, rest = "pip", rest[1:]
    if program in ("pip", "pip3"):
        return _pip(line, rest[1:]) if rest[:1] == ("install",) else None
    if rest[:1] and rest[0] in (*_SYNCS.get(program, ()), "install", "sync"):
        return Step(
            line=line,
            installs=True,
            groups=tuple(_values(rest, "--group", "--with")),
            extras=tuple(_values(rest, "--extra", "--extras", "-E")),
        )
    return None


def _values(words: tuple[str, ...], *options: str) -> Iterator[str]:
    for option, after in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = option.partition("=")
        if name in options:
            yield from re.split(r"[,\s]+", value if equals else after)


def _pip(line: int, words: tuple[str, ...]) -> Step:
    requirements = (*_values(words, "-r", "--requirement", "--requirements"), *_glued(words))
    named = []
    takes = False
    for word in words:
        if not takes and not word.startswith("-"):
            named.append(word)
        takes = word in _TAKES
    return Step(
        line=line,
        installs=True,
        requirements=requirements,
        named=tuple(word for word in named if _is_package(word)),
    )


def _glued(words: tuple[str, ...]) -> Iterator[str]:
    """`-rrequirements.txt`."""
    yield from (word[2:] for word in words if re.match(r"-r\S", word))


def _is_package(word: str) -> bool:
    name = _NAMED.match(word)
    path = word.startswith((".", "/", "$")) or word.endswith((".whl", ".gz", "/"))
    return name is not None and not path and name[0].lower() not in _TOOLS
