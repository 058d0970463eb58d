"""What is missing for a release, from what was observed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from imagekit.aws.policies import lets_account_in, lets_lambda_in, repository_policy
from imagekit.model.doctor import Finding, State, worst
from imagekit.model.ecr import Encryption, Repository
from imagekit.model.function import AliasState, FunctionState
from imagekit.model.reference import Reference
from imagekit.pipeline.account import diagnosis
from imagekit.report.doctor import closing_line, doctor_json, finding_lines

HOME, OTHER, REGION = "111111111111", "222222222222", "eu-west-1"
HERE = Reference(registry=f"{HOME}.dkr.ecr.{REGION}.amazonaws.com", repository="team/app")
REPOSITORY = Repository(account=HOME, region=REGION, name="team/app", mutability="MUTABLE")
FUNCTION = FunctionState(
    name="app",
    arn="arn",
    version="$LATEST",
    package="image",
    architecture="arm64",
    code="",
    configuration="",
)


def states(found: Iterable[Finding]) -> list[State]:
    """In their order."""
    return [one.state for one in found]


def hint(found: Iterable[Finding]) -> str:
    """Of the first that has one."""
    return next(one.hint for one in found if one.hint)


def test_only_a_private_ecr_of_the_functions_region_will_do() -> None:
    """L1, E24: public ECR and other registries are no source; another region is promoted to."""
    public = Reference(registry="public.ecr.aws", repository="x/app")

    assert states(diagnosis.of_address(public, REGION)) == ["missing"]
    assert states(diagnosis.of_address(HERE, REGION)) == []
    away = list(diagnosis.of_address(HERE, "us-east-1"))
    assert states(away) == ["missing"]
    assert f"imagekit promote FUNCTION {HOME}.dkr.ecr.us-east-1.amazonaws.com" in hint(away)


def test_a_repository_is_there_missing_or_made_by_the_push() -> None:
    """E2: a creation template makes it."""
    assert states(diagnosis.of_repository(HERE, REPOSITORY, None)) == ["ok"]
    assert states(diagnosis.of_repository(HERE, None, "team")) == ["ok"]
    missing = list(diagnosis.of_repository(HERE, None, None))
    assert states(missing) == ["missing"]
    assert hint(missing).startswith("imagekit build --push --create, or: aws ecr create-repository")


@pytest.mark.parametrize(
    ("mutability", "exclusions", "expected"),
    [
        ("MUTABLE", (), ["ok"]),
        ("IMMUTABLE_WITH_EXCLUSION", ("imagekit-*",), ["ok"]),
        ("IMMUTABLE", (), ["ok", "advice"]),
        ("IMMUTABLE_WITH_EXCLUSION", ("latest",), ["ok", "advice"]),
        ("MUTABLE_WITH_EXCLUSION", ("v*",), ["ok"]),
        ("MUTABLE_WITH_EXCLUSION", ("*",), ["ok", "advice"]),
    ],
)
def test_imagekits_own_tag_must_be_free_to_move(
    mutability: str, exclusions: tuple[str, ...], expected: list[State]
) -> None:
    """E16: every kind of immutability; a release goes through without."""
    found = replace(REPOSITORY, mutability=mutability, exclusions=exclusions)

    assert states(diagnosis.of_repository(HERE, found, None)) == expected


def test_at_home_lambda_lets_itself_in() -> None:
    """L4: without a policy it is advice, with a command whose policy does."""
    text = json.dumps(repository_policy(HOME, REGION))
    assert states(diagnosis.of_policy(HERE, text, HOME)) == ["ok"]
    bare = list(diagnosis.of_policy(HERE, None, HOME))

    assert states(bare) == ["advice"]
    assert lets_lambda_in(shlex.split(hint(bare))[-1], HOME, REGION)


def test_another_account_must_be_let_in() -> None:
    """L5: missing, with a command whose policy lets both sides in."""
    text = json.dumps(repository_policy(HOME, REGION))
    found = list(diagnosis.of_policy(HERE, text, OTHER))
    command = shlex.split(hint(found))

    assert states(found) == ["missing"]
    assert command[:3] == ["aws", "ecr", "set-repository-policy"]
    assert lets_lambda_in(command[-1], OTHER, REGION)
    assert lets_account_in(command[-1], OTHER)
    assert states(diagnosis.of_policy(HERE, command[-1], OTHER)) == ["ok"]


def test_lifecycles_are_warned_of() -> None:
    """E22: ECR's rules do not know what runs."""
    rules = json.dumps({"rules": [{"selection": {"tagStatus": "untagged"}}]})

    assert states(diagnosis.of_lifecycle(HERE, rules)) == ["advice"]
    assert states(diagnosis.of_lifecycle(HERE, None)) == []
    assert states(diagnosis.of_lifecycle(HERE, "{}")) == []


def test_sharing_needs_the_setting_and_one_key() -> None:
    """E13: each with the command that mends it; one repository shares with nobody."""
    base = replace(REPOSITORY, name="base")
    keyed = replace(base, encryption=Encryption(kind="KMS", key="k"))

    assert states(diagnosis.of_sharing([REPOSITORY], mounting=False)) == []
    assert states(diagnosis.of_sharing([REPOSITORY, base], mounting=True)) == ["ok"]
    off = list(diagnosis.of_sharing([REPOSITORY, base], mounting=False))
    assert states(off) == ["advice"]
    assert "put-account-setting --name BLOB_MOUNTING --value ENABLED" in hint(off)
    assert states(diagnosis.of_sharing([REPOSITORY, keyed], mounting=True)) == ["advice"]


def test_a_pull_through_cache_is_said() -> None:
    """E13, E25."""
    assert states(diagnosis.of_cache(HERE, cache=True)) == ["advice"]
    assert states(diagnosis.of_cache(HERE, cache=False)) == []


def of_function(found: FunctionState | None, package: str | None, *archs: str) -> list[Finding]:
    """Findings about one function."""
    return list(diagnosis.of_function("app", found, (package, archs), "imagekit deploy app"))


def test_a_function_must_fit() -> None:
    """There, of the package type that never changes (L9), of an architecture that is built."""
    assert states(of_function(FUNCTION, "image", "arm64")) == ["ok"]
    assert states(of_function(FUNCTION, None, "arm64", "x86_64")) == ["ok"]
    assert states(of_function(FUNCTION, "zip", "x86_64")) == ["ok", "missing", "missing"]
    gone = of_function(None, "image", "arm64")
    assert states(gone) == ["missing"]
    assert hint(gone) == "imagekit deploy app --create --role ARN"


def test_a_failed_update_is_told_in_lambdas_own_words() -> None:
    """L12: the old code serves meanwhile, so a release may go on."""
    failed = replace(FUNCTION, update="Failed", update_code="InvalidImage", update_reason="why")

    assert "InvalidImage: why" in of_function(failed, "image", "arm64")[-1].what


def test_an_alias_that_deploying_makes_is_advice() -> None:
    """One that is there says where it stands."""
    there = AliasState(name="live", version="41")

    assert states(diagnosis.of_alias("app", "live", None, "imagekit deploy app")) == ["advice"]
    assert states(diagnosis.of_alias("app", "live", there, "x")) == ["ok"]


def test_exit_codes() -> None:
    """Not known weighs more than missing; advice weighs nothing."""
    ok = Finding(where="a", what="b")
    advice, missing = replace(ok, state="advice"), replace(ok, state="missing", hint="c")
    unseen = replace(ok, state="unseen")

    assert [worst([ok, advice]), worst([ok, missing]), worst([missing, unseen])] == [0, 1, 3]
    assert closing_line([ok, advice]) == "nothing is missing: imagekit release"
    assert closing_line([missing]).startswith("1 thing is missing")
    assert closing_line([ok], " app --stage test").endswith("imagekit release app --stage test")
    told = "1 thing could not be looked at, and 1 thing is missing"
    assert closing_line([missing, unseen]) == told
    assert list(finding_lines([missing])) == ["missing  a  b", "            hint: c"]
    assert json.loads(doctor_json([missing]))["findings"][0]["hint"] == "c"


def test_a_repository_for_layers_is_advice() -> None:
    """Without it a release is slower, no more; a creation template makes it, too."""
    assert states(diagnosis.of_shelf(HERE, REPOSITORY, None)) == ["ok"]
    assert states(diagnosis.of_shelf(HERE, None, "team")) == ["ok"]
    missing = list(diagnosis.of_shelf(HERE, None, None))
    assert states(missing) == ["advice"]
    assert hint(missing).startswith("imagekit build --push --create, or: aws ecr create-repository")


def test_a_function_that_fetches_its_packages() -> None:
    """Its role must be allowed to, which is IAM's to say: the command that allows it."""
    (finding,) = diagnosis.of_packages("app", "team", "cn-north-1")
    policy = shlex.split(str(finding.hint))[-1]

    assert finding.state == "advice"
    assert "s3:GetObject on arn:aws-cn:s3:::team/imagekit/*" in finding.what
    assert json.loads(policy)["Statement"][0]["Resource"] == "arn:aws-cn:s3:::team/imagekit/*"
    assert states(diagnosis.of_packages("app", None, "eu-west-1")) == ["missing"]
