"""The stages of a Dockerfile, every argument as the build would see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from msgspec import Struct, field

from imagekit.project.survey.docker_words import Word, Words
from imagekit.project.survey.dockerfile import Dockerfile, Instruction

TASK_ROOT = "/var/task"
# What AWS's base images set, and Dockerfiles for other bases set themselves.
_KNOWN = {"LAMBDA_TASK_ROOT": TASK_ROOT, "LAMBDA_RUNTIME_DIR": "/var/runtime"}


class Copy(Struct, frozen=True, kw_only=True):
    """One `COPY` or `ADD`: sources as they are written, the place they go to as a whole path."""

    line: int
    sources: tuple[str, ...]
    to: str
    into: bool
    """The place ends with a slash, so it is a folder."""
    stage: str | None = None
    """The stage or image that `--from` names."""


class Setting(Struct, frozen=True, kw_only=True):
    """One name of an `ENV` or `LABEL`."""

    line: int
    name: str
    value: Word


class Stage(Struct, frozen=True, kw_only=True):
    """One `FROM` with what follows it."""

    number: int
    line: int
    name: str | None
    image: Word
    platform: str | None
    parent: Stage | None
    """The earlier stage that it stands on."""
    instructions: tuple[Instruction, ...]
    """Its own, and in front of them those of its parents."""
    workdir: str
    """The last one, as a whole path."""
    copies: tuple[Copy, ...]
    env: tuple[Setting, ...]
    labels: tuple[Setting, ...]

    @property
    def root(self) -> Stage:
        """The stage at the bottom, whose image is one of a registry."""
        return self if self.parent is None else self.parent.root

    def last(self, word: str) -> Instruction | None:
        """The instruction of this kind that counts: a later one replaces an earlier one."""
        return next((one for one in reversed(self.instructions) if one.word == word), None)


class _State(Struct):
    """What holds at one line of a stage."""

    variables: dict[str, str]
    escape: str
    workdir: str = "/"
    copies: list[Copy] = field(default_factory=list)
    env: dict[str, Setting] = field(default_factory=dict)
    labels: dict[str, Setting] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        return Words(self.variables, self.escape)


def stages(dockerfile: Dockerfile) -> tuple[Stage, ...]:
    """Every stage in order; the last one is the image."""
    made: list[Stage] = []
    outer: dict[str, str] = {}
    for at, one in enumerate(dockerfile.instructions):
        if one.word == "ARG" and not made:
            outer |= _defaults(one, Words(outer, dockerfile.escape))
        elif one.word == "FROM":
            made.append(_stage(dockerfile, at, outer, made))
    return tuple(made)


def find_stage(name: str, among: tuple[Stage, ...]) -> Stage | None:
    """The stage that `--from` names, by its name or its number."""
    for stage in among:
        if name.lower() == (stage.name or "").lower() or name == str(stage.number):
            return stage
    return None


def _stage(
    dockerfile: Dockerfile, at: int, outer: Mapping[str, str], earlier: list[Stage]
) -> Stage:
    first = dockerfile.instructions[at]
    words = Words(outer, dockerfile.escape).split(first.rest)
    image = words[0] if words else Word("")
    named = len(words) == 3 and words[1].text.lower() == "as"
    parent = find_stage(image.text, tuple(earlier)) if image.text else None
    own = tuple(_until_from(dockerfile.instructions[at + 1 :]))
    state = _inherited(parent, image.text, dockerfile.escape)
    for one in own:
        _follow(state, one, outer)
    return Stage(
        number=len(earlier),
        line=first.line,
        name=words[2].text if named else None,
        image=image,
        platform=first.flag("platform"),
        parent=parent,
        instructions=(*(parent.instructions if parent else ()), *own),
        workdir=state.workdir,
        copies=tuple(state.copies),
        env=tuple(state.env.values()),
        labels=tuple(state.labels.values()),
    )


def _until_from(instructions: tuple[Instruction, ...]) -> Iterator[Instruction]:
    for one in instructions:
        if one.word == "FROM":
            return
        yield one


def _inherited(parent: Stage | None, image: str, escape: str) -> _State:
    if parent is None:
        # Docker's own images start at `/`, AWS's and what stands on them in the task's root.
        plain = image.removeprefix("docker.io/").removeprefix("library/")
        workdir = "/" if "/" not in plain else TASK_ROOT
        return _State(variables=dict(_KNOWN), escape=escape, workdir=workdir)
    known = {one.name: one.value.text for one in parent.env if not one.value.unknown}
    return _State(
        variables=dict(_KNOWN) | known,
        escape=escape,
        workdir=parent.workdir,
        copies=list(parent.copies),
        env={one.name: one for one in parent.env},
        labels={one.name: one for one in parent.labels},
    )


def _follow(state: _State, one: Instruction, outer: Mapping[str, str]) -> None:
    match one.word:
        case "ARG":
            # An ARG of the outside is known in a stage once the stage names it again.
            name = one.rest.partition("=")[0].strip()
            inherited = {name: outer[name]} if name in outer and "=" not in one.rest else {}
            own = _defaults(one, state.words) | inherited
            state.variables |= {key: value for key, value in own.items() if key not in state.env}
        case "ENV":
            for setting in _settings(one, state.words):
                state.env[setting.name] = setting
                if not setting.value.unknown:
                    state.variables[setting.name] = setting.value.text
        case "LABEL":
            state.labels |= {each.name: each for each in _settings(one, state.words)}
        case "WORKDIR":
            state.workdir = _joined(state.workdir, state.words.expand(one.rest).text)
        case "COPY" | "ADD":
            state.copies.extend(_copies(one, state))


def _defaults(one: Instruction, words: Words) -> dict[str, str]:
    """`ARG a=1 b`: those that have a default."""
    pairs = (word for word in words.split(one.rest) if "=" in word.text and not word.unknown)
    return {name: value for name, _, value in (word.text.partition("=") for word in pairs)}


def _settings(one: Instruction, words: Words) -> Iterator[Setting]:
    parts = words.split(one.rest)
    if parts and "=" not in parts[0].text:
        # The old form: one name, and the rest of the line is its value.
        name, _, value = one.rest.partition(" ")
        yield Setting(line=one.line, name=name, value=words.expand(value.strip()))
        return
    for part in parts:
        name, _, value = part.text.partition("=")
        yield Setting(line=one.line, name=name, value=Word(value, part.unknown))


def _copies(one: Instruction, state: _State) -> Iterator[Copy]:
    exec_form = one.exec_form
    words = (
        [state.words.expand(word) for word in exec_form]
        if exec_form is not None
        else list(state.words.split(one.rest))
    )
    # A heredoc is a source without a name.
    texts = [word.text for word in words if not word.text.startswith("<<")]
    if len(texts) < 1:
        return
    *sources, to = texts
    named = one.flag("from")
    yield Copy(
        line=one.line,
        sources=tuple(sources),
        to=_joined(state.workdir, to),
        into=to.endswith(("/", "/.")) or to == ".",
        stage=state.words.expand(named).text if named else None,
    )


def _joined(workdir: str, path: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(workdir, path).parts[1:]:
        if part == "..":
            parts = parts[:-1]
        else:
            parts.append(part)
    return "/" + "/".join(parts)
