"""`functions.NAME.lambda`: what a deployment may set, held to what Lambda's API takes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from imagekit.project.config import LambdaSettings
from imagekit.project.config_table import Table

KEYS = (
    "description",
    "env",
    "layers",
    "memory",
    "name",
    "role",
    "snapstart",
    "storage",
    "timeout",
)

# docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Reserved environment variables".
# fmt: off
RESERVED = frozenset(
    [
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    ]
)
# fmt: on

# Shapes of Lambda's API (botocore, lambda/2015-03-31): FunctionName, RoleArn, LayerVersionArn.
_NAME = r"[a-zA-Z0-9-_]{1,64}"
ROLE = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
_LAYER = r"arn:[a-zA-Z0-9-]+:lambda:[a-z0-9-]*:(\d{12}|awslayer):[a-zA-Z0-9-_:]+"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_LAMBDA_VARIABLE = r"[a-zA-Z][a-zA-Z0-9_]+"

_ENV_BYTES = 4096
"""All variables of a function together (lambda_rules L20)."""

_LAYERS = 5
"""lambda_rules Z5."""

ZIP_TAKES_NO_EXTENSIONS = "are layers of an image; a ZIP takes extensions as Lambda layers"
ZIP_EXTENSIONS_HINT = "name their ARNs in `lambda.layers` and write `extensions = []`"


def read_settings(table: Table) -> LambdaSettings:
    """Read the table; what Lambda would refuse becomes a problem at its key."""
    table.only(KEYS)
    return LambdaSettings(
        name=table.matching("name", _NAME, "letters, digits, `-` and `_`, at most 64"),
        memory=table.number("memory", 128, 10_240, "MB"),
        timeout=table.number("timeout", 1, 900, "seconds"),
        storage=table.number("storage", 512, 10_240, "MB"),
        role=table.matching("role", ROLE, "a role's ARN: arn:aws:iam::ACCOUNT:role/NAME"),
        description=_description(table),
        snapstart=table.flag("snapstart"),
        layers=_layers(table),
        env=_lambda_env(table),
    )


def read_env(table: Table) -> tuple[tuple[str, str], ...] | None:
    """`env` of an image: names that a shell could set, none that Lambda sets itself."""
    pairs = table.pairs("env")
    if pairs is not None and (env := table.table("env")):
        _check_names(env, [name for name, _ in pairs], _VARIABLE)
    return pairs


def contradictions(settings: LambdaSettings, python: str | None, packaging: str, at: Table) -> None:
    """Note what is fine by itself and refused together (lambda_rules R12, R13)."""
    if settings.snapstart and (settings.storage or 512) > 512:
        at.problem("snapstart", "SnapStart takes no `storage` above 512")
    if settings.snapstart and python == "3.11":
        at.problem("snapstart", "SnapStart needs Python 3.12 or later; this function has 3.11")
    if settings.layers and packaging == "image":
        at.problem("layers", 'a function with packaging = "image" takes no Lambda layers')


def _description(table: Table) -> str | None:
    value = table.text("description")
    if value is not None and len(value) > 256:
        table.problem("description", f"has {len(value)} characters; Lambda takes at most 256")
    return value


def _layers(table: Table) -> tuple[str, ...] | None:
    layers = table.texts("layers")
    for layer in layers or ():
        if not re.fullmatch(_LAYER, layer):
            table.problem("layers", f"{layer!r} is not the ARN of a layer's version")
    if layers and len(layers) > _LAYERS:
        table.problem("layers", f"names {len(layers)} layers; Lambda takes at most {_LAYERS}")
    return layers


def _lambda_env(table: Table) -> tuple[tuple[str, str], ...] | None:
    pairs = table.pairs("env")
    if pairs is None or not (env := table.table("env")):
        return pairs
    _check_names(env, [name for name, _ in pairs], _LAMBDA_VARIABLE)
    size = len(json.dumps(dict(pairs), separators=(",", ":")).encode())
    if size > _ENV_BYTES:
        table.problem("env", f"is {size} bytes of JSON; Lambda takes at most {_ENV_BYTES}")
    return pairs


def _check_names(env: Table, names: Sequence[str], shape: str) -> None:
    for name in names:
        if name in RESERVED:
            env.problem(name, "Lambda sets this variable itself; it is reserved")
        elif not re.fullmatch(shape, name):
            env.problem(name, "is not the name of an environment variable")
