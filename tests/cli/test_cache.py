"""`imagekit cache`, as it is typed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from pathlib import Path

import pytest

from imagekit.store import Store
from tests.e2e.projects import Project, all_bytes
from tests.services.cli import imagekit, succeeded
from tests.services.needs import leave_out

LONG_AGO = time.time() - 30 * 24 * 3600


@pytest.fixture
def store(clean_environ: Path) -> Store:
    """The store of this test."""
    return Store(clean_environ)


def age(store: Store) -> None:
    """Nothing was used for a month, and the store was never tidied."""
    for file in store.files():
        os.utime(file.path, (LONG_AGO, LONG_AGO))
    (store.root / "tidied").unlink(missing_ok=True)


def test_what_the_store_holds(project: Project, store: Store) -> None:
    """A table for people, one document for scripts, and the bare answers."""
    project.build()
    table = succeeded(project.run("cache")).stdout
    document = json.loads(succeeded(project.run("cache", "--json")).stdout)

    assert table.splitlines()[0] == str(store.root)
    kinds = {kind["name"]: kind["files"] for kind in document["kinds"]}
    assert kinds["ZIPs"] == 1
    assert document["limit_bytes"] == 20 * 10**9
    assert document["size_bytes"] == sum(file.size_bytes for file in store.files())
    assert succeeded(project.run("cache", "size")).stdout == f"{document['size_bytes']}\n"
    assert succeeded(project.run("cache", "dir")).stdout == f"{store.root}\n"


def test_the_store_of_a_new_user_is_empty(tmp_path: Path) -> None:
    """Asking makes no folder."""
    env = {"IMAGEKIT_CACHE_DIR": str(tmp_path / "new")}

    assert succeeded(imagekit("cache", "size", cwd=tmp_path, env=env)).stdout == "0\n"
    assert not (tmp_path / "new").exists()


def test_what_is_pruned_is_made_again_the_same(project: Project, store: Store) -> None:
    """Nothing in the store is needed; the artefact has the bytes that it had."""
    project.build()
    before = all_bytes(project.folder / "dist")
    done = succeeded(project.run("cache", "prune", "--all"))

    assert done.stdout == ""
    assert "0 B are left" in done.stderr
    assert list(store.files()) == []
    project.build()
    assert all_bytes(project.folder / "dist") == before


def test_pruning_by_age_and_by_size(project: Project, store: Store) -> None:
    """What was used lately stays."""
    project.build()
    age(store)
    old = {file.key for file in store.files()}
    project.replace("return", "return  ", "app.py")
    project.build("--frozen")
    used = {file.key for file in store.files() if file.used > LONG_AGO + 1}
    assert old - used, "the ZIP of before is not used any more"

    done = succeeded(project.run("cache", "prune", "--older-than", "7"))
    assert f"removed {len(old - used)} file" in done.stderr
    assert {file.key for file in store.files()} == used

    succeeded(project.run("cache", "prune", "--limit", "0"))
    assert list(store.files()) == []


def test_a_build_keeps_the_store_below_its_limit(project: Project, store: Store) -> None:
    """What this build uses stays whatever the limit; it happens once a day."""
    project.build()
    (store.root / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"x" * 100_000)
    age(store)
    env = {"IMAGEKIT_CACHE_LIMIT": "1kB"}
    first = succeeded(project.run("build", env=env))

    assert "over its limit of 1 kB" in first.stderr
    assert "0" * 64 not in {file.key for file in store.files()}
    assert project.build()["path"]
    (store.root / "blobs" / "sha256" / ("1" * 64)).write_bytes(b"x" * 100_000)
    assert "its limit" not in succeeded(project.run("build", env=env)).stderr


@pytest.mark.parametrize(
    ("arguments", "env", "named"),
    [
        (("cache", "prune", "--limit", "much"), {}, "--limit"),
        (("cache", "prune"), {"IMAGEKIT_CACHE_LIMIT": "much"}, "IMAGEKIT_CACHE_LIMIT"),
        (("build",), {"IMAGEKIT_CACHE_LIMIT": "-1"}, "IMAGEKIT_CACHE_LIMIT"),
        (("cache",), {"IMAGEKIT_CACHE_LIMIT": "1 apple"}, "IMAGEKIT_CACHE_LIMIT"),
    ],
)
def test_a_limit_that_is_no_size(
    project: Project, arguments: tuple[str, ...], env: dict[str, str], named: str
) -> None:
    """Exit 2 before anything is built or removed, with sizes that could be typed."""
    done = project.run(*arguments, env=env)

    assert (done.returncode, done.stdout, project.made()) == (2, "", [])
    assert named in done.stderr
    assert f"hint: write {named} as a size: 800MB" in done.stderr


@pytest.mark.parametrize("arguments", [("--older-than", "-1"), ("--older-than", "x"), ("more",)])
def test_a_wrong_command_line_is_exit_2(project: Project, arguments: tuple[str, ...]) -> None:
    """Nothing is removed."""
    assert project.run("cache", "prune", *arguments).returncode == 2


def test_a_blob_that_vanishes_is_told_and_made_again(project: Project, store: Store) -> None:
    """A record without its blob is no reason to believe that it is there."""
    project.build()
    before = all_bytes(project.folder / "dist")
    for blob in (store.root / "blobs" / "sha256").iterdir():
        blob.unlink()

    project.build()
    assert all_bytes(project.folder / "dist") == before


def test_a_limit_of_none_is_no_limit(project: Project, store: Store) -> None:
    """Then nothing is removed, and the table says so."""
    env = {"IMAGEKIT_CACHE_LIMIT": "none"}
    succeeded(project.run("build", env=env))

    assert succeeded(project.run("cache", env=env)).stdout.rstrip().endswith("no limit")
    assert not (store.root / "tidied").exists()


@pytest.mark.parametrize("marked", [False, True])
def test_a_store_that_may_only_be_read_is_not_pruned(
    project: Project, store: Store, marked: bool
) -> None:
    """Exit 1 and why; a mark that a killed command left there is not taken for the reason."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        leave_out("store to read", "only root can mount one, with unshare")
    project.build()
    if marked:
        (store.root / "running" / "left").touch()
    else:
        shutil.rmtree(store.root / "parts")
    root = shlex.quote(str(store.root))
    mount = f'mount --bind {root} {root} && mount -o remount,bind,ro {root} && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", mount, "-")
    done = project.run("cache", "prune", "--all", prefix=prefix)

    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"error: the store at {store.root} cannot be written\n")
    assert "another command" not in done.stderr
    assert "hint: give yourself the right to write there, or move the store" in done.stderr
