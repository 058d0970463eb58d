"""A canary: step by step, watched on CloudWatch, back on trouble. The clock is the test's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.aws.metrics import Metrics
from imagekit.deploy.canary import Canary, Mover, Step
from imagekit.deploy.place import Place
from imagekit.model.errors import AwsRefused, RemoteRefused, WentBack
from tests.deploy.world import NAME, World, image
from tests.services.lambda_front import Fault

ONE, TWO = image("one"), image("two")


def mover(**options: Any) -> Callable[[Place], Mover]:
    """How the alias moves, once there is a place."""
    said: list[str] = []
    return lambda place: Mover(place=place, name=NAME, say=said.append, **options)


def fail(world: World, version: str, count: float) -> None:
    """Have CloudWatch count errors of that version now."""
    world.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Errors",
                "Timestamp": world.clock.now,
                "Value": count,
                "Dimensions": [
                    {"Name": "FunctionName", "Value": NAME},
                    {"Name": "Resource", "Value": f"{NAME}:live"},
                    {"Name": "ExecutedVersion", "Value": version},
                ],
            }
        ],
    )


def routes(world: World) -> list[tuple[str, dict[str, float]]]:
    """Every position that the alias was brought to, in order."""
    moves = [one.body for one in world.front.seen if one.operation == "UpdateAlias"]
    return [
        (body["FunctionVersion"], body["RoutingConfig"].get("AdditionalVersionWeights", {}))
        for body in moves
    ]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("10%:5m", (Step(0.1, 300),)),
        ("5%:30s,50%:1h", (Step(0.05, 30), Step(0.5, 3600))),
    ],
)
def test_words_of_a_canary(text: str, steps: tuple[Step, ...]) -> None:
    """A share and how long; several rise."""
    assert Canary.parse(text).steps == steps


@pytest.mark.parametrize("text", ["", "10%", "0%:5m", "10%:0m", "100%:5m", "9%:1m,9%:1m", "5:5"])
def test_no_canary(text: str) -> None:
    """Whatever shares nothing, or everything, is none."""
    with pytest.raises(ValueError, match=r"no step|must rise"):
        Canary.parse(text)


def test_traffic_moves_step_by_step(world: World) -> None:
    """10 % for 5 minutes, half for 10, then all; the whole time is waited."""
    world.deploy(ONE)
    world.front.forget()
    began = world.clock.now
    world.deploy(TWO, mover(canary=Canary.parse("10%:5m,50%:10m")))

    assert routes(world) == [("1", {"2": 0.1}), ("1", {"2": 0.5}), ("2", {})]
    assert world.clock.now - began >= timedelta(minutes=15)
    assert world.alias() == "2"


def test_errors_of_the_new_version_bring_all_back(world: World) -> None:
    """The first look that sees one: all traffic at the old version, and the count is told."""
    world.deploy(ONE)
    world.front.forget()
    began = world.clock.now
    world.clock.woken = lambda: (
        fail(world, "2", 3) if world.clock.now - began > timedelta(minutes=2) else None
    )
    with pytest.raises(WentBack, match="failed 3 times with 10% of the traffic") as back:
        world.deploy(TWO, mover(canary=Canary.parse("10%:5m")))

    assert routes(world) == [("1", {"2": 0.1}), ("1", {})]
    assert world.clock.now - began < timedelta(minutes=4)
    assert back.value.exit_code == 1
    assert back.value.hint == "aws logs tail /aws/lambda/scoring"


def test_errors_of_the_old_version_are_not_the_new_ones(world: World) -> None:
    """What fails already does not stop what may mend it."""
    world.deploy(ONE)
    world.clock.woken = lambda: fail(world, "1", 100)
    world.deploy(TWO, mover(canary=Canary.parse("10%:2m")))

    assert world.alias() == "2"


def test_smoke_event_comes_before_any_traffic(world: World) -> None:
    """A version that fails it never gets the alias; its own words are told."""
    world.deploy(ONE)
    world.front.broken.add(f"{NAME}:2")
    world.front.forget()
    with pytest.raises(WentBack, match="live points at 1 as before") as back:
        world.deploy(TWO, mover(canary=Canary.parse("10%:5m"), smoke=b"{}"))

    assert routes(world) == []
    assert "ImportError" in back.value.causes[0]
    world.front.broken.clear()
    world.deploy(TWO, mover(smoke=b"{}"))
    assert world.versions() == ["1", "2"]
    assert world.alias() == "2"


def test_smoke_event_waits_until_the_version_can_be_called(world: World) -> None:
    """Throttled, or being made ready (L16): called again, as it was not called at all."""
    world.deploy(ONE)
    for code in ("TooManyRequestsException", "CodeArtifactUserPendingException"):
        world.front.faults.append(Fault(operation="Invoke", status=409, code=code))
    world.deploy(TWO, mover(smoke=b"{}"))

    assert world.alias() == "2"
    assert world.front.operations().count("Invoke") == 3


def test_smoke_event_that_may_have_run_is_not_sent_again(world: World) -> None:
    """The connection broke while it ran: an error, the old version serving."""
    world.deploy(ONE)
    world.front.forget()
    world.front.faults.append(Fault(operation="Invoke", hang_up="after"))
    with pytest.raises(AwsRefused):
        world.deploy(TWO, mover(smoke=b"{}"))

    assert world.front.operations().count("Invoke") == 1
    assert world.alias() == "1"


def test_interrupted_canary_begins_again(world: World) -> None:
    """Killed while a part of the traffic was new: the same command goes through all steps."""
    world.deploy(ONE)

    def killed() -> None:
        if routes(world)[-1:] == [("1", {"2": 0.1})]:
            raise KeyboardInterrupt

    world.clock.woken = killed
    with pytest.raises(KeyboardInterrupt):
        world.deploy(TWO, mover(canary=Canary.parse("10%:5m")))
    world.clock.woken = lambda: None
    world.front.forget()
    world.deploy(TWO, mover(canary=Canary.parse("10%:5m")))

    assert routes(world) == [("1", {"2": 0.1}), ("2", {})]
    assert world.versions() == ["1", "2"]


def test_deploy_without_canary_ends_one_that_was_cut_off(world: World) -> None:
    """The alias at its version, and a share of the traffic elsewhere: a difference."""
    world.deploy(ONE)
    world.deploy(TWO)
    world.client("lambda").update_alias(
        FunctionName=NAME,
        Name="live",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )
    world.deploy(TWO)

    found = world.place.functions.alias(NAME, "live")
    assert found is not None
    assert (found.version, found.routing) == ("2", ())


def test_errors_that_cannot_be_read_move_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No watching, no canary: refused before the first step."""
    world.deploy(ONE)
    world.front.forget()
    environ = {**world.environ, "AWS_ENDPOINT_URL_CLOUDWATCH": "http://127.0.0.1:9"}
    monkeypatch.setattr(World, "environ", environ)
    world.__dict__.pop("place", None)
    with pytest.raises(AwsRefused, match="count the errors"):
        world.deploy(TWO, mover(canary=Canary.parse("10%:5m")))

    assert routes(world) == []


@pytest.mark.parametrize("phase", ["before", "after"])
def test_cut_while_the_alias_moves(world: World, phase: Any) -> None:
    """Each of its moves is looked for, and made once."""
    world.deploy(ONE)
    for number in range(2):
        world.front.forget()
        world.front.faults.append(Fault(operation="UpdateAlias", at=number, hang_up=phase))
        world.deploy(image(f"next {number}"), mover(canary=Canary.parse("10%:1m")))
        assert world.alias() == str(number + 2)


def test_alias_that_another_moved_is_left_alone(world: World) -> None:
    """A rollback by hand during a canary wins: 412, and we do not move it again (L18)."""
    world.deploy(ONE)
    world.deploy(TWO)

    def moved_by_hand() -> None:
        if routes(world)[-1:] == [("2", {"3": 0.1})]:
            world.clock.woken = lambda: None
            world.client("lambda").update_alias(
                FunctionName=NAME, Name="live", FunctionVersion="1", RoutingConfig={}
            )

    world.clock.woken = moved_by_hand
    with pytest.raises(RemoteRefused, match="was moved to 1 by another"):
        world.deploy(image("three"), mover(canary=Canary.parse("10%:1m")))

    assert world.alias() == "1"


def test_watch_that_breaks_off_brings_all_back_once(world: World) -> None:
    """Nobody watches any more: back, AWS's words, and no second canary on its own."""
    world.deploy(ONE)
    world.front.forget()
    environ = {**world.environ, "AWS_ENDPOINT_URL_CLOUDWATCH": world.moto}
    metrics = Metrics(environ, sleep=world.clock.sleep)

    class Breaking:
        """CloudWatch, until the first step began."""

        def errors(self, name: str, alias: str, version: str, began: Any, now: Any) -> int:
            if routes(world):
                environ["AWS_ENDPOINT_URL_CLOUDWATCH"] = "http://127.0.0.1:9"
                broken = Metrics(environ, sleep=world.clock.sleep)
                return broken.errors(name, alias, version, began, now)
            return metrics.errors(name, alias, version, began, now)

    place = replace(world.place, metrics=Breaking())
    world.__dict__["place"] = place
    with pytest.raises(AwsRefused, match="count the errors"):
        world.deploy(TWO, mover(canary=Canary.parse("10%:5m")))

    assert routes(world) == [("1", {"2": 0.1}), ("1", {})]
