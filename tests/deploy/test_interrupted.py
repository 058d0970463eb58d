"""Cut off anywhere, refused for a moment, left half-way: one version, no alias on nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagekit.deploy.wanted import Wanted
from imagekit.model.errors import AwsRefused, RemoteError
from tests.deploy.world import NAME, World, image, with_settings
from tests.services.lambda_front import Fault, LambdaFront, Phase
from tests.services.moto import forget

ONE = image("one")
TWO = with_settings(image("two"), memory=2048, env=(("LEVEL", "INFO"),))


def anew(world: World, *before: Wanted) -> None:
    """An empty account, with these deployed one after the other; requests count from here."""
    forget(world.moto)
    world.front.functions.clear()
    world.front.forget()
    world.role()
    for wanted in before:
        world.deploy(wanted)
    world.front.forget()


def count(world: World, wanted: Wanted, *before: Wanted) -> int:
    """How many requests the deployment makes when nothing goes wrong."""
    anew(world, *before)
    world.deploy(wanted)
    return len(world.front.seen)


def require_done(world: World, wanted: Wanted, versions: list[str]) -> None:
    """The wanted code serves through the alias, and there are exactly these versions."""
    world.front.forget()
    assert world.versions() == versions
    assert world.alias() == versions[-1]
    found = world.place.functions.get(NAME, versions[-1])
    assert found is not None
    assert found.code == wanted.sha256
    assert found.memory == (wanted.settings.memory or 1024)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    ("wanted", "before", "versions"),
    [(TWO, (ONE,), ["1", "2"]), (TWO, (), ["1"])],
    ids=["update", "create"],
)
def test_connection_is_cut_at_each_request(
    world: World, wanted: Wanted, before: tuple[Wanted, ...], versions: list[str], phase: Phase
) -> None:
    """Before and after Lambda took it: the same run finishes, with one version."""
    total = count(world, wanted, *before)
    assert total >= 9, world.front.operations()
    for number in range(total):
        anew(world, *before)
        world.front.faults.append(Fault(at=number, hang_up=phase))
        world.deploy(wanted)
        assert not any(fault.times for fault in world.front.faults), number
        require_done(world, wanted, versions)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    ("wanted", "before", "versions"),
    [(TWO, (ONE,), ["1", "2"]), (TWO, (), ["1"])],
    ids=["update", "create"],
)
def test_killed_at_each_request(
    world: World, wanted: Wanted, before: tuple[Wanted, ...], versions: list[str], phase: Phase
) -> None:
    """Nothing gets through any more: a clear failure with the old version serving.

    The same command then completes the same deployment.
    """
    total = count(world, wanted, *before)
    for number in range(total):
        anew(world, *before)
        # The request at which it happens, and whatever follows.
        world.front.faults += [
            Fault(at=number, hang_up=phase),
            Fault(at=number + 1, hang_up="before", times=1000),
        ]
        with pytest.raises(RemoteError):
            world.deploy(wanted)
        world.front.forget()
        assert world.alias() in ("1", "2") if before else world.alias() in (None, "1")
        world.deploy(wanted)
        require_done(world, wanted, versions)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "TooManyRequestsException"),
        (500, "ServiceException"),
        (503, "ServiceUnavailable"),
        (409, "ResourceConflictException"),
    ],
)
def test_refused_for_the_moment_at_each_request(world: World, status: int, code: str) -> None:
    """Throttled, out of order, or another update under way: tried again, one version."""
    total = count(world, TWO, ONE)
    for number in range(total):
        anew(world, ONE)
        world.front.faults.append(Fault(at=number, status=status, code=code, times=2))
        if status == 409 and number < 3:
            continue  # Lambda answers no describe call so
        world.deploy(TWO)
        require_done(world, TWO, ["1", "2"])


def test_refused_for_good_ends(world: World, front: LambdaFront) -> None:
    """After some tries it is an error with AWS's own words, the old version serving."""
    world.deploy(ONE)
    front.faults.append(Fault(operation="PublishVersion", status=500, times=1000))
    with pytest.raises(AwsRefused) as refused:
        world.deploy(TWO)

    assert "An error occurred and the request cannot be processed" in str(refused.value.__cause__)
    assert world.alias() == "1"
    assert 10 < sum(world.clock.slept) < 60


def test_role_that_lambda_does_not_know_yet_is_waited_for(world: World, front: LambdaFront) -> None:
    """IAM tells Lambda after some seconds; until then it says the role cannot be assumed (L6)."""
    message = "The role defined for the function cannot be assumed by Lambda."
    front.faults.append(
        Fault(
            operation="CreateFunction",
            status=400,
            code="InvalidParameterValueException",
            message=message,
            times=3,
        )
    )
    world.deploy(ONE)

    assert world.alias() == "1"


@pytest.mark.parametrize(
    "moved",
    [
        lambda world: world.client("lambda").update_function_configuration(
            FunctionName=NAME, Timeout=77
        ),
    ],
)
def test_another_hand_at_the_same_function(world: World, moved: Callable[[World], object]) -> None:
    """A change between our look and our call is seen (L18), kept, and the deployment goes on."""
    world.deploy(ONE)
    observed = world.observed(TWO)
    moved(world)
    for _ in range(3):
        world.client("lambda").get_function(FunctionName=NAME)
    from imagekit.deploy.apply import Applying

    Applying(place=world.place, wanted=TWO).run(observed)

    found = world.place.functions.get(NAME)
    assert found is not None
    assert (found.timeout, found.memory) == (77, 2048)
    require_done(world, TWO, ["1", "2"])
