"""What git ignores, held against git itself."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagekit.project.ignore import IgnoreFiles
from imagekit.project.patterns import Patterns
from tests.project.trees import paths, put
from tests.services.needs import needs


def ignored(lines: str, path: str) -> bool:
    """As git asks: each folder from the top, then the file."""
    patterns = Patterns.of(lines.split("\n"))
    parts = path.rstrip("/").split("/")
    for count in range(1, len(parts)):
        if patterns.verdict("/".join(parts[:count]), folder=True):
            return True
    return patterns.verdict("/".join(parts), folder=path.endswith("/")) is True


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        ("*.log", "a/b/x.log", True),
        ("/*.log", "a/x.log", False),
        ("build/", "build", False),
        ("build/", "a/build/", True),
        ("a/b", "a/b/c", True),
        ("a/b", "x/a/b", False),
        ("*.log\n!keep.log", "keep.log", False),
        ("!keep.log\n*.log", "keep.log", True),
        ("x/**\n!x/keep", "x/keep", False),
        ("x/\n!x/keep", "x/keep", True),
        ("*.log\n!keep/", "keep/x.log", True),
        ("# note\n\n\\#x", "#x", True),
        ("\\!x", "!x", True),
        ("x\\ ", "x ", True),
        ("x  ", "x", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/c/d/b", True),
        ("**/x", "x", True),
        ("a?c", "a/c", False),
        ("[!a]x", "bx", True),
        ("[]]", "]", True),
        ("[[:digit:]]", "7", True),
        ("[a", "[a", False),
        ("x\\", "x", False),
    ],
)
def test_patterns_mean_what_gitignore_says(lines: str, path: str, expected: bool) -> None:
    """gitignore(5), case by case: the last line that matches decides."""
    assert ignored(lines, path) is expected


NAMES = st.sampled_from(["a", "b", "ab", "a.b", "keep", "x y", "!z", "#c", "a]", "A", "1"])
PIECES = [
    *"*?/ab.! #]-y",
    "**",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-b]",
    "[b-a]",
    "[]a]",
    "[[:digit:]]",
    "\\",
    "keep",
    "x\\ y",
]
LINES = st.lists(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join), min_size=1, max_size=4
)
FILES = st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), min_size=1, max_size=10)


def lay_out(root: Path, files: list[str], ignores: dict[str, list[str]]) -> None:
    for name in files:
        path = root / name
        if not path.exists() and not any(above.is_file() for above in path.parents):
            put(root, {name: ""})
    for folder, lines in ignores.items():
        if (root / folder).is_dir():
            put(root, {f"{folder}/.gitignore": "\n".join(lines) + "\n"})


def by_us(folder: Path, files: IgnoreFiles, top: Path) -> list[str]:
    found = []
    files = files.reading(folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in (".git", ".gitignore"):
                continue
            if files.ignores(entry.name, folder=entry.is_dir()):
                continue
            if entry.is_dir():
                found += by_us(Path(entry.path), files.below(entry.name), top)
            else:
                found.append(Path(entry.path).relative_to(top).as_posix())
    return sorted(found)


GIT = ("git", "-c", "core.ignorecase=false")


def by_git(root: Path) -> list[str]:
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(root)}
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True, env=environ)
    listed = subprocess.run(
        [*GIT, "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"],
        cwd=root,
        check=True,
        env=environ,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted(name for name in names if name and not name.endswith(".gitignore"))


@settings(max_examples=60, deadline=None)
@given(files=FILES, top=LINES, deeper=LINES)
def test_git_agrees(files: list[str], top: list[str], deeper: list[str]) -> None:
    """Whatever files and patterns, the same ones are left out as git leaves out."""
    needs("git", "git")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root, files, {".": top, "a": deeper})

        assert by_us(root, IgnoreFiles.above(root, root), root) == by_git(root)


def test_files_up_to_the_repository_count(tmp_path: Path) -> None:
    """The project may lie deep in a repository; what lies above its root does not count."""
    put(
        tmp_path,
        {
            ".gitignore": "*.py\n",
            "repo/.git/HEAD": "",
            "repo/.gitignore": "*.bin\n/fn/src/pkg/local.py\n",
            "repo/fn/.gitignore": "*.tmp\n!keep.bin\n",
            "repo/fn/src/pkg/.gitignore": "drafts/\n",
            "repo/fn/src/pkg/app.py": "",
            "repo/fn/src/pkg/local.py": "",
            "repo/fn/src/pkg/a.bin": "",
            "repo/fn/src/pkg/keep.bin": "",
            "repo/fn/src/pkg/a.tmp": "",
            "repo/fn/src/pkg/drafts/x.py": "",
        },
    )

    assert paths(tmp_path / "repo/fn") == ["pkg/.gitignore", "pkg/app.py", "pkg/keep.bin"]


def test_without_a_repository_the_project_is_the_top(tmp_path: Path) -> None:
    """Outside git the project's own `.gitignore` still counts, and nothing above it."""
    put(
        tmp_path,
        {
            ".gitignore": "*.py\n",
            "fn/.gitignore": "*.bin\n",
            "fn/src/pkg/app.py": "",
            "fn/src/pkg/a.bin": "",
        },
    )

    assert paths(tmp_path / "fn") == ["pkg/app.py"]


def test_a_worktree_is_a_repository_too(tmp_path: Path) -> None:
    """In a worktree or submodule `.git` is a file."""
    put(
        tmp_path,
        {".git": "gitdir: x", ".gitignore": "*.bin\n", "fn/src/a.py": "", "fn/src/a.bin": ""},
    )

    assert paths(tmp_path / "fn") == ["a.py"]


def test_a_folder_that_is_named_is_taken_though_git_ignores_it(tmp_path: Path) -> None:
    """Generated code is often ignored; who names its folder in `source` wants it."""
    put(tmp_path, {".gitignore": "gen/\n*.log\n", "gen/api.py": "", "gen/x.log": ""})

    assert paths(tmp_path, source=("gen",)) == ["gen/api.py"]


def test_the_users_own_excludes_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file outside the repository changes what is shipped."""
    put(tmp_path, {"home/.config/git/ignore": "*.py\n", "repo/src/app.py": ""})
    put(tmp_path, {"repo/.git/info/exclude": "*.py\n"})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))

    assert paths(tmp_path / "repo") == ["app.py"]
