"""`stages` and `stage_order`: where functions are deployed to, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from imagekit.model.reference import Reference
from imagekit.project.config import FunctionConfig, LambdaSettings, Stage
from imagekit.project.config_keys import merged_settings, read_layer_repository
from imagekit.project.config_lambda import ROLE, read_settings
from imagekit.project.config_table import Table

KEYS = (
    *("alias", "lambda", "layer_repository", "name", "profile", "region", "repository"),
    "role_arn",
)
FUNCTION = "{function}"
SNAPSTART = ("com.amazonaws.lambda.feature.snapstart", "Allow")

_STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REGION = r"[a-z]{2}(-[a-z]+)+-\d+"
# Lambda's API (botocore, lambda/2015-03-31): Alias is no number, FunctionName up to 64.
ALIAS = r"(?!\d+$)[a-zA-Z0-9-_]{1,128}"
NAME = r"[a-zA-Z0-9-_]{1,64}"


def read_stages(table: Table) -> tuple[Stage, ...]:
    """Every stage of a project, as written; problems go to the table's findings."""
    listed = table.table("stages")
    if listed is None:
        return ()
    if not listed.values:
        table.problem("stages", "names no stage", "add a table `stages.NAME`, or remove the key")
    return tuple(_stage(name, one, listed) for name, one in listed.tables())


def read_order(table: Table, stages: Sequence[Stage]) -> tuple[tuple[str, ...], ...]:
    """`stage_order`: waves of stages, each stage at most once."""
    value = table.values.get("stage_order")
    if value is None:
        return ()
    hint = 'write `stage_order = [["test"], ["prod-eu", "prod-us"]]`'
    if not isinstance(value, list) or not all(_is_wave(wave) for wave in value):
        table.problem("stage_order", "must be a list of lists of stages", hint)
        return ()
    order = tuple(tuple(wave) for wave in value)
    for what in _order_problems(order, [stage.name for stage in stages]):
        table.problem("stage_order", what)
    return order


def for_stage(function: FunctionConfig, stage: Stage | None) -> LambdaSettings:
    """What a deployment of the function to the stage may set; the stage's keys win.

    `name` is always there: the name under which the function is deployed.
    """
    settings = merged_settings(function.settings, stage.settings if stage else None)
    settings = settings or LambdaSettings()
    own = function.settings.name or function.name
    name = stage.function_name.replace(FUNCTION, own) if stage and stage.function_name else None
    return replace(settings, name=name or settings.name or own)


def labelled(function: FunctionConfig, stages: Sequence[Stage]) -> FunctionConfig:
    """The function, with the label that SnapStart asks of an image, where any stage has it on.

    AWS's own bases do without, and it does no harm there (lambda_rules R12).
    """
    if not any(for_stage(function, stage).snapstart for stage in (None, *stages)):
        return function
    labels = dict([SNAPSTART]) | dict(function.labels)
    return replace(function, labels=tuple(sorted(labels.items())))


def repository_of(function: FunctionConfig, stage: Stage | None) -> str | None:
    """The repository whose image the stage runs: its own, else the function's."""
    if stage is None or stage.repository is None:
        return function.repository
    return stage.repository.replace(FUNCTION, function.name.lower())


def layer_repository_of(function: FunctionConfig, stage: Stage | None) -> str | None:
    """Where layers are shared of what the stage runs; a stage with a repository of its own has its
    own place for that, too, or none."""
    if stage is None or stage.repository is None:
        return function.layer_repository
    own = stage.layer_repository
    return own and own.replace(FUNCTION, function.name.lower())


def _stage(name: str, table: Table, listed: Table) -> Stage:
    if not _STAGE.fullmatch(name):
        listed.problem(name, "a stage's name is letters, digits, `_` and `-`, up to 64")
    table.only(KEYS)
    settings = table.table("lambda")
    if "profile" in table.values and "role_arn" in table.values:
        table.problem("role_arn", "a stage has a `profile` or a `role_arn`, not both")
    return Stage(
        name=name,
        region=table.matching("region", _REGION, "a region such as eu-west-1"),
        profile=table.text("profile"),
        role_arn=table.matching("role_arn", ROLE, "a role's ARN: arn:aws:iam::ACCOUNT:role/NAME"),
        repository=_repository(table),
        layer_repository=_layer_repository(table),
        function_name=_function_name(table),
        alias=table.matching("alias", ALIAS, "an alias: letters, digits, `-`, `_`, no number"),
        settings=LambdaSettings() if settings is None else read_settings(settings),
    )


def _function_name(table: Table) -> str | None:
    value = table.text("name")
    if value is not None and not re.fullmatch(NAME, value.replace(FUNCTION, "f")):
        table.problem("name", f"{value!r} is not letters, digits, `-`, `_` and {FUNCTION}")
        return None
    return value


def _repository(table: Table) -> str | None:
    text = table.text("repository")
    if text is None:
        return None
    try:
        found = Reference.parse(text.replace(FUNCTION, "function"))
    except ValueError as error:
        table.problem("repository", f"{text!r} is not a repository: {error}")
        return None
    if found.tag is not None or found.digest is not None:
        table.problem("repository", f"{text!r}: a stage's repository has no tag and no digest")
    return text


def _layer_repository(table: Table) -> str | None:
    found = read_layer_repository(table)
    if found is not None and "repository" not in table.values:
        table.problem(
            "layer_repository",
            "is for what is promoted here, and the stage has no `repository` of its own",
            "add `repository`, or name `layer_repository` beside the project's",
        )
    return found


def _is_wave(wave: object) -> bool:
    return isinstance(wave, list) and bool(wave) and all(isinstance(one, str) for one in wave)


def _order_problems(order: Sequence[Sequence[str]], known: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in (name for wave in order for name in wave):
        if name not in known:
            yield f"{name!r} is no stage; known: {', '.join(known) or 'none'}"
        elif name in seen:
            yield f"names {name!r} twice"
        seen.add(name)
