"""examples/ci: short recipes that are what they claim to be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CI = Path(__file__).parents[1] / "examples" / "ci"
RECIPES = sorted(path for path in CI.iterdir() if path.is_file())
COMMAND = re.compile(r"(?:^|[-:#] +|\$\()imagekit ([a-z]+)([^\n]*)", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


class AnyTag(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """CloudFormation has tags of its own, such as `!Ref`."""


AnyTag.add_multi_constructor("!", lambda loader, suffix, node: str(node.value))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_its_commands_exist(recipe: Path) -> None:
    """Every `imagekit COMMAND --option` in it is one."""
    commands = COMMAND.findall(text(recipe))
    assert commands, "a recipe types something"
    for command, rest in commands:
        shown = subprocess.run(
            [sys.executable, "-m", "imagekit", command, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, command
        assert set(OPTION.findall(rest)) <= set(OPTION.findall(shown.stdout))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_it_is_short_and_needs_no_docker(recipe: Path) -> None:
    """A screen at most, and nothing that asks for a daemon."""
    assert len(text(recipe).splitlines()) <= 40
    assert not re.search(r"docker (build|push|run|login)|dind", text(recipe))


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml", "sam.yaml"])
def test_yaml_parses(name: str) -> None:
    """And holds a job, or a resource, that runs the released image."""
    found: Any = yaml.load(text(CI / name), AnyTag)

    assert set(found) & {"jobs", "release", "Resources"}


def test_python_parses() -> None:
    """The CDK recipe is Python."""
    ast.parse(text(CI / "cdk_app.py"))


def test_terraform_takes_what_release_writes() -> None:
    """The variable that `--tfvars` fills is the one that the recipe declares."""
    assert 'variable "images"' in text(CI / "main.tf")
