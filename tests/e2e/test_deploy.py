"""`deploy`, `status`, `rollback` as a person types them, on moto behind the Lambda front."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.world import REGION, ROLE, Clock, World, image
from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.lambda_front import DESCRIBING, LambdaFront, lambda_front
from tests.services.moto import ACCOUNT, forget

ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def front(moto: str) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(moto)
    with lambda_front(moto) as served:
        yield served


@pytest.fixture
def world(moto: str, front: LambdaFront) -> World:
    """An account with a role in it."""
    found = World(moto=moto, front=front, clock=Clock())
    found.role()
    return found


@pytest.fixture
def project(zipped: Project, world: World, tmp_path: Path) -> Project:
    """A ZIP project, built, and AWS on this machine."""
    env = {
        **world.environ,
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    found = zipped.with_env(**env)
    found.build()
    return found


def deploy(project: Project, *arguments: str, code: int = 0, command: str = "deploy") -> Any:
    """A run with that exit code; its functions as JSON."""
    done = project.run(command, *arguments, "--json")
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)["functions"] if done.stdout else done.stderr


def change(project: Project, answer: int) -> None:
    """Other code, built."""
    text = f"def handler(event, context):\n    return {answer}\n"
    (project.folder / "app.py").write_text(text, encoding="utf-8")
    project.build()


CREATE = ("--create", "--role", ROLE, "--alias", "live")


def test_from_nothing_and_again(project: Project, front: LambdaFront) -> None:
    """`--create` makes the function with 1024 MB and 30 s and says so; again, nothing is called."""
    done = succeeded(project.run("deploy", *CREATE))
    assert done.stdout.endswith(":function:app:1\n")
    front.forget()
    again = succeeded(project.run("deploy", "--alias", "live"))

    assert set(front.operations()) <= DESCRIBING
    assert len(front.operations()) == 3
    assert "nothing differs, and nothing was called" in again.stderr
    assert again.stdout == done.stdout


def test_dry_run_prints_and_changes_nothing(project: Project, front: LambdaFront) -> None:
    """The steps on stdout, 1024 MB and 30 s among them."""
    done = succeeded(project.run("deploy", *CREATE, "--dry-run"))

    assert "app: create the function (python3.13, x86_64, 1024 MB, 30 s, as arn:" in done.stdout
    assert "app: create the alias live at that version" in done.stdout
    assert front.changes() == []


def test_new_code_moves_the_alias_and_rollback_brings_it_back(
    project: Project, world: World
) -> None:
    """Version 2 serves, then 1 again; the next deploy moves forward without a new version."""
    deploy(project, *CREATE)
    change(project, 2)
    (second,) = deploy(project, "--alias", "live")
    assert (second["version"], second["was"], second["alias"]) == ("2", "1", "live")

    back = succeeded(project.run("rollback", "--alias", "live"))
    assert back.stdout.endswith(":function:app:1\n")
    assert "forward again: imagekit deploy app --alias live" in back.stderr
    (status,) = deploy(project, command="status")
    assert status["version"] == "1"

    (forward,) = deploy(project, "--alias", "live")
    assert forward["version"] == "2"
    found = world.place.functions.versions("app")
    assert [one.version for one in found] == ["1", "2"], "no third version"


def test_without_an_alias_the_code_goes_back(project: Project, world: World) -> None:
    """`$LATEST` runs the prior version's code, and forward again."""
    deploy(project, "--create", "--role", ROLE)
    first = world.place.functions.get("app")
    change(project, 2)
    (second,) = deploy(project)
    assert (second["version"], second["was"]) == ("2", "1")

    succeeded(project.run("rollback"))
    back = world.place.functions.get("app")
    assert first is not None
    assert back is not None
    assert back.code == first.code
    assert deploy(project, code=1, command="rollback") == deploy(
        project, code=1, command="rollback"
    ), "nothing was before version 1"
    (forward,) = deploy(project)
    assert forward["version"] == "2"
    assert [one.version for one in world.place.functions.versions("app")] == ["1", "2"]


def test_status_tells_commit_base_and_what_was_before(project: Project) -> None:
    """From descriptions alone: nothing is kept anywhere else."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *arguments], cwd=project.folder, check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], cwd=project.folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    change(project, 1)
    deploy(project, *CREATE)
    change(project, 2)
    deploy(project, "--alias", "live")
    (status,) = deploy(project, command="status")

    assert status["alias"] == "live"
    assert status["commit"] == head[:7]
    assert status["was"] == "1"
    assert status["previous"] != status["code_sha256"]
    shown = succeeded(project.run("status")).stdout
    assert head[:7] in shown


def test_failed_update_leaves_the_alias_and_says_why(
    project: Project, world: World, front: LambdaFront
) -> None:
    """Lambda's own reason, exit 3, the old version serving; the same command then completes it."""
    deploy(project, *CREATE)
    change(project, 2)
    front.failures["app"] = ("InvalidImage", "MissingParentDirectory: Parent directory of x")
    done = project.run("deploy", "--alias", "live")

    assert done.returncode == 3
    assert "InvalidImage: MissingParentDirectory: Parent directory of x" in done.stderr
    alias = world.place.functions.alias("app", "live")
    assert alias is not None
    assert alias.version == "1"
    (after,) = deploy(project, "--alias", "live")
    assert after["version"] == "2"


BAD = {
    ("--image", "a", "--zip", "b"): "two artefacts",
    ("--zip", "nowhere.zip"): "there is no file nowhere.zip",
    ("--stage", "prod"): "there is no stage 'prod'; the project has none",
    ("--alias", "7"): "'7' is not an alias",
    ("--canary", "10"): "'10' is no step such as 10%:5m",
    ("--canary", "50%:1m,10%:1m", "--alias", "a"): "must rise",
    ("--canary", "10%:1m", "--create", "--role", ROLE): "and app has none",
    ("--role", ROLE): "--role is for a function that is made here",
    ("--create", "--role", "me"): "me is not a role's ARN",
    ("--smoke", "nowhere.json"): "--smoke nowhere.json: ",
    ("-j", "0"): "-j 0 does nothing",
}


def test_bad_input(project: Project, front: LambdaFront) -> None:
    """Exit 2, with a hint, and nothing on stdout."""
    for arguments, said in BAD.items():
        done = project.run("deploy", *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert said in done.stderr
        assert "hint: " in done.stderr
        assert done.stdout == ""
    assert front.changes() == []


def test_every_function_that_lacks_something_is_told(project: Project, world: World) -> None:
    """Not one after the other: what was not built, and what Lambda has not."""
    more = "".join(f'[functions.{name}]\nhandler = "app.handler"\n' for name in ("one", "two"))
    path = project.folder / "imagekit.toml"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    unbuilt = project.run("deploy")
    assert unbuilt.returncode == 2
    assert "one was not built yet" in unbuilt.stderr
    assert "two was not built yet" in unbuilt.stderr

    succeeded(project.run("build"))
    missing = project.run("deploy")
    assert missing.returncode == 1
    for name in ("app", "one", "two"):
        assert f"  {name}: there is no function {name} in {REGION}" in missing.stderr


def test_missing_function_is_refused(project: Project, front: LambdaFront) -> None:
    """Exit 1, before anything was sent, with what to type."""
    done = project.run("deploy")

    assert done.returncode == 1
    assert f"app: there is no function app in {REGION}" in done.stderr
    assert "--create --role ARN" in done.stderr
    assert front.changes() == []


STAGES = """
stage_order = [["test"], ["prod-eu", "prod-us"]]
[stages.test]
region = "eu-west-1"
name = "{function}-test"
alias = "live"
[stages.prod-eu]
region = "eu-central-1"
name = "{function}-prod"
alias = "live"
lambda = { memory = 2048 }
[stages.prod-us]
region = "us-east-1"
name = "{function}-prod"
alias = "live"
"""
ALL = ("--stage", "test", "--stage", "prod-eu", "--stage", "prod-us")


@pytest.fixture
def staged(project: Project) -> Project:
    """The same project with three stages in two waves."""
    path = project.folder / "imagekit.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n{STAGES}".replace("\nstage_order", "\n#"), encoding="utf-8")
    order = STAGES.strip().splitlines()[0]
    path.write_text(f"{order}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    return project


def test_stages_must_be_named(staged: Project) -> None:
    """Exit 2, naming them."""
    done = staged.run("deploy")

    assert done.returncode == 2
    assert "known: test, prod-eu, prod-us" in done.stderr


def test_waves_go_in_order_and_stop_at_a_failure(staged: Project, front: LambdaFront) -> None:
    """The first wave fails: nothing of the second was started, and the table says so."""
    made = deploy(staged, *ALL, "--create", "--role", ROLE)
    assert [one["stage"] for one in made] == ["test", "prod-eu", "prod-us"]
    assert {one["version"] for one in made} == {"1"}
    change(staged, 2)
    front.forget()
    front.failures["app-test"] = ("InvalidZipFileException", "no such thing")
    told = deploy(staged, *ALL, code=3)

    assert [one["state"] for one in told] == ["failed", "not started", "not started"]
    assert front.changes("app-prod") == []
    assert [one["state"] for one in deploy(staged, *ALL)] == ["done", "done", "done"]


def test_settings_of_a_stage_are_its_own(staged: Project, front: LambdaFront) -> None:
    """2048 MB in one stage, what `--create` starts with in the others."""
    deploy(staged, *ALL, "--create", "--role", ROLE)
    sizes = {
        one.body["FunctionName"]: one.body["MemorySize"]
        for one in front.seen
        if one.operation == "CreateFunction" and one.body["FunctionName"] == "app-test"
    }
    assert sizes == {"app-test": 1024}
    prod = [one.body["MemorySize"] for one in front.seen if "app-prod" in str(one.body)]
    assert sorted(size for size in prod if size)[-1] == 2048


def test_large_archive_goes_through_the_bucket_once(project: Project, world: World) -> None:
    """Above 50 MB: under a key that names its content, found there the next time."""
    (project.folder / "model.bin").write_bytes(os.urandom(52_500_000))
    project.replace('handler = "app.handler"', 'handler = "app.handler"\ninclude = ["model.bin"]')
    project.build()
    refused = project.run("deploy", *CREATE)
    assert refused.returncode == 1
    assert 'add `bucket = "NAME"` to the configuration' in refused.stderr

    s3 = world.client("s3")
    s3.create_bucket(Bucket="team", CreateBucketConfiguration={"LocationConstraint": REGION})
    project.replace("[functions.app]", 'bucket = "team"\n[functions.app]')
    (made,) = deploy(project, *CREATE)
    assert made["steps"][0].startswith("upload to s3://team/imagekit/")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="team")["Contents"]]
    assert keys == [f"imagekit/{made['zip_sha256']}.zip"]
    (again,) = deploy(project, "--alias", "live")
    assert again["state"] == "unchanged"


def test_function_of_cloudformation_is_left_to_it(project: Project, world: World) -> None:
    """Its stack's command instead; `--anyway` deploys all the same."""
    deploy(project, *CREATE)
    change(project, 2)
    arn = world.client("lambda").get_function(FunctionName="app")["Configuration"]["FunctionArn"]
    tags = {"aws:cloudformation:stack-name": "prod"}
    world.client("lambda").tag_resource(Resource=arn, Tags=tags)
    done = project.run("deploy", "--alias", "live")

    assert done.returncode == 1
    assert "aws cloudformation deploy --stack-name prod" in done.stderr
    (after,) = deploy(project, "--alias", "live", "--anyway")
    assert after["version"] == "2"


def test_many_functions_at_once(project: Project, front: LambdaFront) -> None:
    """20 of them, one failing: a row for each, the exit code that of the failure, 19 done."""
    names = [f"app{number}" for number in range(20)]
    more = "".join(f'[functions.{name}]\nhandler = "app.handler"\n' for name in names[1:])
    project.replace("[functions.app]", "[functions.app0]")
    path = project.folder / "imagekit.toml"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    succeeded(project.run("build"))
    front.failures["app7"] = ("InvalidZipFileException", "app7 is odd")
    told = deploy(project, *CREATE, code=3)

    assert [one["function"] for one in told] == names
    assert {one["function"] for one in told if one["state"] == "failed"} == {"app7"}
    assert "app7 is odd" in next(one["problem"] for one in told if one["function"] == "app7")
    again = project.run("deploy", "--alias", "live")
    assert again.returncode == 0, again.stderr
    shown = {line.split()[0]: line.split()[1] for line in again.stderr.splitlines()[:20]}
    assert shown == {name: "done" if name == "app7" else "unchanged" for name in names}


def test_rollback_needs_to_know_what(project: Project) -> None:
    """Nothing before, no such version, no such alias, no function named: each says so."""
    deploy(project, *CREATE)
    for arguments, code, said in (
        (("--alias", "live"), 1, "nothing was before version 1"),
        (("--alias", "live", "--to", "9"), 1, "there is no version 9"),
        (("--alias", "blue"), 1, "app has no alias blue"),
        (("--to", "first"), 2, "--to first is no version"),
        (("app", "--all"), 2, "exclude each other"),
    ):
        done = project.run("rollback", *arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert said in done.stderr
        assert "hint: " in done.stderr


def test_no_credentials_is_exit_3_with_what_to_type(project: Project) -> None:
    """Nobody signed in: AWS's own words, and the command."""
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = project.run("deploy", env=nobody)

    assert done.returncode == 3, done.stderr
    assert "aws sso login" in done.stderr


def test_status_finds_who_still_runs_an_old_base(project: Project, world: World) -> None:
    """By its tag, or by a reference that has it."""
    project.replace("[functions.app]", "[functions.scoring]")
    world.deploy(image("one"))
    for base, count in (("2026.11.18", 1), ("team/base:2026.11.18", 1), ("2026.12.01", 0)):
        done = succeeded(project.run("status", "--base", base, "--json"))
        assert len(json.loads(done.stdout)["functions"]) == count, base
        assert f"{count} still run on {base}" in done.stderr


def test_status_of_what_is_not_deployed(staged: Project) -> None:
    """Every stage, unless some are named; a function that is nowhere is a row, too."""
    shown = succeeded(staged.run("status")).stdout.splitlines()

    assert [line.split()[:2] for line in shown[1:]] == [
        ["app", "test"],
        ["app", "prod-eu"],
        ["app", "prod-us"],
    ]
    assert all(line.endswith("not deployed") for line in shown[1:])
