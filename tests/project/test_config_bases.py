"""`[tool.imagekit.bases]`: published bases by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError
from imagekit.project.config import ProjectConfig
from imagekit.project.read_config import load

HELLO = '[functions.hello]\nhandler = "hello.handler"\n'


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "imagekit.toml").write_text(text, encoding="utf-8")


def read(folder: Path) -> ProjectConfig:
    return load(folder, version="0.1.0", whole=True)


def refused(folder: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(folder)
    return {problem.where: problem.what for problem in caught.value.problems}


def test_names_and_references(tmp_path: Path) -> None:
    """As written; what a tag means is asked when a base is pinned."""
    write(tmp_path, f'{HELLO}[bases]\nteam = "one.example/bases/team:2026.11.18"\n')

    assert read(tmp_path).bases == {"team": "one.example/bases/team:2026.11.18"}


def test_members_inherit_and_add(tmp_path: Path) -> None:
    """One lock pins each name once, whoever names it; saying the same twice is fine."""
    team, own = 'team = "one.example/team:1"', 'own = "one.example/own:1"'
    write(tmp_path, f'[bases]\n{team}\n[workspace]\nmembers = ["a", "b"]\n')
    write(tmp_path / "a", f"{HELLO}[bases]\n{own}\n{team}\n")
    write(tmp_path / "b", HELLO.replace("hello", "other"))

    both = {"team": "one.example/team:1", "own": "one.example/own:1"}
    assert read(tmp_path).bases == read(tmp_path / "b").bases == both


def test_one_name_for_two_bases_is_refused(tmp_path: Path) -> None:
    """The lock would hold now this one, now that one."""
    write(tmp_path, '[bases]\nteam = "one.example/team:1"\n[workspace]\nmembers = ["a"]\n')
    write(tmp_path / "a", f'{HELLO}[bases]\nteam = "one.example/team:2"\n')

    (what,) = refused(tmp_path).values()
    assert what == "is one.example/team:1 in another configuration of this workspace"


@pytest.mark.parametrize(
    ("line", "key", "what"),
    [
        ('bases = "team"', "bases", "must be a table"),
        ("[bases]\nteam = 3", "bases.team", "3 must be text"),
        ('[bases]\nteam = ""', "bases.team", "must not be empty"),
        ('[bases]\nteam = "heavy"', "bases.team", "'heavy' names no registry"),
        ('[bases]\nteam = "one.example/TEAM:1"', "bases.team", "not an image reference"),
        ('[bases]\n"a b" = "one.example/a:1"', 'bases."a b"', "is no name for a base"),
        ('[bases]\ndebian = "one.example/a:1"', "bases.debian", "is no name for a base"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, line: str, key: str, what: str) -> None:
    """With the key's path."""
    text = f"{line}\n{HELLO}" if line.startswith("bases =") else f"{HELLO}{line}\n"
    write(tmp_path, text)

    assert what in refused(tmp_path)[f"imagekit.toml: {key}"]


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Of each base its own."""
    write(tmp_path, f'{HELLO}[bases]\none = 1\ntwo = "two"\n')

    assert set(refused(tmp_path)) == {"imagekit.toml: bases.one", "imagekit.toml: bases.two"}


def test_a_project_that_only_makes_bases(tmp_path: Path) -> None:
    """`bare` asks for no function; everything else is checked as ever."""
    write(tmp_path, '[bases]\nteam = "one.example/team:1"\n')

    assert load(tmp_path, version="0.1.0", bare=True).functions == ()
    assert "no function is configured" in "".join(refused(tmp_path).values())
