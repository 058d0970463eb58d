"""Reading the configuration: found, checked as a whole, folded into one value a function."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from imagekit.project.config import FunctionConfig, LambdaSettings, ProjectConfig
from imagekit.project.config_keys import KEYS, LATER, SharedKeys, read_shared
from imagekit.project.config_lambda import contradictions
from imagekit.project.config_table import Findings, Table
from imagekit.project.find_config import Found, find
from imagekit.project.handler import handler_problem

# Goes into file names and, in lower case, into tags.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_LATER_HERE = ("bases", "ecr", "stage_order", "stages", "workspace")
_PROJECT_KEYS = (*KEYS, *LATER, *_LATER_HERE, "functions", "required-version")
_FUNCTION_KEYS = (*KEYS, *LATER, "handler")


def load(start: Path, names: tuple[str, ...] = (), *, version: str) -> ProjectConfig:
    """Find the configuration from `start` upwards and read it.

    `names` keeps only these functions, in that order; `version` is imagekit's own, which
    `required-version` is held against. Raises ConfigError with every problem at once, UsageError
    where `start` is no folder.
    """
    found = find(start)
    findings = Findings(found.file)
    table = Table(found.values, found.prefix, findings)
    _check_version(table, version)
    _check_project(table)
    _check_lock(table, found.path.parent)
    shared = read_shared(table)
    functions = _functions(table, shared, found.path.parent)
    functions = _asked(table, functions, names)
    findings.settle()
    return ProjectConfig(
        path=found.path,
        root=found.path.parent,
        functions=functions,
        requires_python=_project_text(found, "requires-python"),
        project_name=_project_text(found, "name"),
    )


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
        table.problem("required-version", what, f"install imagekit{asked.replace(' ', '')}")


def _check_project(table: Table) -> None:
    for key in _LATER_HERE:
        if key in table.values:
            table.problem(key, "is not supported yet", f"remove `{key}` from {table.findings.file}")
    if "handler" in table.values:
        table.problem("handler", "belongs into a function: `functions.NAME.handler`")
    table.only((*_PROJECT_KEYS, "handler"))


def _functions(table: Table, shared: SharedKeys, root: Path) -> tuple[FunctionConfig, ...]:
    listed = table.table("functions")
    if listed is None or not listed.values:
        if "functions" not in table.values or listed is not None:
            header = f"[{table.at('functions')}.NAME]"
            hint = f'add `{header}` with `handler = "package.module.function"`'
            table.problem("functions", "no function is configured", hint)
        return ()
    _check_names(listed)
    read = (_function(name, own, shared, root) for name, own in listed.tables())
    return tuple(function for function in read if function is not None)


def _check_names(listed: Table) -> None:
    seen: dict[str, str] = {}
    for name in listed.values:
        if not _NAME.fullmatch(name):
            listed.problem(name, "a function's name is letters, digits, `.`, `_` and `-`, up to 64")
        # Tags are lower case, and so are file names to macOS and Windows.
        other = seen.setdefault(name.lower(), name)
        if other != name:
            listed.problem(name, f"differs from {other!r} in case only")


def _function(name: str, own: Table, shared: SharedKeys, root: Path) -> FunctionConfig | None:
    own.only(_FUNCTION_KEYS)
    handler = _handler(own)
    keys = read_shared(own).over(shared)
    settings = keys.settings or LambdaSettings()
    at = own.table("lambda") or own
    contradictions(settings, keys.python, keys.packaging or "auto", at)
    _check_lock(own, root)
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
        env=keys.env or (),
        labels=keys.labels or (),
        base=keys.base,
        python=keys.python,
        architectures=keys.architectures or ("x86_64",),
        repository=_filled(keys.repository, name),
        packaging=keys.packaging or "auto",
        bytecode=keys.bytecode is not False,
        bucket=keys.bucket,
        lock=root / keys.lock if keys.lock else None,
        settings=settings,
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


def _check_lock(table: Table, root: Path) -> None:
    lock = table.values.get("lock")
    if isinstance(lock, str) and not (root / lock).is_file():
        table.problem("lock", f"there is no file {lock!r}")


def _filled(repository: str | None, function: str) -> str | None:
    # A repository is lower case: distribution-spec, "Pulling manifests".
    return None if repository is None else repository.replace("{function}", function.lower())


def _asked(
    table: Table, functions: Sequence[FunctionConfig], names: Sequence[str]
) -> tuple[FunctionConfig, ...]:
    if not names:
        return tuple(functions)
    by_name = {function.name: function for function in functions}
    listed = table.values.get("functions")
    configured = sorted(listed) if isinstance(listed, dict) else []
    for name in names:
        if name not in configured:
            what = f"there is no function {name!r}; known: {', '.join(configured) or 'none'}"
            table.problem("functions", what, "name one of those, or none for all of them")
    return tuple(by_name[name] for name in dict.fromkeys(names) if name in by_name)


def _project_text(found: Found, key: str) -> str | None:
    project: Mapping[str, object] = found.project
    value = project.get(key)
    return value if isinstance(value, str) else None
