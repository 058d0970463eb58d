"""The Lambda front itself: it refuses what Lambda refuses, or these tests would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from imagekit.deploy.actions import CreateFunction, plan
from imagekit.model.errors import AwsRefused
from imagekit.model.function import Observed
from tests.deploy.world import NAME, REPOSITORY, World, image
from tests.services.lambda_front import Fault, Phase

TWO = image("two")


@pytest.fixture
def functions(world: World) -> Any:
    """boto3's client, with one image function that is done."""
    world.deploy(image("one"))
    return world.client("lambda")


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    """AWS's code."""
    return str(refused.value.response["Error"]["Code"])


def update(functions: Any, **more: Any) -> Any:
    """Other code, without waiting."""
    return functions.update_function_code(FunctionName=NAME, ImageUri=TWO.code.image, **more)


def test_busy_function_takes_no_change(functions: Any, world: World) -> None:
    """409 for as many looks as it takes, then it goes (L10)."""
    world.front.polls = 2
    assert update(functions)["LastUpdateStatus"] == "InProgress"
    calls: tuple[Callable[[], Any], ...] = (
        lambda: update(functions),
        lambda: functions.update_function_configuration(FunctionName=NAME, MemorySize=256),
        lambda: functions.publish_version(FunctionName=NAME),
    )
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert code_of(refused) == "ResourceConflictException"
    states = [
        functions.get_function(FunctionName=NAME)["Configuration"]["LastUpdateStatus"]
        for _ in range(3)
    ]
    assert states == ["InProgress", "InProgress", "Successful"]


def test_code_is_the_digest_of_the_manifest(functions: Any) -> None:
    """As ResolvedImageUri, too (L7, L8)."""
    found = functions.get_function(FunctionName=NAME)

    assert found["Configuration"]["CodeSha256"] == image("one").sha256
    assert found["Code"]["ResolvedImageUri"] == image("one").code.image


def test_package_type_is_guarded(functions: Any) -> None:
    """AWS's own words (L9)."""
    with pytest.raises(ClientError, match="Please provide ImageUri when updating a function"):
        functions.update_function_code(FunctionName=NAME, ZipFile=b"PK")


def test_same_code_is_the_same_version(functions: Any) -> None:
    """Nothing changed since the last one; a guard that does not hold is refused (L19)."""
    one = functions.publish_version(FunctionName=NAME)["Version"]
    assert one == functions.publish_version(FunctionName=NAME)["Version"] == "1"
    with pytest.raises(ClientError, match="is different from current CodeSHA256"):
        functions.publish_version(FunctionName=NAME, CodeSha256="0" * 64)


def test_wrong_revision_is_412(functions: Any) -> None:
    """Of a function and of an alias (L18)."""
    calls: tuple[Callable[[], Any], ...] = (
        lambda: update(functions, RevisionId="long ago"),
        lambda: functions.update_alias(FunctionName=NAME, Name="live", RevisionId="long ago"),
    )
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert code_of(refused) == "PreconditionFailedException"


def test_versions_keep_their_image(functions: Any, world: World) -> None:
    """moto shares one record between versions; a version's code never changes."""
    world.deploy(TWO)
    first = functions.get_function(FunctionName=NAME, Qualifier="1")

    assert first["Configuration"]["CodeSha256"] == image("one").sha256
    assert first["Code"]["ImageUri"] == image("one").code.image


def test_missing_image_and_missing_version(functions: Any, world: World) -> None:
    """No code that is not there, no alias on a version that is not there."""
    world.front.images = set()
    with pytest.raises(ClientError, match=f"Source image {REPOSITORY}@.* does not exist"):
        update(functions)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: functions.update_alias(FunctionName=NAME, Name="live", FunctionVersion="9"),
        lambda: functions.update_alias(
            FunctionName=NAME,
            Name="live",
            RoutingConfig={"AdditionalVersionWeights": {"9": 0.1}},
        ),
    )
    for call in calls:
        with pytest.raises(ClientError):
            call()


def test_second_creation_is_refused(functions: Any, world: World) -> None:
    """moto would put a new one in its place."""
    with pytest.raises(ClientError, match="Function already exist: scoring"):
        functions.create_function(
            FunctionName=NAME,
            Role="arn:aws:iam::123456789012:role/scoring",
            Code={"ImageUri": TWO.code.image},
            PackageType="Image",
        )


def test_cut_after_is_taken_and_cut_before_is_not(world: World) -> None:
    """The two kinds of a lost answer differ in what Lambda has then."""
    phases: tuple[tuple[Phase, bool], ...] = (("before", False), ("after", True))
    for phase, there in phases:
        world.front.forget()
        world.front.faults.append(Fault(operation="CreateFunction", hang_up=phase))
        functions = world.place.functions
        step = plan(Observed(), image("one"))[0]
        assert isinstance(step, CreateFunction)
        with pytest.raises(AwsRefused):
            functions.create(step.new)
        assert (functions.get(NAME) is not None) is there
