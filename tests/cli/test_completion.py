"""Shell completion: the script, and what it offers."""

from __future__ import annotations

import os
import shlex
import subprocess
import time

import pytest

from tests.e2e.projects import Project
from tests.services.cli import COMMAND, succeeded
from tests.services.needs import needs

MORE = """
[functions.scoring]
handler = "app.handler"
[functions.scan]
handler = "app.handler"
"""


def offered(project: Project, line: str) -> list[str]:
    """What bash is told may stand at the end of `line`."""
    words = line.split(" ")
    env = {
        "_IMAGEKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = project.run(env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.fixture
def several(project: Project) -> Project:
    """A project of three functions."""
    config = project.folder / "imagekit.toml"
    config.write_text(config.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    return project


@pytest.mark.parametrize("command", ["plan", "build", "lock"])
def test_functions_are_offered(several: Project, command: str) -> None:
    """Those that begin as typed, and not one that stands there already."""
    assert offered(several, f"imagekit {command} ") == ["app", "scoring", "scan"]
    assert offered(several, f"imagekit {command} sc") == ["scoring", "scan"]
    assert offered(several, f"imagekit {command} scan sc") == ["scoring"]


def test_functions_of_a_project_elsewhere(several: Project) -> None:
    """Where `--project` names it."""
    line = f"imagekit plan --project {several.folder} sco"
    elsewhere = Project(folder=several.folder.parent)

    assert offered(elsewhere, line) == ["scoring"]


def test_commands_and_options_are_offered(project: Project) -> None:
    """Words of the command line itself need no project."""
    assert "plan" in offered(project, "imagekit pl")
    assert "--locked" in offered(project, "imagekit build --lo")
    assert offered(project, "imagekit cache pr") == ["prune"]


@pytest.mark.parametrize("text", ["python = [\n", "", "[functions.app]\n", "\0"])
def test_a_broken_configuration_offers_nothing_and_says_nothing(
    project: Project, text: str
) -> None:
    """Whatever is written there would stand in the middle of the line that is typed."""
    (project.folder / "imagekit.toml").write_text(text, encoding="utf-8")

    assert offered(project, "imagekit build ") == []


def test_offering_is_quick(several: Project) -> None:
    """Less than a person notices: the best of five, a machine under load is none of ours."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        offered(several, "imagekit build sc")
        took.append(time.perf_counter() - began)

    assert min(took) < 0.4


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell", "pwsh"])
def test_the_script_of_a_shell_is_shown(project: Project, shell: str) -> None:
    """Of the shell that is named, whichever runs us."""
    done = succeeded(project.run("--show-completion", shell))

    assert "imagekit" in done.stdout
    assert ("#compdef" in done.stdout) == (shell == "zsh")


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_shell_that_is_not_known(project: Project, option: str) -> None:
    """Exit 2, and those that are."""
    done = project.run(option, "tcsh")

    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: name one of: bash, zsh" in done.stderr


def test_the_script_is_put_where_bash_finds_it(project: Project) -> None:
    """In the home of the user, said in words."""
    home = project.folder / "home"
    home.mkdir()
    done = succeeded(project.run("--install-completion", "bash", env={"HOME": str(home)}))

    assert "bash completion installed" in done.stdout
    installed = home / ".bash_completions" / "imagekit.sh"
    assert "_IMAGEKIT_COMPLETE=complete_bash" in installed.read_text(encoding="utf-8")


def test_bash_itself_completes(several: Project) -> None:
    """The script that is shown works in the real shell."""
    needs("bash", "bash")
    script = succeeded(several.run("--show-completion", "bash")).stdout
    program = several.folder / "bin" / "imagekit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    asked = "COMP_WORDS=(imagekit build sc) COMP_CWORD=2; _imagekit_completion imagekit"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{asked}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'],
        cwd=several.folder,
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["scoring", "scan"]
