"""A build that grows past its budget fails before anything is made or pushed."""

from __future__ import annotations

import argparse
import difflib
import doctest
import inspect
import json
import pickle
import re
import subprocess
import tarfile
import typing
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

KB = 1_000


def http(method: str, url: str) -> int:
    """The status that a registry answers."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=30)
    try:
        connection.request(method, f"/{path}")
        return connection.getresponse().status
    finally:
        connection.close()


def grow(project: Project, wheels: Path, index: Index, size: int) -> None:
    """`demo` 1.1, with so many bytes of data."""
    for wheel in wheels.glob("demo-*"):
        wheel.unlink()
    files = {"demo/__init__.py": b"ANSWER = 43\n", "demo/data.bin": bytes(size)}
    make_wheel(wheels, "demo", "1.1", files)
    write_pylock(project.folder, wheels.glob("*.whl"), index)


def limited(project: Project, *limits: str) -> None:
    """The function has these limits."""
    project.replace("[functions.app]", f"[functions.app]\nbudget = {{ {', '.join(limits)} }}")


def in_budget(project: Project, key: str) -> dict[str, int]:
    """One limit as `plan --json` tells it."""
    plan = json.loads(succeeded(project.run("plan", "--json")).stdout)["functions"][0]
    return dict(next(one for one in plan["budget"] if one["key"] == key))


def test_a_build_within_its_budget_is_built(zipped: Project) -> None:
    """The plan tells the distance."""
    limited(zipped, 'unzipped = "1 MB"', 'compressed = "1 MB"', 'growth = "5 %"')

    built = zipped.build()

    told = in_budget(zipped, "unzipped")
    assert (told["used_bytes"], told["limit_bytes"]) == (built["unzipped_bytes"], 1_000_000)
    assert in_budget(zipped, "growth")["used_bytes"] == 0
    assert "MB left" in succeeded(zipped.run("plan")).stdout


def test_past_the_budget_nothing_is_made(zipped: Project, wheels: Path, index: Index) -> None:
    """Exit 1 with the packages that grew; no wheel was fetched, the artefact before stays."""
    limited(zipped, 'unzipped = "50 kB"')
    zipped.build()
    before = (zipped.folder / "dist" / "app.zip").read_bytes()
    grow(zipped, wheels, index, 200 * KB)
    index.forget()

    done = zipped.run("build")

    assert (done.returncode, done.stdout) == (1, "")
    assert "app is over its budget" in done.stderr
    assert "since the last build: demo 1.1" in done.stderr
    assert 'write `unzipped = "1 MB"` in its `budget`' in done.stderr
    assert (zipped.folder / "dist" / "app.zip").read_bytes() == before


def test_what_the_first_refusal_says_to_write_is_enough(
    zipped: Project, wheels: Path, index: Index
) -> None:
    """Bytecode is not there yet, and is in the number all the same: the next build is built."""
    zipped.replace("bytecode = false", "bytecode = true")
    limited(zipped, 'unzipped = "100 kB"')
    modules = (argparse, difflib, doctest, inspect, pickle, subprocess, tarfile, typing)
    files = {f"more/{one.__name__}.py": inspect.getsource(one).encode() for one in modules}
    make_wheel(wheels, "more", "1.0", files)
    write_pylock(zipped.folder, wheels.glob("*.whl"), index)

    done = zipped.run("build")

    assert done.returncode == 1
    assert "unzipped about " in done.stderr
    found = re.search(r'write `unzipped = "(\d+ MB)"`', done.stderr)
    assert found, done.stderr
    zipped.replace('unzipped = "100 kB"', f'unzipped = "{found[1]}"')
    assert zipped.build()["unzipped_bytes"] > 1_000_000 > sum(map(len, files.values()))


def test_growth_is_judged_against_the_last_build(
    zipped: Project, wheels: Path, index: Index
) -> None:
    """A failed build is no build: the next is compared with the one before it."""
    limited(zipped, 'growth = "100 kB"')
    zipped.build()
    grow(zipped, wheels, index, 200 * KB)

    first, second = zipped.run("build"), zipped.run("build")
    grow(zipped, wheels, index, 50 * KB)
    third = zipped.run("build")

    assert (first.returncode, second.returncode, third.returncode) == (1, 1, 0)
    assert "growth 200 kB of 100 kB" in first.stderr


def test_a_plan_over_its_budget_says_so_and_is_still_a_plan(
    zipped: Project, wheels: Path, index: Index
) -> None:
    """Nothing is refused that makes nothing."""
    limited(zipped, 'unzipped = "50 kB"')
    grow(zipped, wheels, index, 200 * KB)

    done = succeeded(zipped.run("plan"))

    assert "kB too much" in done.stdout
    assert in_budget(zipped, "unzipped")["left_bytes"] < 0


def test_what_is_known_only_when_it_is_made_stops_before_it_is_delivered(zipped: Project) -> None:
    """Compressed bytes: nothing lies in `dist`."""
    limited(zipped, 'compressed = "100 B"')

    done = zipped.run("build")

    assert done.returncode == 1
    assert "compressed" in done.stderr
    assert "the heaviest: demo 1.0" in done.stderr
    assert zipped.made() == []


def test_nothing_is_pushed_past_the_budget(imaged: Project, registry: str) -> None:
    """No layer, either: with a budget they wait until the whole is judged."""
    limited(imaged, 'compressed = "100 B"')

    done = imaged.run("build", "--push", "--to", f"{registry}/never:1")

    assert done.returncode == 1
    plan = json.loads(succeeded(imaged.run("plan", "--json")).stdout)["functions"][0]
    digests = [layer["digest"] for layer in plan["layers"]]
    assert digests
    for digest in digests:
        found = http("HEAD", f"http://{registry}/v2/never/blobs/{digest}")
        assert found == 404


def test_the_image_before_tells_a_machine_without_a_memory_what_grew(
    imaged: Project, registry: str, wheels: Path, index: Index
) -> None:
    """A runner in CI begins with an empty disk."""
    to = f"{registry}/budget"
    limited(imaged, 'growth = "10 %"')
    imaged.build("--push", "--to", f"{to}:1")
    grow(imaged, wheels, index, 200 * KB)
    elsewhere = imaged.with_env(IMAGEKIT_CACHE_DIR=str(imaged.folder / "other-store"))

    done = elsewhere.run("build", "--push", "--to", f"{to}:1")

    assert done.returncode == 1
    assert "demo 1.1 200 kB more" in done.stderr
    assert "growth" in done.stderr


def test_every_function_that_is_over_is_told_at_once(zipped: Project) -> None:
    """One run, all of them."""
    zipped.replace(
        "[functions.app]",
        '[budget]\nunzipped = "100 B"\n[functions.other]\nhandler = "app.handler"\n[functions.app]',
    )

    done = zipped.run("build")

    assert "app, other are over their budget" in done.stderr or (
        "other, app are over their budget" in done.stderr
    )
    assert done.returncode == 1


@pytest.mark.parametrize("limits", [('unzipped = "big"',), ("growth = 5",)])
def test_a_limit_that_is_none_is_exit_2(zipped: Project, limits: Iterable[str]) -> None:
    """Before anything else, with its key."""
    limited(zipped, *limits)

    done = zipped.run("build")

    assert done.returncode == 2
    assert "imagekit.toml: functions.app.budget." in done.stderr
    assert "hint: write" in done.stderr
