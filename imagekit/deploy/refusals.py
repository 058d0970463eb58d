"""What Lambda would refuse, or run wrongly, told before a byte is sent. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from imagekit.deploy.layers import DIRECT_LIMIT_BYTES
from imagekit.deploy.wanted import Facts, Meant, Wanted
from imagekit.model.function import FunctionState, Observed
from imagekit.model.lambda_layer import MOST_LAYERS
from imagekit.model.sizes import size

UNZIPPED_LIMIT_BYTES = 262_144_000
"""Code and layers must stay below it (lambda_rules Z1)."""

# lambda_rules section 4, "create blocked" and "update blocked"; older ones are blocked long since.
_BLOCKED = {
    "python3.9": (date(2027, 2, 1), date(2027, 3, 3)),
    "python3.10": (date(2027, 2, 1), date(2027, 3, 3)),
    "python3.11": (date(2027, 7, 31), date(2027, 8, 31)),
    "python3.12": (date(2028, 11, 30), date(2029, 1, 10)),
    "python3.13": (date(2029, 7, 31), date(2029, 8, 31)),
    "python3.14": (date(2029, 7, 31), date(2029, 8, 31)),
}
_NAMED = 3
_LONG_BLOCKED = frozenset({"python2.7", "python3.6", "python3.7"})
_WITHOUT_SNAPSTART = frozenset({"python3.9", "python3.10", "python3.11"})
_ENV_BYTES = 4096


class Refusal(Struct, frozen=True):
    """One reason not to deploy, and what to do about it."""

    what: str
    hint: str


def refusals(observed: Observed, wanted: Wanted, facts: Facts, today: date) -> tuple[Refusal, ...]:
    """Every reason at once; none is good news."""
    return (
        *ahead(observed.function, wanted, facts.region, today),
        *_region(wanted, facts),
        *_archive(wanted, facts),
        *_packages(observed, wanted, facts),
        *_layers(observed, wanted, facts),
    )


def ahead(
    function: FunctionState | None, meant: Meant, region: str, today: date
) -> tuple[Refusal, ...]:
    """Those that hold whatever the bytes of the artefact will be: told before it is made."""
    at = _missing(meant, region, today) if function is None else _there(function, meant, today)
    return (*at, *_settings(function, meant))


def _there(function: FunctionState, wanted: Meant, today: date) -> Iterator[Refusal]:
    yield from _kind(function, wanted)
    yield from _stack(function, wanted)
    yield from _python(function, wanted, today)


def _missing(wanted: Meant, region: str, today: date) -> Iterator[Refusal]:
    if not wanted.create:
        yield Refusal(
            f"there is no function {wanted.name} in {region}",
            "add `--create --role ARN` to make it, or `--stage`, or AWS_REGION",
        )
    elif wanted.settings.role is None:
        yield Refusal(
            f"{wanted.name} is to be made, and nothing says the role it runs as",
            "add `--role ARN`, or `lambda.role` to the configuration",
        )
    elif wanted.package == "zip" and not (wanted.runtime and wanted.handler):
        yield Refusal(
            f"{wanted.name} is to be made of a ZIP, and nothing says its Python",
            'add `python = "3.13"` to the configuration',
        )
    elif wanted.runtime and _is_blocked(wanted.runtime, today, created=True):
        yield Refusal(
            f"Lambda makes no new function with {wanted.runtime}",
            "raise `python` in the configuration, and build again",
        )


def _kind(function: FunctionState, wanted: Meant) -> Iterator[Refusal]:
    if function.package != wanted.package:
        here, there = _a(function.package), _a(wanted.package)
        yield Refusal(
            f"the function runs {here} and this is {there}; that never changes",
            f"imagekit build --packaging {function.package}, or deploy under another `lambda.name`",
        )
    elif wanted.architecture not in (None, function.architecture) and not wanted.anyway:
        yield Refusal(
            f"the function is {function.architecture} and this is {wanted.architecture}, which "
            "Lambda would accept and not run",
            f"imagekit build --arch {function.architecture}, "
            "or `--anyway` to move the function to the other architecture",
        )


def _stack(function: FunctionState, wanted: Meant) -> Iterator[Refusal]:
    if function.stack is None or wanted.anyway:
        return
    yield Refusal(
        f"CloudFormation's stack {function.stack} owns the function, and would set it back",
        f"aws cloudformation deploy --stack-name {function.stack} --template-file TEMPLATE "
        f"--parameter-overrides {wanted.parameter}, or `--anyway`",
    )


def _python(function: FunctionState, wanted: Meant, today: date) -> Iterator[Refusal]:
    if function.package != "zip" or wanted.package != "zip":
        return
    change = f"aws lambda update-function-configuration --function-name {wanted.name}"
    if function.runtime and _is_blocked(function.runtime, today, created=False):
        yield Refusal(
            f"Lambda updates no function with {function.runtime} any more",
            f"{change} --runtime {wanted.runtime or 'python3.13'}",
        )
    elif wanted.runtime and function.runtime != wanted.runtime:
        yield Refusal(
            f"the function has {function.runtime}, and the archive is made for {wanted.runtime}",
            f"{change} --runtime {wanted.runtime}",
        )
    if wanted.handler and function.handler != wanted.handler:
        yield Refusal(
            f"the function calls {function.handler}, and the configuration says {wanted.handler}",
            f"{change} --handler {wanted.handler}",
        )


def _region(wanted: Wanted, facts: Facts) -> Iterator[Refusal]:
    if wanted.package != "image":
        return
    if facts.image_region is None:
        if facts.elsewhere:
            return
        yield Refusal(
            f"{wanted.code.image} lies in no private ECR, and Lambda reads no other registry",
            f"imagekit promote {wanted.code.image} REPOSITORY --create, and deploy what it prints",
        )
    elif facts.image_region != facts.region:
        host = str(wanted.code.image).partition("/")[0]
        there = host.replace(f".{facts.image_region}.", f".{facts.region}.")
        yield Refusal(
            f"the image lies in {facts.image_region} and the function in {facts.region}; Lambda "
            "reads from its own region only",
            f"imagekit promote {wanted.code.image} {there} --create, and deploy what it prints",
        )


def _archive(wanted: Wanted, facts: Facts) -> Iterator[Refusal]:
    if wanted.package != "zip":
        return
    layers = sum(size_bytes for _, size_bytes in facts.layer_bytes)
    total = (facts.unzipped_bytes or 0) + layers
    if total >= UNZIPPED_LIMIT_BYTES:
        heavy = sorted(facts.layer_bytes, key=lambda one: (-one[1], one[0]))[:_NAMED]
        named = ", ".join(f"{_short(name)} {size(size_bytes)}" for name, size_bytes in heavy)
        with_layers = f", {size(layers)} of them in layers ({named})" if layers else ""
        yield Refusal(
            f"it has {size(total)}{with_layers}; Lambda takes less than "
            f"{size(UNZIPPED_LIMIT_BYTES)} unzipped",
            'leave a layer or a package out, or write `packaging = "zip-nested"`'
            if wanted.layers
            else "drop a layer or a package, or make a new function with `--packaging image`",
        )
    if wanted.code.file is not None and (facts.size_bytes or 0) > DIRECT_LIMIT_BYTES:
        yield Refusal(
            f"the archive has {size(facts.size_bytes or 0)}; above {size(DIRECT_LIMIT_BYTES)} it "
            "goes through a bucket",
            'add `bucket = "NAME"` to the configuration',
        )


def _packages(observed: Observed, wanted: Wanted, facts: Facts) -> Iterator[Refusal]:
    rest = wanted.rest
    if rest is not None and not (observed.rest_uploaded or facts.rest_is_here):
        yield Refusal(
            f"its packages are neither in s3://{rest.bucket}/{rest.key} nor here ({rest.file})",
            f"put {rest.file.name} beside {wanted.archive}, or imagekit build",
        )


def _layers(observed: Observed, wanted: Wanted, facts: Facts) -> Iterator[Refusal]:
    count = len(facts.layer_bytes)
    if wanted.package == "zip" and count > MOST_LAYERS:
        yield Refusal(
            f"it would have {count} Lambda layers, {len(wanted.layers)} of them its packages; "
            f"a function has at most {MOST_LAYERS}",
            "take one out of `lambda.layers` of the configuration or the stage, and build again",
        )
    there = dict(observed.published)
    missing = [layer for layer in wanted.layers if layer.name not in there]
    gone = [layer.name for layer in missing if layer.path is None]
    if gone:
        yield Refusal(
            f"its packages are neither published nor here: {', '.join(gone)}",
            f"put {wanted.archive.stem if wanted.archive else 'NAME'}.layer-1.zip and so on beside "
            f"{wanted.archive}, or imagekit build",
        )
    large = [layer for layer in missing if layer.size_bytes > DIRECT_LIMIT_BYTES]
    if large and wanted.bucket is None:
        named = ", ".join(f"{layer.name} ({size(layer.size_bytes)})" for layer in large)
        yield Refusal(
            f"above {size(DIRECT_LIMIT_BYTES)} a layer goes through a bucket: {named}",
            'add `bucket = "NAME"` to the configuration',
        )


def _short(arn: str) -> str:
    """`pandas:7` of a layer's ARN; a name as it is."""
    return arn.partition(":layer:")[2] or arn


def _settings(function: FunctionState | None, wanted: Meant) -> Iterator[Refusal]:
    settings = wanted.settings
    yield from _env(function, wanted)
    if wanted.package == "image" and settings.layers:
        yield Refusal(
            "a function of an image takes no Lambda layers",
            "remove `lambda.layers`, or use `extensions`",
        )
    if not settings.snapstart:
        return
    storage = settings.storage or (function.storage if function else 512)
    if storage > 512:
        yield Refusal(
            f"SnapStart takes no /tmp above 512 MB, and it has {storage}",
            "write `lambda.storage = 512`, or `lambda.snapstart = false`",
        )
    runtime = (function.runtime if function else wanted.runtime) or ""
    if runtime in _WITHOUT_SNAPSTART:
        yield Refusal(
            f"SnapStart needs Python 3.12 or later, and the function has {runtime}",
            "write `lambda.snapstart = false`",
        )


def _env(function: FunctionState | None, wanted: Meant) -> Iterator[Refusal]:
    """All variables together: those that are named, and those that the function has besides."""
    if wanted.settings.env is None or function is None:
        return
    merged = dict(function.env) | dict(wanted.settings.env)
    found = len(json.dumps(merged, separators=(",", ":")).encode())
    if found > _ENV_BYTES:
        yield Refusal(
            f"its variables would be {found} bytes of JSON, with those that it has besides "
            f"`lambda.env`; Lambda takes at most {_ENV_BYTES}",
            f"aws lambda get-function-configuration --function-name {wanted.name} shows them",
        )


def _is_blocked(runtime: str, today: date, *, created: bool) -> bool:
    if runtime in _LONG_BLOCKED:
        return True
    dates = _BLOCKED.get(runtime)
    return dates is not None and today >= dates[0 if created else 1]


def _a(package: str) -> str:
    return "a ZIP" if package == "zip" else "an image"
