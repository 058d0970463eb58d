"""The commit that a folder is at, read from git's own files: a build waits for no other program."""

from __future__ import annotations

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT = 7
_LINKS = 5
"""A ref may name another; nobody makes chains."""


def commit(folder: Path) -> str | None:
    """The first seven digits of HEAD; None outside of git, or where its files are of another kind.

    https://git-scm.com/docs/gitrepository-layout: HEAD, refs, packed-refs, and for a work tree of
    its own a file `.git` with `gitdir:` and a file `commondir`.
    """
    try:
        git = _git_folder(folder.resolve())
        found = None if git is None else _resolve(git, (git / "HEAD").read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
    return found[:_SHORT] if found else None


def _git_folder(folder: Path) -> Path | None:
    for above in (folder, *folder.parents):
        git = above / ".git"
        if git.is_dir():
            return git
        if git.is_file():
            said = git.read_text("utf-8").strip()
            return (above / said.removeprefix("gitdir:").strip()).resolve()
    return None


def _resolve(git: Path, text: str) -> str | None:
    for _ in range(_LINKS):
        if _COMMIT.fullmatch(text):
            return text
        if not text.startswith("ref: "):
            return None
        text = _ref(git, text.removeprefix("ref: ")) or ""
    return None


def _ref(git: Path, name: str) -> str | None:
    common = git / "commondir"
    shared = (git / common.read_text("utf-8").strip()).resolve() if common.is_file() else git
    for folder in (git, shared):
        if (folder / name).is_file():
            return (folder / name).read_text("utf-8").strip()
    packed = shared / "packed-refs"
    if packed.is_file():
        for line in packed.read_text("utf-8").splitlines():
            found, _, ref = line.partition(" ")
            if ref == name:
                return found
    return None
