"""The commit, read from git's own files and held against git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imagekit.project.git import commit
from tests.services.needs import needs


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit."""
    needs("git", "git")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


def head(folder: Path) -> str:
    """Seven digits, as git says them."""
    return git(folder, "rev-parse", "HEAD")[:7]


def test_commit_of_a_branch(repository: Path) -> None:
    """Also from a folder below."""
    below = repository / "functions" / "scoring"
    below.mkdir(parents=True)

    assert commit(repository) == commit(below) == head(repository)


def test_packed_refs(repository: Path) -> None:
    """After `git pack-refs`, as in every fresh clone."""
    git(repository, "pack-refs", "--all")

    assert commit(repository) == head(repository)


def test_detached_head(repository: Path) -> None:
    """As CI checks out."""
    git(repository, "checkout", "-q", "--detach")

    assert commit(repository) == head(repository)


def test_work_tree_of_its_own(repository: Path, tmp_path: Path) -> None:
    """`git worktree`: a file `.git`, refs in the first one's folder."""
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "two")

    assert commit(tmp_path / "other") == head(tmp_path / "other") != head(repository)


def test_unknown_is_none(tmp_path: Path) -> None:
    """No git, no commit yet, or files of another kind: unknown, never wrong."""
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / ".git").mkdir()
    assert commit(folder) is None
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    assert commit(folder) is None
    (folder / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert commit(folder) is None
