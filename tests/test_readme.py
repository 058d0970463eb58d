"""README: every command in it is run, in its order, as a newcomer would type it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.services.needs import leave_out, needs

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"^make (\w+)", re.MULTILINE)


def commands() -> Iterator[str]:
    """Lines that begin with a prompt, in all consoles."""
    for block in CONSOLE.findall(README):
        for line in block.splitlines():
            assert line.startswith("$ "), f"a console shows commands alone: {line!r}"
            yield line.removeprefix("$ ")


def test_every_command_runs(tmp_path: Path, registry: str) -> None:
    """One shell, one folder, from the first project to the lock in CI; the first failure stops."""
    needs("mmdebstrap", "mmdebstrap")
    script = "\n".join(["set -eux", *commands()]).replace("localhost:5000", registry)
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "needs a CPython" in done.stderr:
        leave_out("CPython 3.13", "none is installed, and uv cannot install one")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "greeter.tar").is_file()


def test_the_two_commands_are_there() -> None:
    """`make demo` and `make test` are what a newcomer types first; CI runs them both."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert MAKE.findall(README) == ["demo", "test"]
    for name in MAKE.findall(README):
        assert f"\n{name}:" in makefile
        assert f"make {name}" in ci


def test_every_option_that_is_named_exists() -> None:
    """An option in the text is an option of a command."""
    helps = "".join(
        subprocess.run(
            [sys.executable, "-m", "imagekit", *command, "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in (
            [],
            *(["build"], ["plan"], ["lock"], ["check"], ["init"], ["release"], ["rollback"]),
            *(
                ["cache", "prune"],
                ["base", "publish"],
                ["base", "outdated"],
                ["dockerfile"],
                ["doctor"],
                ["gc"],
                *(["bench"], ["profile"], ["report"], ["invoke"]),
            ),
        )
    )
    foreign = {"--function-name", "--image-uri", "--from"}  # Docker's, in `COPY --from`

    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - foreign
    assert named - set(re.findall(r"--[a-z][a-z-]+", helps)) == set()


def test_links_lead_somewhere() -> None:
    """A file that README names is in the checkout."""
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]

    assert [link for link in links if not (ROOT / link).exists()] == []
