"""Private indexes, with no set-up beyond what the project's own tool has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import private as sources
from tests.e2e.private import SOURCES, USER, Private
from tests.e2e.projects import write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.storage import Storage
from tests.services.wheels import make_wheel

PASSWORD = "p.ssw-rd_of~the9index"
Make = Callable[..., Private]


@pytest.fixture
def make(tmp_path: Path, wheels: Path, uv_cache: Path) -> Iterator[Make]:
    """Makes the machine; its index ends with the test, or earlier."""
    public = make_wheel(tmp_path / "public", "demo", "9.0", {"demo/__init__.py": b""})
    with ExitStack() as running:
        everybodys = running.enter_context(Index(public.parent))

        def made(**options: Any) -> Private:
            return Private(
                root=tmp_path,
                index=running.enter_context(Index(wheels, **options)),
                public=everybodys,
                uv_cache=uv_cache,
                password=PASSWORD,
                wheel=wheels / "demo-1.0-py3-none-any.whl",
            )

        yield made


def asked(index: Index) -> int:
    """How many requests the index has had."""
    return sum(index.requests.values())


@pytest.mark.parametrize("source", SOURCES)
def test_builds_with_the_login_of(make: Make, source: str) -> None:
    """Each place where tools keep it; planning fetches no wheel; unchanged, nobody is asked."""
    private = make()
    SOURCES[source](private)
    private.index.forget()
    succeeded(private.project.run("plan"))
    assert private.index.downloads() in ({}, {private.wheel.name: 1} if source == "direct" else {})
    built = private.project.build()

    assert built["packaging"] == "zip"
    assert list(private.index.refused) in ([], [""]), "nothing wrong was sent anywhere"
    private.index.forget()
    private.index.auth = (USER, "changed since")
    assert private.project.build("--locked")["digest"] == built["digest"]
    assert asked(private.index) == 0


def test_unchanged_needs_neither_index_nor_token(make: Make) -> None:
    """The index is gone, and so is what gave the token: variables, files, programs."""
    private = make()
    sources.uv_name(private)
    built = private.project.build()
    private.index.close()
    private.public.close()
    del private.env["UV_INDEX_IN_HOUSE_USERNAME"], private.env["UV_INDEX_IN_HOUSE_PASSWORD"]

    assert private.project.build()["digest"] == built["digest"]


def test_token_in_the_lock_may_change(make: Make) -> None:
    """A new password in requirements.txt makes nothing stale and nothing new (it is no content)."""
    private = make()
    sources.line(private)
    built = private.project.build()
    path = private.folder / "requirements.txt"
    path.write_text(path.read_text().replace(USER, "somebody-else"))
    private.index.forget()

    again = private.project.build("--locked")
    assert again["digest"] == built["digest"]
    assert asked(private.index) == 0


@pytest.mark.parametrize("source", ["uv_name", "uv_url", "line", "pip_variable", "pip_file"])
def test_what_builds_is_let_in_too(make: Make, wheels: Path, source: str) -> None:
    """`uv build` finds a build backend that only the private index has."""
    sources.backend_wheel(wheels)
    private = make()
    SOURCES[source](private)
    if source == "pip_file":
        (private.folder / "pyproject.toml").unlink()
        private.requirements()
    sources.library(private)
    built = private.project.build()

    names = {name for layer in built["layers"] for name in layer["packages"]}
    assert any(name.startswith("lib") for name in names), names


def test_redirects_to_presigned_urls_on_another_origin(make: Make) -> None:
    """Ranges for the plan, the whole file for the build; the password stays with the index."""
    with Storage() as storage:
        private = make(storage=storage)
        write_pylock(private.folder, [private.wheel], private.index, python=">=3.11")
        private.env["UV_DEFAULT_INDEX"] = private.with_login
        succeeded(private.project.run("plan"))
        ranges = list(storage.ranges)
        private.project.build()

        assert ranges, "the plan read ranges"
        assert storage.told == []
        assert set(private.index.refused) == set()


REFUSED = {
    "uv_name": ("UV_INDEX_IN_HOUSE_PASSWORD", "export UV_INDEX_IN_HOUSE_USERNAME=USER"),
    "uv_url": ("UV_DEFAULT_INDEX", "machine 127.0.0.1 login USER password TOKEN"),
    "line": ("--index-url of ", "machine 127.0.0.1 login USER password TOKEN"),
    "pip_variable": ("PIP_INDEX_URL", "export PIP_INDEX_URL=http://USER:TOKEN@127.0.0.1"),
    "pip_file": ("extra-index-url of ~/.config/pip/pip.conf", "export PIP_EXTRA_INDEX_URL="),
    "netrc": ("~/.netrc", "machine 127.0.0.1 login USER password TOKEN"),
    "keyring": ("the keyring command", "machine 127.0.0.1 login USER password TOKEN"),
    "poetry_variables": (
        "POETRY_HTTP_BASIC_IN_HOUSE_PASSWORD",
        "poetry config http-basic.in-house USER TOKEN",
    ),
    "poetry_file": ("http-basic.in-house of ~/.config/pypoetry/auth.toml", "poetry config"),
    "pdm": ("pypi of ~/.config/pdm/config.toml", "pdm config pypi.in-house.username USER"),
}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("source", REFUSED)
def test_refusal_says_whose_login_and_what_to_type(make: Make, source: str, status: int) -> None:
    """Exit 3; the index, the source, the hint; never the password. 403 as well as 401."""
    private = make()
    SOURCES[source](private)
    private.index.forget()
    private.index.auth = (USER, "another one")
    private.index.refusal = status
    done = private.project.run("build")

    whose, hint = REFUSED[source]
    assert done.returncode == 3, done.stderr
    assert f"answered {status}" in done.stderr
    assert f"refused the credentials of {whose}" in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]
    assert private.index.url in done.stderr
    assert PASSWORD not in done.stderr
    assert private.project.made() == []


def test_refused_wheel_says_the_same(make: Make) -> None:
    """Where the lock names the files, uv is not asked, and the words are ours alone."""
    private = make()
    write_pylock(private.folder, [private.wheel], private.index)
    for arguments in (["plan"], ["build"]):
        done = private.project.with_env(UV_INDEX=f"in={private.index.url}").run(*arguments)
        assert done.returncode == 3
        assert f"no credentials were found for the index in ({private.index.url}, UV_INDEX)" in (
            done.stderr
        )
        assert "looked in: UV_INDEX, UV_INDEX_IN_PASSWORD, ~/.netrc" in done.stderr
        assert "hint: export UV_INDEX_IN_USERNAME=USER UV_INDEX_IN_PASSWORD=TOKEN" in done.stderr


def test_nobody_is_asked_offline(make: Make) -> None:
    """UV_OFFLINE: an error that names every wheel that is missing, by plan and build, exit 1."""
    private = make()
    more = make_wheel(private.wheel.parent, "more", "2.0", {"more.py": b""})
    write_pylock(private.folder, [private.wheel, more], private.index)
    private.env["UV_DEFAULT_INDEX"] = private.with_login
    for variable in ("UV_OFFLINE", "UV_NO_INDEX"):
        for command in ("plan", "build"):
            done = private.project.with_env(**{variable: "1"}).run(command)
            assert done.returncode == 1, done.stderr
            assert f"{variable}=1 forbids asking an index" in done.stderr
            assert private.wheel.name in done.stderr and more.name in done.stderr
            assert "hint: build once with a network" in done.stderr
    assert asked(private.index) == 0


def test_store_is_enough_offline(make: Make) -> None:
    """What a plan measured is planned again, what a build fetched is built again."""
    private = make()
    sources.uv_url(private)
    offline = private.project.with_env(UV_OFFLINE="1")
    planned = succeeded(private.project.run("plan", "--json")).stdout
    private.index.forget()
    assert succeeded(offline.run("plan", "--json")).stdout == planned
    assert offline.run("build").returncode == 1
    private.project.build()
    private.index.forget()
    for path in (private.folder / "dist").iterdir():
        path.unlink()

    offline.build()
    assert asked(private.index) == 0


def test_unresolved_requirements_offline_are_uvs_to_explain(make: Make) -> None:
    """Nothing pinned, nothing in uv's cache: its words, exit 1, and no index is asked."""
    private = make()
    sources.uv_url(private)
    private.env["UV_CACHE_DIR"] = str(private.root / "empty-cache")
    done = private.project.with_env(UV_OFFLINE="1").run("build")

    assert done.returncode == 1
    assert "network was disabled" in done.stderr
    assert asked(private.index) == 0


def test_report_of_the_plan_is_unchanged_by_logins(make: Make) -> None:
    """The same plan, digest for digest, whoever is signed in and however."""
    plans = []
    for source in ("uv_url", "pip_variable", "netrc"):
        private = make()
        for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
            private.env.pop(name, None)
        SOURCES[source](private)
        plan = json.loads(succeeded(private.project.run("plan", "--json")).stdout)
        plans.append([layer["fingerprint"] for layer in plan["functions"][0]["layers"]])

    assert plans[0] == plans[1] == plans[2]
