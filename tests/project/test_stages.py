"""`stages` and `stage_order`: read, checked, and laid over a function's own keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError
from imagekit.project.config import ProjectConfig
from imagekit.project.config_stages import for_stage, repository_of
from imagekit.project.read_config import load

FUNCTION = """
[functions.Scoring]
handler = "app.handler"
repository = "team/{function}"
lambda = { memory = 512, timeout = 10, env = { LEVEL = "INFO", PLACE = "here" } }
"""


def read(folder: Path, stages: str, function: str = FUNCTION) -> ProjectConfig:
    """The project whose `imagekit.toml` says this."""
    (folder / "imagekit.toml").write_text(stages + function, encoding="utf-8")
    return load(folder, version="0.1")


def problems(folder: Path, stages: str) -> list[str]:
    """Everything that is wrong with it."""
    with pytest.raises(ConfigError) as refused:
        read(folder, stages)
    return [f"{one.where}: {one.what}" for one in refused.value.problems]


def test_stage_lies_over_the_function(tmp_path: Path) -> None:
    """Region, alias, name and settings are the stage's; what it leaves out is the function's."""
    project = read(
        tmp_path,
        """
[stages.prod-eu]
region = "eu-west-1"
role_arn = "arn:aws:iam::123456789012:role/deployer"
repository = "prod/{function}"
name = "{function}-prod"
alias = "live"
lambda = { memory = 2048, env = { LEVEL = "WARN" } }
""",
    )
    stage, function = project.stages[0], project.functions[0]
    settings = for_stage(function, stage)

    assert (stage.name, stage.region, stage.alias) == ("prod-eu", "eu-west-1", "live")
    assert settings.name == "Scoring-prod"
    assert (settings.memory, settings.timeout) == (2048, 10)
    assert dict(settings.env or ()) == {"LEVEL": "WARN", "PLACE": "here"}
    assert repository_of(function, stage) == "prod/scoring"


def test_without_a_stage_the_function_is_as_it_is(tmp_path: Path) -> None:
    """Its own name, its own repository."""
    function = read(tmp_path, "").functions[0]

    assert for_stage(function, None).name == "Scoring"
    assert repository_of(function, None) == "team/scoring"


def test_order_is_waves(tmp_path: Path) -> None:
    """A list of lists, in the order in which they are deployed."""
    project = read(
        tmp_path,
        'stage_order = [["test"], ["eu", "us"]]\n[stages]\ntest = {}\neu = {}\nus = {}\n',
    )

    assert project.stage_order == (("test",), ("eu", "us"))


def test_every_problem_at_once(tmp_path: Path) -> None:
    """Each with its key path; nothing that AWS would refuse later gets in."""
    found = problems(
        tmp_path,
        """
stage_order = [["prod", "prd"], ["prod"]]
[stages.prod]
region = "Frankfurt"
profile = "a"
role_arn = "arn:aws:iam::123456789012:role/b"
repository = "team/x:latest"
name = "{fn}"
alias = "7"
memory = 3
lambda = { timeout = 1000 }
""",
    )

    told = "\n".join(found)
    for key in ("region", "role_arn", "repository", "name", "alias", "memory", "lambda.timeout"):
        assert f"imagekit.toml: stages.prod.{key}:" in told, key
    assert "stage_order: 'prd' is no stage; known: prod" in told
    assert "stage_order: names 'prod' twice" in told


def test_order_must_be_lists_of_lists(tmp_path: Path) -> None:
    """A flat list says nothing of waves."""
    assert "list of lists" in problems(tmp_path, 'stage_order = ["a"]\n[stages.a]\n')[0]


def test_stages_belong_to_the_root(tmp_path: Path) -> None:
    """A member of a workspace cannot have its own."""
    (tmp_path / "imagekit.toml").write_text('[workspace]\nmembers = ["one"]\n', encoding="utf-8")
    (tmp_path / "one").mkdir()
    text = f"[stages.prod]\n{FUNCTION}"
    (tmp_path / "one" / "imagekit.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="belongs to the whole workspace"):
        load(tmp_path, version="0.1")


def test_snapstart_labels_the_image(tmp_path: Path) -> None:
    """Also where one stage alone has it on: all stages run the same digest (lambda_rules R12)."""
    label = ("com.amazonaws.lambda.feature.snapstart", "Allow")
    one = "[stages.prod.lambda]\nsnapstart = true\n"

    assert label in read(tmp_path, one).functions[0].labels
    assert label not in read(tmp_path, "[stages.prod]\n").functions[0].labels
    own = FUNCTION.replace("memory = 512", "memory = 512, snapstart = true")
    assert label in read(tmp_path, "", own).functions[0].labels
