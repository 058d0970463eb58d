"""The command line before any work: help, versions, exit codes, and how fast it is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

HEAVY = {"boto3", "botocore", "docker", "installer", "jinja2", "packaging", "rich", "urllib3"}
HEAVY |= {"msgspec"}


def imagekit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imagekit", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_the_commands() -> None:
    """What a newcomer types first tells what there is to type next."""
    found = imagekit("--help")

    assert found.returncode == 0
    for command in ("lock", "plan", "build", "check"):
        assert f"\n  {command} " in found.stdout


def test_help_begins_with_the_words_of_a_working_day() -> None:
    """What is used less often stands under a heading of its own; every command is listed once."""
    lines = imagekit("--help").stdout.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    words = [line.split()[0] for line in lines if re.match(r"  [a-z]", line)]

    assert headings[:2] == ["Options:", "Commands:"]
    assert headings[-1] == "Platform:"
    assert "More:" not in headings, "a new command belongs into a section"
    assert words.count("build") == words.count("cache") == 1
    assert words.index("plan") < words.index("build") < words.index("cache")


def test_no_arguments_show_the_help() -> None:
    """And exit as a usage error does, since nothing was asked."""
    found = imagekit()

    assert found.returncode == 2
    assert "Usage:" in found.stdout + found.stderr


def test_the_version_is_an_answer() -> None:
    """On stdout, alone."""
    found = imagekit("--version")

    assert (found.returncode, found.stdout, found.stderr) == (0, "imagekit 0.1.0\n", "")


@pytest.mark.parametrize(
    "arguments",
    [("bild",), ("build", "--no-such-option"), ("check",), ("build", "--tag", "x")],
)
def test_a_wrong_command_line_is_exit_2(arguments: tuple[str, ...]) -> None:
    """stdout stays empty, stderr says what is wrong."""
    found = imagekit(*arguments)

    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr != ""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--engine", "kaniko"),
        ("--packaging", "rpm"),
        ("--arch", "riscv64"),
        ("--format", "squashfs"),
    ],
)
def test_a_word_that_is_not_known_here_is_refused_in_plain_words(option: str, value: str) -> None:
    """What is known is listed as a hint, before anything is read or made."""
    found = imagekit("build", option, value)

    assert found.returncode == 2
    assert value in found.stderr
    assert "hint: use one of: " in found.stderr


def test_start_imports_nothing_heavy() -> None:
    """Start-up is a feature: SDKs and rich are imported where they are used."""
    script = (
        "import json, sys\n"
        "from imagekit.cli.main import run\n"
        "from imagekit.console import Console\n"
        "run(['--help'], Console(out=sys.stderr))\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    loaded = set(json.loads(found.stdout.splitlines()[-1]))
    assert loaded & HEAVY == set()
