"""Reading the configuration: found, checked as a whole, folded into one value a function."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.budget import NO_BUDGET
from imagekit.model.packaging import is_zip
from imagekit.project.config import FunctionConfig, LambdaSettings, ProjectConfig
from imagekit.project.config_bases import KEY as BASES
from imagekit.project.config_bases import read_bases
from imagekit.project.config_docker import refuse_steps_in_zip
from imagekit.project.config_ecr import read_ecr
from imagekit.project.config_keys import KEYS, LATER, SharedKeys, read_shared
from imagekit.project.config_lambda import (
    ZIP_EXTENSIONS_HINT,
    ZIP_TAKES_NO_EXTENSIONS,
    contradictions,
)
from imagekit.project.config_shared import with_shared
from imagekit.project.config_stages import labelled, read_order, read_stages
from imagekit.project.config_table import Findings, Table
from imagekit.project.find_config import Found
from imagekit.project.handler import handler_problem
from imagekit.project.workspace import KEY as WORKSPACE
from imagekit.project.workspace import around, read_members

# Goes into file names and, in lower case, into tags.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOLD = 12
"""As many names are told in full."""

_ROOT_KEYS = ("ecr", "stage_order", "stages")
_PROJECT_KEYS = (
    *(*KEYS, *LATER, BASES, *_ROOT_KEYS),
    *("functions", "required-version", WORKSPACE),
)
_FUNCTION_KEYS = (*KEYS, *LATER, "handler")


def load(
    start: Path,
    names: tuple[str, ...] = (),
    *,
    version: str,
    whole: bool = False,
    bare: bool = False,
) -> ProjectConfig:
    """Find the configuration from `start` upwards and read it, with all members of a workspace.

    `names` keeps only these functions, in that order, wherever in the workspace they stand;
    without any, those of the member that `start` lies in, or with `whole` all. `version` is
    imagekit's own, which `required-version` is held against. Raises ConfigError with every problem
    of every file at once, UsageError where `start` is no folder. `bare` takes a project that has
    no function, as one that only makes bases.
    """
    where = around(start)
    found, root = where.root, where.root.path.parent
    findings = Findings(found.file)
    table = Table(found.values, found.prefix, findings)
    members = read_members(table, root, start)
    reader = _Reader(version=version, bare=bare)
    shared = reader.keys(table, root)
    functions = list(reader.functions(table, shared, root))
    bases: dict[str, str] = {}
    read_bases(table, bases)
    for member in members:
        own = Table(member.values, member.prefix, findings.beside(member.file))
        _refuse_nested(own, found.file)
        _refuse_root_keys(own, found.file)
        folder = member.path.parent
        read_bases(own, bases)
        functions += reader.functions(own, reader.keys(own, folder).over(shared), folder)
    if not functions and not findings.problems and not bare:
        _refuse_none(table)
    stages = read_stages(table)
    functions = list(with_shared([labelled(one, stages) for one in functions]))
    asked = reader.asked(table, functions, names)
    order = read_order(table, stages)
    ecr = read_ecr(table)
    if not names and where.here and not whole:
        asked = tuple(one for one in functions if one.root == where.here)
    findings.settle()
    return ProjectConfig(
        path=found.path,
        root=root,
        functions=tuple(_settled(asked, functions)),
        whole=len(asked) == len(functions),
        members=tuple(member.path.parent for member in members),
        requires_python=_project_text(found, "requires-python"),
        project_name=_project_text(found, "name"),
        bases=bases,
        ecr=ecr,
        stages=stages,
        stage_order=order,
    )


class _Reader(Struct, frozen=True, kw_only=True):
    """Reads one file of a project after the other; names are unique over all of them."""

    version: str
    bare: bool = False
    """A configuration may have no functions."""
    taken: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Names in lower case: as written, and where."""

    def keys(self, table: Table, folder: Path) -> SharedKeys:
        """What one configuration says for all of its functions; every other key is checked."""
        _check_version(table, self.version)
        _check_project(table)
        return _shared(table, folder)

    def functions(self, table: Table, shared: SharedKeys, folder: Path) -> Iterator[FunctionConfig]:
        """The functions of one configuration; their own keys win over `shared`."""
        listed = table.table("functions")
        if listed is None or not listed.values:
            # The root of a workspace may leave them all to its members.
            if not (self.bare or WORKSPACE in table.values) and (
                "functions" not in table.values or listed is not None
            ):
                _refuse_none(table)
            return
        self._check_names(listed)
        for name, own in listed.tables():
            function = _function(name, own, shared, folder)
            if function is not None:
                yield function

    def asked(
        self, table: Table, functions: Sequence[FunctionConfig], names: Sequence[str]
    ) -> tuple[FunctionConfig, ...]:
        """Those named, or all where none is."""
        if not names:
            return tuple(functions)
        by_name = {function.name: function for function in functions}
        known = sorted(name for name, _ in self.taken.values())
        for name in names:
            if name not in known:
                what = f"there is no function {name!r}; {those_known(name, known)}"
                table.problem("functions", what, "name one of those, or none for all of them")
        return tuple(by_name[name] for name in dict.fromkeys(names) if name in by_name)

    def _check_names(self, listed: Table) -> None:
        for name in listed.values:
            if not _NAME.fullmatch(name):
                what = "a function's name is letters, digits, `.`, `_` and `-`, up to 64"
                listed.problem(name, what)
            where = f"{listed.findings.file}: {listed.at(name)}"
            # Tags are lower case, and so are file names to macOS and Windows.
            other, there = self.taken.setdefault(name.lower(), (name, where))
            if other != name:
                elsewhere = "" if there.startswith(f"{listed.findings.file}: ") else f" ({there})"
                listed.problem(name, f"differs from {other!r}{elsewhere} in case only")
            elif there != where:
                listed.problem(name, f"has the name of {there}; rename one of the two")


def _settled(
    asked: Sequence[FunctionConfig], functions: Sequence[FunctionConfig]
) -> Sequence[FunctionConfig]:
    """What a project says for all of its functions is said of the only one."""
    if len(functions) > 1:
        return asked
    return [replace(one, slim=replace(one.slim, inherited=False)) for one in asked]


def those_known(name: str, known: Sequence[str]) -> str:
    """The functions that there are, those first that are written nearly as `name`."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3)
    if len(known) <= _TOLD:
        first = dict.fromkeys((*near, *known))
        return f"known: {', '.join(first) or 'none'}"
    return f"{len(known)} are known, such as {', '.join(near or known[:3])}"


def _refuse_none(table: Table) -> None:
    header = f"[{table.at('functions')}.NAME]"
    hint = f'add `{header}` with `handler = "package.module.function"`'
    table.problem("functions", "no function is configured", hint)


def _refuse_nested(table: Table, root: str) -> None:
    if WORKSPACE in table.values:
        what = f"this folder is a member of the workspace of {root}; they do not nest"
        hint = f"remove [{table.at(WORKSPACE)}] from {table.findings.file}, or exclude its folder"
        table.problem(WORKSPACE, what, hint)


def _refuse_root_keys(table: Table, root: str) -> None:
    for key in _ROOT_KEYS:
        if key in table.values:
            table.problem(key, "belongs to the whole workspace", f"move `{key}` to {root}")


def _shared(table: Table, folder: Path) -> SharedKeys:
    """The shared keys, with files counted from the folder whose configuration says them."""
    keys = read_shared(table)
    return replace(
        keys,
        lock=_file(table, "lock", keys.lock, folder),
        dockerfile=_file(table, "dockerfile", keys.dockerfile, folder),
    )


def _file(table: Table, key: str, name: str | None, folder: Path) -> str | None:
    """The path of a file that must be there."""
    if name is None:
        return None
    if not (folder / name).is_file():
        table.problem(key, f"there is no file {name!r}")
    return str(folder / name)


def _check_version(table: Table, version: str) -> None:
    asked = table.text("required-version")
    if asked is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = SpecifierSet(asked).contains(version, prereleases=True)
    except InvalidSpecifier:
        table.problem("required-version", f"{asked!r} is not a version specifier, such as '>=0.1'")
        return
    if not fits:
        what = f"this is imagekit {version}; the project asks for {asked}"
        hint = f'pip install "imagekit{asked.replace(" ", "")}"'
        table.problem("required-version", what, hint)
        # What else looks wrong may be what another version knows.
        table.findings.settle()


def _check_project(table: Table) -> None:
    if "handler" in table.values:
        table.problem("handler", "belongs into a function: `functions.NAME.handler`")
    table.only((*_PROJECT_KEYS, "handler"))


def _function(name: str, own: Table, shared: SharedKeys, root: Path) -> FunctionConfig | None:
    own.only(_FUNCTION_KEYS)
    handler = _handler(own)
    said = _shared(own, root)
    keys = said.over(shared)
    settings = keys.settings or LambdaSettings()
    at = own.table("lambda") or own
    contradictions(settings, keys.python, keys.packaging or "auto", at)
    if keys.extensions and is_zip(keys.packaging):
        own.problem("extensions", ZIP_TAKES_NO_EXTENSIONS, ZIP_EXTENSIONS_HINT)
    refuse_steps_in_zip(own, keys)
    if handler is None:
        return None
    return FunctionConfig(
        name=name,
        handler=handler,
        root=root,
        where=f"{own.findings.file}: {own.path}",
        source=keys.source,
        include=keys.include or (),
        exclude=keys.exclude or (),
        groups=keys.groups or (),
        extras=keys.extras or (),
        member=keys.member,
        extensions=keys.extensions or (),
        system=keys.system or (),
        run=keys.run or (),
        dockerfile=Path(keys.dockerfile) if keys.dockerfile else None,
        env=keys.env or (),
        labels=keys.labels or (),
        base=keys.base,
        python=keys.python,
        architectures=keys.architectures or ("x86_64",),
        repository=_filled(keys.repository, name),
        layer_repository=_filled(keys.layer_repository, name),
        packaging=keys.packaging or "auto",
        bytecode=keys.bytecode is not False,
        bucket=keys.bucket,
        budget=keys.budget or NO_BUDGET,
        lock=Path(keys.lock) if keys.lock else None,
        settings=settings,
        slim=replace(keys.slim_settings, inherited=said.exclude_packages is None),
    )


def _handler(own: Table) -> str | None:
    if "handler" not in own.values:
        hint = f'add `handler = "package.module.function"` to [{own.path}]'
        own.problem("handler", "is missing", hint)
        return None
    handler = own.text("handler")
    if handler is not None and (what := handler_problem(handler)):
        own.problem("handler", what)
    return handler


def _filled(repository: str | None, function: str) -> str | None:
    # A repository is lower case: distribution-spec, "Pulling manifests".
    return None if repository is None else repository.replace("{function}", function.lower())


def _project_text(found: Found, key: str) -> str | None:
    project: Mapping[str, object] = found.project
    value = project.get(key)
    return value if isinstance(value, str) else None
