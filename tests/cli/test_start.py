"""The command line before any work: help, versions, exit codes, and how fast it is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TextIO

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


CLOSED_STREAMS = (
    "import os, sys; [os.close(int(n)) for n in sys.argv[1]]; os.execv(sys.argv[2], sys.argv[2:])"
)


@pytest.mark.skipif(os.name == "nt", reason="a closed stream is the POSIX shell's `>&-`")
@pytest.mark.parametrize("streams", ["0", "1", "2", "01", "12", "012"])
def test_a_stream_may_be_closed(streams: str) -> None:
    """Who closes stdout wants no answer, and gets no traceback; what is left open still speaks."""
    argv = [sys.executable, "-c", CLOSED_STREAMS, streams]
    command = [sys.executable, "-m", "imagekit", "cache", "dir"]
    found = subprocess.run([*argv, *command], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert bool(found.stdout) is ("1" not in streams)


def answering_into(out: TextIO, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The command with a stdout of its own."""
    return subprocess.run(
        [sys.executable, "-m", "imagekit", *arguments],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("cache", "dir")])
def test_a_reader_that_leaves_early_is_no_failure(arguments: tuple[str, ...]) -> None:
    """`| head`: what was done is done, whoever reads of it."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        found = answering_into(pipe, arguments)

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("cache", "dir")])
def test_an_answer_that_the_disk_refuses_is_told(arguments: tuple[str, ...]) -> None:
    """A script that reads the file would take nothing for an answer: exit 1, and what to do."""
    with Path("/dev/full").open("w") as full:
        found = answering_into(full, arguments)

    assert found.returncode == 1
    assert "error: the answer cannot be written to stdout\n  No space left on" in found.stderr
    assert "hint: free some disk" in found.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder that a program is in")
def test_a_current_folder_that_was_removed_is_no_bug(tmp_path: Path) -> None:
    """Exit 2, and what to do; what needs no folder works."""
    runs = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.argv[1], sys.argv[1:])"
    done = []
    for number, word in enumerate(("build", "--version")):
        (tmp_path / str(number)).mkdir()
        argv = [sys.executable, "-c", runs, sys.executable, "-m", "imagekit", word]
        done.append(
            subprocess.run(
                argv, cwd=tmp_path / str(number), capture_output=True, text=True, check=False
            )
        )

    assert [one.returncode for one in done] == [2, 0], done[0].stderr
    assert done[0].stderr == (
        "error: the current folder was removed\n\nhint: cd to one that is there\n"
    )
