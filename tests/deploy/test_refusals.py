"""Every reason not to deploy, told at once and before anything is sent. Pure values."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.deploy.refusals import refusals
from imagekit.deploy.wanted import Facts, Wanted
from imagekit.model.digest import Digest
from imagekit.model.function import FunctionState, Observed
from imagekit.model.release import Code
from imagekit.project.config import LambdaSettings

TODAY = date(2026, 11, 21)
DIGEST = Digest.of(b"code")
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:geo:7"


def there(**values: Any) -> Observed:
    """A ZIP function that is fine."""
    kept: dict[str, Any] = {
        "name": "scoring",
        "arn": "arn:aws:lambda:eu-west-1:123456789012:function:scoring",
        "version": "$LATEST",
        "package": "zip",
        "architecture": "x86_64",
        "code": "other",
        "configuration": "",
        "runtime": "python3.13",
        "handler": "app.handler",
    }
    return Observed(function=FunctionState(**{**kept, **values}))


def archive(**values: Any) -> Wanted:
    """A ZIP that is wanted."""
    kept: dict[str, Any] = {
        "name": "scoring",
        "package": "zip",
        "architecture": "x86_64",
        "digest": DIGEST,
        "sha256": "",
        "code": Code(file=Path("app.zip")),
        "settings": LambdaSettings(),
        "runtime": "python3.13",
        "handler": "app.handler",
    }
    return Wanted(**{**kept, **values})


def image(**values: Any) -> Wanted:
    """An image that is wanted."""
    reference = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team@{DIGEST}"
    of_image = {"package": "image", "code": Code(image=reference), "runtime": None, "handler": None}
    return archive(**{**of_image, **values})


def facts(**values: Any) -> Facts:
    """Facts that refuse nothing."""
    kept: dict[str, Any] = {"region": "eu-west-1", "size_bytes": 1, "unzipped_bytes": 1}
    return Facts(**{**kept, **values})


def test_what_fits_is_not_refused() -> None:
    """A ZIP on a ZIP function, an image on an image function."""
    assert refusals(there(), archive(), facts(), TODAY) == ()
    of_image = there(package="image", runtime=None, handler=None)
    assert refusals(of_image, image(), facts(image_region="eu-west-1"), TODAY) == ()


ROLE = LambdaSettings(role="arn:aws:iam::123456789012:role/r")
SNAP = LambdaSettings(snapstart=True)


@pytest.mark.parametrize(
    ("observed", "wanted", "known", "what", "hint"),
    [
        (Observed(), archive(), facts(), "there is no function scoring", "--create --role ARN"),
        (Observed(), archive(create=True), facts(), "nothing says the role", "--role ARN"),
        (
            Observed(),
            archive(create=True, settings=ROLE, runtime=None),
            facts(),
            "nothing says its Python",
            "python =",
        ),
        (
            Observed(),
            archive(create=True, settings=ROLE, runtime="python3.7"),
            facts(),
            "no new function with python3.7",
            "raise `python`",
        ),
        (there(package="image"), archive(), facts(), "that never changes", "image"),
        (
            there(),
            image(),
            facts(image_region="eu-west-1"),
            "that never changes",
            "--packaging zip",
        ),
        (there(architecture="arm64"), archive(), facts(), "accept and not run", "--arch arm64"),
        (
            there(tags=(("aws:cloudformation:stack-name", "prod"),)),
            archive(),
            facts(),
            "CloudFormation's stack prod owns the function",
            "aws cloudformation deploy --stack-name prod",
        ),
        (there(runtime="python3.7"), archive(), facts(), "updates no function", "--runtime"),
        (there(runtime="python3.12"), archive(), facts(), "made for python3.13", "--runtime"),
        (there(handler="a.b"), archive(), facts(), "calls a.b", "--handler app.handler"),
        (
            there(package="image"),
            image(),
            facts(image_region="us-east-1"),
            "lies in us-east-1 and the function in eu-west-1",
            "imagekit promote",
        ),
        (there(package="image"), image(), facts(), "in no private ECR", "promote"),
        (
            there(),
            archive(),
            facts(unzipped_bytes=262_144_000),
            "takes less than",
            "--packaging image",
        ),
        (
            there(),
            archive(),
            facts(unzipped_bytes=200_000_000, layer_bytes=((LAYER, 70_000_000),)),
            "in layers",
            "drop a layer",
        ),
        (there(), archive(), facts(size_bytes=52_428_801), "through a bucket", "bucket ="),
        (
            there(package="image"),
            image(settings=LambdaSettings(layers=(LAYER,))),
            facts(image_region="eu-west-1"),
            "takes no Lambda layers",
            "extensions",
        ),
        (there(storage=1024), archive(settings=SNAP), facts(), "/tmp above 512 MB", "storage"),
        (
            there(runtime="python3.11"),
            archive(settings=SNAP, runtime="python3.11"),
            facts(),
            "SnapStart needs Python 3.12",
            "snapstart = false",
        ),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_refused(observed: Observed, wanted: Wanted, known: Facts, what: str, hint: str) -> None:
    """One reason each, with what to do about it."""
    (found,) = refusals(observed, wanted, known, TODAY)

    assert what in found.what
    assert hint in found.hint


def test_all_reasons_come_at_once() -> None:
    """Not one after the other, each after a deployment."""
    observed = there(
        architecture="arm64",
        handler="a.b",
        tags=(("aws:cloudformation:stack-name", "prod"),),
    )

    assert len(refusals(observed, archive(), facts(size_bytes=10**8), TODAY)) == 4


@pytest.mark.parametrize(
    "observed",
    [there(architecture="arm64"), there(tags=(("aws:cloudformation:stack-name", "prod"),))],
    ids=["architecture", "stack"],
)
def test_anyway_goes_on(observed: Observed) -> None:
    """Only for what a person may well mean."""
    assert refusals(observed, archive(anyway=True), facts(), TODAY) == ()


def test_variables_are_counted_with_those_that_are_there() -> None:
    """4 KB for all together (L20): what the configuration names is not all."""
    named = LambdaSettings(env=(("NEW", "x" * 3000),))
    (found,) = refusals(there(env=(("OLD", "y" * 1100),)), archive(settings=named), facts(), TODAY)

    assert "4119 bytes of JSON" in found.what
    assert "get-function-configuration" in found.hint
    replaced = LambdaSettings(env=(("OLD", "x" * 3000),))
    assert (
        refusals(there(env=(("OLD", "y" * 1100),)), archive(settings=replaced), facts(), TODAY)
        == ()
    )


def test_another_endpoint_takes_any_registry() -> None:
    """A test stack has its own."""
    of_image = there(package="image")

    assert refusals(of_image, image(), facts(elsewhere=True), TODAY) == ()


def test_runtime_is_blocked_from_its_day_on() -> None:
    """Updates go longer than new functions (lambda_rules section 4)."""
    observed, wanted = there(runtime="python3.9"), archive(runtime="python3.9")
    new = replace(wanted, create=True, settings=ROLE)

    assert refusals(observed, wanted, facts(), date(2027, 3, 2)) == ()
    assert refusals(observed, wanted, facts(), date(2027, 3, 3)) != ()
    assert refusals(Observed(), new, facts(), date(2027, 1, 31)) == ()
    assert refusals(Observed(), new, facts(), date(2027, 2, 1)) != ()
