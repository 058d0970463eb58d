"""What a release does, request by request: order, counts, waves, canaries, many functions."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imagekit.deploy.canary import Canary
from imagekit.oci.layer import KIND as LAYER
from imagekit.report.errors import words
from tests.deploy.world import Clock, World
from tests.e2e.projects import write_pylock
from tests.e2e.releasing import Cloud, Ended, Runner, code
from tests.services.lambda_front import Fault
from tests.services.trouble import Trouble, changes
from tests.services.wheels import with_version

US = "us-east-1"


def change(runner: Runner, number: int) -> None:
    """Other code."""
    (runner.folder / "app.py").write_text(code(number), encoding="utf-8")


def configure(runner: Runner, old: str, new: str) -> None:
    """Edit the configuration, which must hold `old`."""
    path = runner.folder / "imagekit.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def counted(cloud: Cloud, runner: Runner, store: Path | None = None) -> tuple[Ended, list[str]]:
    """A release, and its requests to AWS and its registries without what differs each time."""
    trouble = Trouble()
    cloud.have(trouble)
    ended = runner.release(store)
    cloud.have(None)
    assert ended.status == 0, ended
    return ended, [one.partition("?")[0] for one in trouble.seen]


def test_nothing_changed_costs_nine_requests(
    runner: Runner, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who are we, a token, what is there, and four looks at the function; then nothing."""
    store = runner.machine()
    assert runner.release(store).status == 0
    ended, seen = counted(cloud, runner, store)

    with capsys.disabled():
        print(f"\nthe same release again: {len(seen)} requests")
    assert "nothing differs, and nothing was called" in ended.said
    assert [one for one in seen if one.startswith(("POST", "PUT", "PATCH"))] == []
    assert [one for one in seen if one.startswith("lambda")] == [
        "lambda GetFunction app",
        "lambda GetFunction app",
        "lambda GetAlias app",
        "lambda GetFunction app",
    ]
    assert len(seen) == 9, seen


def test_what_lambda_would_refuse_is_told_before_anything_is_made(
    runner: Runner, cloud: Cloud
) -> None:
    """No function to update, a ZIP's function, CloudFormation's: nothing is built, nothing sent."""
    change(runner, 1)
    functions = cloud.world.client("lambda")
    tagged = functions.get_function(FunctionName="app")["Configuration"]["FunctionArn"]
    functions.tag_resource(Resource=tagged, Tags={"aws:cloudformation:stack-name": "prod"})
    owned = refused(runner, cloud)
    configure(runner, "[functions.app]", "[functions.app.lambda]\nname = 'nobody'\n[functions.app]")
    missing = refused(runner, cloud, create=False, role=None)

    assert "CloudFormation's stack prod owns the function" in owned
    assert "aws cloudformation deploy --stack-name prod" in owned
    assert "there is no function nobody in eu-west-1" in missing


@pytest.mark.parametrize("asked", [{"canary": Canary.parse("10%:5m")}, {"smoke": b"{}"}])
def test_what_needs_an_alias_is_refused_before_anything_is_made(
    runner: Runner, cloud: Cloud, asked: dict[str, Any]
) -> None:
    """A canary and a smoke test come before an alias moves: without one, exit 2, and no push."""
    change(runner, 1)
    said = refused(runner, cloud, 2, alias=None, **asked)

    assert "--canary and --smoke come before an alias moves, and app has none" in said
    assert "hint: add `--alias live`, or `alias` to the stage" in said


def test_the_stage_whose_credentials_or_region_are_wrong_is_named(
    staged: Runner, cloud: Cloud
) -> None:
    """A profile that is not there, and AWS's refusal in one stage: exit 3 before anything is made,
    with the stage."""
    region = f'region = "{US}"'
    configure(staged, region, f'{region}\nprofile = "nobody"')
    profile = refused(staged, cloud, 3, stages=("test", "us"))
    configure(staged, '\nprofile = "nobody"', "")
    denied = Fault(operation="GetFunction", function="app-us", status=403, times=9)
    denied.code = "AccessDeniedException"
    cloud.world.front.faults.append(denied)
    account = refused(staged, cloud, 3, stages=("test", "us"))

    assert profile.startswith("error: stage us: AWS's own configuration cannot be used")
    assert "hint: aws configure list-profiles" in profile
    assert account.startswith("error: stage us: AWS refused: describe app-us")


def refused(runner: Runner, cloud: Cloud, status: int = 1, **deploy: Any) -> str:
    """What a release says that changes nothing and makes nothing."""
    store = runner.machine()
    trouble = Trouble()
    cloud.have(trouble)
    ended = runner.release(store, **deploy)
    cloud.have(None)

    assert ended.status == status
    assert [one for one in trouble.seen if one.startswith(("POST", "PUT", "PATCH"))] == []
    assert not (store / "records" / LAYER).exists(), "a layer was made"
    return words(ended.error) if ended.error else ""


def test_code_and_configuration_in_their_order(runner: Runner, cloud: Cloud) -> None:
    """Code, wait, configuration, wait, publish, alias: as HTTP has it (decision 10)."""
    change(runner, 1)
    configure(
        runner, 'handler = "app.handler"', 'handler = "app.handler"\nlambda = { memory = 2048 }'
    )
    _, seen = counted(cloud, runner)

    calls = [one.split()[1] for one in seen if one.startswith("lambda")]
    assert calls == [
        *("GetFunction", "GetFunction", "GetAlias", "GetFunction"),
        *("UpdateFunctionCode", "GetFunction", "GetFunction"),
        *("UpdateFunctionConfiguration", "GetFunction", "GetFunction"),
        *("PublishVersion", "UpdateAlias"),
    ]


def test_from_nothing_says_what_it_made(runner: Runner, cloud: Cloud) -> None:
    """1024 MB and 30 s, and the alias that was not there."""
    configure(runner, "functions.app]", "functions.fresh]")
    ended = runner.release()

    assert "1024 MB, 30 s" in ended.said
    assert "made " in ended.said, "the repository"
    assert cloud.world.place.functions.alias("fresh", "live") is not None


def test_a_bump_sends_that_layer_alone(runner: Runner, cloud: Cloud, wheels: Path) -> None:
    """Its layer and the config; one more version."""
    old = next(wheels.glob("demo-*.whl"))
    with_version(old, "1.1")
    old.unlink()
    write_pylock(runner.folder, wheels.glob("*.whl"))
    ended, seen = counted(cloud, runner)

    assert len([one for one in seen if one.startswith("PUT") and "/blobs/" in one]) == 2
    assert len(cloud.versions("app")) == 2
    assert cloud.serving("app") == cloud.versions("app")[-1]
    assert ended.status == 0


def test_the_description_tells_commit_and_what_was_before(runner: Runner, cloud: Cloud) -> None:
    """`git … · base … · was …`; what is not known is left out."""
    change(runner, 1)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *arguments], cwd=runner.folder, check=True)
    told = ["git", "rev-parse", "--short=7", "HEAD"]
    head = subprocess.run(told, cwd=runner.folder, check=True, capture_output=True, text=True)
    assert runner.release().status == 0

    descriptions = [one.description for one in cloud.world.place.functions.versions("app")]
    assert descriptions == ["base 1", f"git {head.stdout.strip()} · base 1 · was 1"]


def test_a_canary_that_fails_goes_back(runner: Runner, cloud: Cloud) -> None:
    """Exit 1, all traffic at the old version; the next release begins the canary anew."""
    old = cloud.serving("app")
    change(runner, 1)
    failed(cloud, "2")
    ended = runner.release(canary=Canary.parse("10%:5m"))

    assert ended.status == 1, ended
    assert "all of live is back at 1" in ended.said
    assert cloud.serving("app") == old
    routed = [
        one.body["RoutingConfig"]["AdditionalVersionWeights"]
        for one in cloud.world.front.seen
        if one.operation == "UpdateAlias"
    ]
    assert routed == [{"2": 0.1}, {}]
    assert runner.release().status == 0
    assert len(cloud.versions("app")) == 2


def failed(cloud: Cloud, version: str) -> None:
    """Have CloudWatch count errors of a version from now on."""
    dimensions = {"FunctionName": "app", "Resource": "app:live", "ExecutedVersion": version}
    cloud.world.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Errors",
                # Counts are read from the minute in which a watch begins: soon, on any machine.
                "Timestamp": datetime.now(UTC) + timedelta(seconds=45),
                "Value": 3,
                "Dimensions": [{"Name": key, "Value": said} for key, said in dimensions.items()],
            }
        ],
    )


@pytest.fixture
def staged(runner: Runner, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A test stage, and two that follow it, one of them in another region's registry."""
    cloud.aws.registry(region=US)
    env = cloud.aws.env
    runner.environ = {**runner.environ, **env}
    monkeypatch.setenv("IMAGEKIT_REGISTRY_ENDPOINTS", env["IMAGEKIT_REGISTRY_ENDPOINTS"])
    host = cloud.aws.registry(region=US).host
    configure(
        runner,
        "[functions.app]",
        f"""\
[functions.app]
[stages.test]
name = "{{function}}-test"
[stages.eu]
name = "{{function}}-eu"
repository = "prod/{{function}}"
[stages.us]
name = "{{function}}-us"
region = "{US}"
repository = "{host}/prod/{{function}}"
[functions.app]""".replace("[functions.app]\n", "", 1),
    )
    path = runner.folder / "imagekit.toml"
    order = 'stage_order = [["test"], ["eu", "us"]]\n'
    path.write_text(order + path.read_text(encoding="utf-8"), encoding="utf-8")
    return runner


ALL = ("test", "eu", "us")


def test_promotion_reaches_a_second_registry(staged: Runner, cloud: Cloud) -> None:
    """One digest in three repositories, and each function runs it from where it may."""
    change(staged, 1)
    ended = staged.release(None, stages=ALL)
    assert ended.status == 0, ended

    (newest,) = {cloud.serving(name) for name in ("app-test", "app-eu")}
    eu, us = (cloud.aws.registry(region=one) for one in ("eu-west-1", US))
    for registry, name in ((eu, "team/app"), (eu, "prod/app"), (us, "prod/app")):
        assert f"sha256:{newest}" in registry.repositories[name].images
    made = [one.body for one in cloud.world.front.seen if one.operation == "CreateFunction"]
    (in_us,) = [one for one in made if one["FunctionName"] == "app-us"]
    assert in_us["Code"]["ImageUri"] == f"{us.host}/prod/app@sha256:{newest}"


def test_the_plan_tells_each_stage(staged: Runner, cloud: Cloud) -> None:
    """Before: what is made, promoted and deployed, at most where it is not built yet; after: all
    is there. Nothing is changed by it, and what a stage lacks is refused with its name."""
    change(staged, 1)
    before = planned(staged, cloud)
    lacking = refused(staged, cloud, create=False, role=None, stages=ALL)
    assert staged.release(None, stages=ALL).status == 0
    after = planned(staged, cloud)

    us = f"{cloud.aws.registry(region=US).host}/prod/app"
    assert before[0].startswith("app: make 1 of 2 layers (source; ")
    assert f"app (us): make the repository {us}" in before
    assert f"app (us): promote to {us}" in before
    created = [one for one in before if one.startswith("app (us): at most: create the function (")]
    assert [one.endswith(f" with {us}@(what is made)") for one in created] == [True]
    assert "app (us): there is no function app-us in us-east-1" in lacking
    assert [one.partition("@")[0] for one in after if "promote" in one] == [
        f"app (eu): promote nothing: {cloud.aws.registry().host}/prod/app",
        f"app (us): promote nothing: {us}",
    ]
    assert after[-3:] == [f"app ({stage}): nothing differs" for stage in ALL]


def planned(runner: Runner, cloud: Cloud) -> list[str]:
    """The lines of `release --plan` on an empty disk, which changes nothing."""
    trouble = Trouble()
    cloud.have(trouble)
    ended = runner.release(plan=True, stages=ALL)
    cloud.have(None)
    assert ended.status == 0, ended
    assert [one for one in trouble.seen if changes(one)] == []
    return ended.answered.splitlines()


def test_a_wave_that_fails_stops_the_next(staged: Runner, cloud: Cloud) -> None:
    """Exit 3, Lambda's reason, later stages as they were; the same again goes on from there."""
    assert staged.release(None, stages=ALL).status == 0
    old = cloud.serving("app-eu")
    change(staged, 2)
    cloud.world.front.failures["app-test"] = ("InvalidImage", "no parent directory")
    cloud.world.front.forget()
    ended = staged.release(None, stages=ALL)

    assert ended.status == 3, ended
    assert "no parent directory" in ended.said
    assert ended.said.count("not started") == 2
    assert cloud.world.front.changes("app-eu") == cloud.world.front.changes("app-us") == []
    assert cloud.serving("app-eu") == old
    assert staged.release(None, stages=ALL).status == 0
    assert cloud.serving("app-eu") == cloud.serving("app-test") != old


def test_a_promotion_that_is_cut_off(staged: Runner, cloud: Cloud) -> None:
    """After each of its steps: nothing was deployed yet; the same again completes it."""
    there = World(
        moto=cloud.world.moto, front=cloud.world.front, clock=Clock(), region=US
    ).place.functions
    assert staged.release(None, stages=("us",)).status == 0
    change(staged, 1)
    calm = Trouble()
    cloud.have(calm)
    assert staged.release(None, stages=("us",)).status == 0
    steps = [one for one in calm.seen if changes(one)]
    pushed = next(n for n, one in enumerate(steps) if one.startswith("PUT /v2/team/app/man"))
    first = next(n for n, one in enumerate(steps) if one.startswith("lambda"))
    assert first - pushed > 3, steps
    for count, at in enumerate(range(pushed, first), start=2):
        change(staged, 100 + at)
        trouble = Trouble(kinds=("after",), at=at, then="before", changing=True)
        cloud.have(trouble)
        ended = staged.release(None, stages=("us",))
        cloud.have(None)
        assert ended.status == 3, (trouble.told, ended)
        assert len(there.versions("app-us")) == count
        assert staged.release(None, stages=("us",)).status == 0, trouble.told
        cloud.require_sound()
        assert len(there.versions("app-us")) == count + 1


def test_twenty_functions(runner: Runner, cloud: Cloud) -> None:
    """One fails: 19 are done, the exit code is that of the failure; again: that one alone."""
    names = [f"job{number}" for number in range(20)]
    more = "".join(
        f'[functions.{name}]\nhandler = "app.handler"\nenv = {{ JOB = "{number % 10}" }}\n'
        for number, name in enumerate(names)
    )
    path = runner.folder / "imagekit.toml"
    head = path.read_text(encoding="utf-8").partition("[functions.app]")[0]
    path.write_text(head + more, encoding="utf-8")
    cloud.world.front.failures["job7"] = ("InvalidImage", "job7 is odd")
    ended = runner.release()

    assert ended.status == 3, ended
    assert "1 of 20 were not done; the same command goes on from here" in ended.said
    assert len({cloud.serving(name) for name in names if name != "job7"}) == 10
    assert cloud.serving("job7") is None
    cloud.world.front.forget()
    assert runner.release().status == 0
    assert {one.function for one in cloud.world.front.seen if one.method != "GET"} == {"job7"}
