"""The keys that a project and a function share: read, checked, and the function's put in front."""

from __future__ import annotations

import re
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import fields, replace

from imagekit.model.budget import Budget
from imagekit.model.packaging import PACKAGINGS, Asked
from imagekit.model.reference import Reference
from imagekit.model.slim import Profile, SlimSettings
from imagekit.model.target import ARCHITECTURES, PYTHONS, Architecture
from imagekit.project.config import LambdaSettings
from imagekit.project.config_budget import read_budget
from imagekit.project.config_docker import read_run, read_system
from imagekit.project.config_lambda import read_env, read_settings
from imagekit.project.config_slim import KEYS as SLIM_KEYS
from imagekit.project.config_slim import read_packages, read_profile, read_services
from imagekit.project.config_table import Table

KEYS = (
    "architecture",
    "base",
    "bucket",
    "budget",
    "bytecode",
    "dockerfile",
    "env",
    "exclude",
    "extensions",
    "extras",
    "groups",
    "include",
    "labels",
    "lambda",
    "layer_repository",
    "lock",
    "member",
    "packaging",
    "python",
    "repository",
    "run",
    "source",
    "system",
    *SLIM_KEYS,
)

LATER = ("engine",)
"""Known words without an effect yet: refused, as a key that is ignored would mislead."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

_OPPOSITES = {"include": "exclude", "exclude": "include", "keep": "drop", "drop": "keep"}
_ROOTS = {"keep": "the artefact's root", "drop": "the artefact's root"}

Value = TypeVar("Value")


class SharedKeys(Struct, frozen=True, kw_only=True):
    """What one table says; None where it says nothing."""

    architectures: tuple[Architecture, ...] | None = None
    base: str | None = None
    bucket: str | None = None
    botocore_services: tuple[str, ...] | None = None
    budget: Budget | None = None
    bytecode: bool | None = None
    dockerfile: str | None = None
    drop: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] | None = None
    exclude: tuple[str, ...] | None = None
    exclude_packages: tuple[str, ...] | None = None
    extensions: tuple[str, ...] | None = None
    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    include: tuple[str, ...] | None = None
    keep: tuple[str, ...] | None = None
    labels: tuple[tuple[str, str], ...] | None = None
    layer_repository: str | None = None
    lock: str | None = None
    member: str | None = None
    packaging: Asked | None = None
    provided: tuple[str, ...] | None = None
    python: str | None = None
    repository: str | None = None
    run: tuple[str, ...] | None = None
    settings: LambdaSettings | None = None
    slim: Profile | None = None
    source: tuple[str, ...] | None = None
    system: tuple[str, ...] | None = None

    def over(self, below: SharedKeys) -> SharedKeys:
        """These keys, and those of `below` where these say nothing; tables entry by entry."""
        won = {key.name: _first(getattr(self, key.name), getattr(below, key.name)) for key in _KEYS}
        won["env"] = _merged(below.env, self.env)
        won["labels"] = _merged(below.labels, self.labels)
        if self.budget and below.budget:
            won["budget"] = self.budget.over(below.budget)
        won["settings"] = merged_settings(below.settings, self.settings)
        return SharedKeys(**won)

    @property
    def slim_settings(self) -> SlimSettings:
        """What these keys leave out."""
        return SlimSettings(
            profile=self.slim or "safe",
            keep=_ordered(self.keep),
            drop=_ordered(self.drop),
            exclude_packages=self.exclude_packages or (),
            provided=self.provided or (),
            services=self.botocore_services or (),
        )


_KEYS = fields(SharedKeys)
_SETTINGS = fields(LambdaSettings)


def read_shared(table: Table) -> SharedKeys:
    """Read every shared key of a project's or a function's table; problems go to its findings."""
    for key in LATER:
        if key in table.values:
            table.problem(key, "is not supported yet", f"remove `{key}` from {table.findings.file}")
    settings = table.table("lambda")
    return replace(
        read_slim(table),
        architectures=_architectures(table),
        base=table.text("base"),
        bucket=table.text("bucket"),
        budget=read_budget(table),
        bytecode=table.flag("bytecode"),
        dockerfile=table.text("dockerfile"),
        env=read_env(table),
        exclude=_globs(table, "exclude"),
        extensions=_extensions(table),
        extras=table.texts("extras"),
        groups=table.texts("groups"),
        include=_globs(table, "include"),
        labels=table.pairs("labels"),
        layer_repository=read_layer_repository(table),
        lock=table.text("lock"),
        member=table.text("member"),
        packaging=table.word("packaging", PACKAGINGS),
        python=_python(table),
        repository=_repository(table, "repository"),
        run=read_run(table),
        settings=None if settings is None else read_settings(settings),
        source=_source(table),
        system=read_system(table),
    )


def read_slim(table: Table) -> SharedKeys:
    """The keys that say what packages are made without, alone; `base.toml` has them, too."""
    return SharedKeys(
        botocore_services=read_services(table),
        drop=_globs(table, "drop"),
        exclude_packages=read_packages(table, "exclude_packages"),
        keep=_globs(table, "keep"),
        provided=read_packages(table, "provided"),
        slim=read_profile(table),
    )


def _architectures(table: Table) -> tuple[Architecture, ...] | None:
    if not isinstance(table.values.get("architecture"), list):
        word = table.word("architecture", ARCHITECTURES)
        return None if word is None else (word,)
    given = table.texts("architecture")
    if given is None:
        return None
    known = tuple(word for word in ARCHITECTURES if word in given)
    for asked in given:
        if asked not in ARCHITECTURES:
            table.problem("architecture", f"{asked!r} is not known; known: {_list(ARCHITECTURES)}")
    if not given or len(set(given)) < len(given):
        table.problem("architecture", "must name each architecture once, and at least one")
    return known


def _python(table: Table) -> str | None:
    value = table.values.get("python")
    if isinstance(value, float) and str(value) in PYTHONS:
        table.problem("python", f"{value} must be text", f'write `python = "{value}"`')
        return None
    text = table.text("python")
    if text is not None and text not in PYTHONS:
        minor = ".".join(text.split(".")[:2])
        hint = f'write `python = "{minor}"`' if minor in PYTHONS else None
        table.problem("python", f"{text!r} is not supported; known: {_list(PYTHONS)}", hint)
        return None
    return text


def read_layer_repository(table: Table) -> str | None:
    """`layer_repository`, as written: a repository whose tags are imagekit's own."""
    text = _repository(table, "layer_repository")
    if text is not None and Reference.parse(text.replace("{function}", "function")).tag:
        what = f"{text!r} names a tag; layers are tagged by what they are made of"
        table.problem("layer_repository", what)
    return text


def _repository(table: Table, key: str) -> str | None:
    text = table.text(key)
    if text is None:
        return None
    for name in _PLACEHOLDER.findall(text):
        if name != "function":
            table.problem(key, f"{{{name}}} is not known; known: {{function}}")
            return None
    try:
        reference = Reference.parse(text.replace("{function}", "function"))
    except ValueError as error:
        table.problem(key, f"{text!r} is not a repository: {error}")
        return None
    if reference.digest is not None:
        table.problem(key, f"{text!r} names a digest; a push decides on that itself")
    return text


def _extensions(table: Table) -> tuple[str, ...] | None:
    given = table.texts("extensions")
    seen: set[str] = set()
    for text in given or ():
        try:
            name = Reference.parse(text).name
        except ValueError:
            hint = "write REGISTRY/REPOSITORY:TAG, as after `COPY --from=` in a Dockerfile"
            table.problem("extensions", f"{text!r} is not an image reference", hint)
            continue
        if name in seen:
            table.problem("extensions", f"names {name} twice")
        seen.add(name)
    return given


def _source(table: Table) -> tuple[str, ...] | None:
    entries = table.texts("source")
    for entry in entries or ():
        _relative(table, "source", entry)
    return entries


def _globs(table: Table, key: str) -> tuple[str, ...] | None:
    patterns = table.texts(key)
    for pattern in patterns or ():
        _relative(table, key, pattern)
        if ".." in pattern.split("/"):
            table.problem(key, f"{pattern!r} climbs out of {_ROOTS.get(key, 'the project')}")
        if pattern.startswith("!"):
            what = f"{pattern!r}: `!` is not known here; use `{_OPPOSITES[key]}`"
            table.problem(key, what)
    return patterns


def _relative(table: Table, key: str, path: str) -> None:
    # One spelling on every system: a drive letter or a backslash works on Windows alone.
    if path.startswith("/") or path[1:2] == ":":
        root = _ROOTS.get(key, "the configuration's folder")
        table.problem(key, f"{path!r} must be relative to {root}")
    if "\\" in path:
        fixed = path.replace("\\", "/")
        table.problem(key, f"{path!r} must be written with `/`", f'write "{fixed}"')


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words)


def _ordered(patterns: tuple[str, ...] | None) -> tuple[str, ...]:
    """In an order of their own, as what they say together does not depend on it."""
    return tuple(sorted(set(patterns or ())))


def _first(mine: Value | None, below: Value | None) -> Value | None:
    return below if mine is None else mine


def _merged(
    below: tuple[tuple[str, str], ...] | None, mine: tuple[tuple[str, str], ...] | None
) -> tuple[tuple[str, str], ...] | None:
    if below is None or mine is None:
        return _first(mine, below)
    return tuple(sorted((dict(below) | dict(mine)).items()))


def merged_settings(
    below: LambdaSettings | None, mine: LambdaSettings | None
) -> LambdaSettings | None:
    """`mine`, and `below` where that says nothing; `env` variable by variable."""
    if below is None or mine is None:
        return _first(mine, below)
    won = {key.name: _first(getattr(mine, key.name), getattr(below, key.name)) for key in _SETTINGS}
    won["env"] = _merged(below.env, mine.env)
    return LambdaSettings(**won)
