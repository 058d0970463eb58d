"""Where a base of a workspace lies: in its root, or in the one member that has it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from imagekit.bases.definition import Definition
from imagekit.console import Console
from imagekit.model.errors import ConfigError
from imagekit.pipeline.bases.pinned import Bases
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig

TEXT = 'from = "one.example/base:1"\npython = "3.13"\n'


def bases(root: Path, published: dict[str, str] | None = None) -> Bases:
    console = Console(out=io.StringIO(), err=io.StringIO())
    project = ProjectConfig(
        path=root / "imagekit.toml",
        root=root,
        functions=(),
        members=(root / "a", root / "b"),
        bases=published or {},
    )
    workshop = Workshop.open({"IMAGEKIT_CACHE_DIR": str(root / "store")}, console, root)
    decisions = Decisions.read(root, "write", console)
    return Bases(
        workshop=workshop,
        project=project,
        decisions=decisions,
        packages=Packages(workshop=workshop, project=project, decisions=decisions),
    )


def base(folder: Path, name: str = "team") -> Path:
    path = folder / "base_images" / name / "base.toml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize("home", [".", "a", "b"])
def test_a_base_of_the_root_or_of_one_member(tmp_path: Path, home: str) -> None:
    """All functions of the workspace may name it: one lock pins it for them."""
    path = base(tmp_path / home)
    found = bases(tmp_path).source("team")

    assert isinstance(found, Definition)
    assert found.path == path
    assert bases(tmp_path).python("team") == "3.13"


def test_two_bases_of_one_name_are_refused(tmp_path: Path) -> None:
    """The lock knows bases by name, so a function would get now this one, now that one."""
    base(tmp_path / "a")
    base(tmp_path / "b")
    with pytest.raises(ConfigError) as caught:
        bases(tmp_path).source("team")
    (problem,) = caught.value.problems

    assert str(tmp_path / "a") in problem.what
    assert str(tmp_path / "b") in problem.what


@pytest.mark.parametrize("name", ["one.example/base:1", "python3.13"])
def test_a_reference_and_a_shipped_base_need_no_folder(tmp_path: Path, name: str) -> None:
    """Names that no folder can have are looked for in none."""
    (tmp_path / "a" / "base_images").mkdir(parents=True)

    bases(tmp_path).source(name)


def test_a_layout_is_counted_from_the_root(tmp_path: Path) -> None:
    """Also where a member inherits the key."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "oci-layout").write_text("{}", encoding="utf-8")

    assert bases(tmp_path).source("out") == tmp_path / "out"


def test_a_published_base_has_a_name(tmp_path: Path) -> None:
    """`bases` in the configuration; it may stand in for one that comes with imagekit."""
    named = {"team": "one.example/team:1", "python3.13": "one.example/mirror/python"}
    found = bases(tmp_path, named)

    assert str(found.source("team")) == "one.example/team:1"
    assert str(found.source("python3.13")) == "one.example/mirror/python:latest"
    assert found.python("team") is None


def test_a_folder_and_a_published_base_of_one_name_are_refused(tmp_path: Path) -> None:
    """The platform's own repository would build now on the one, now on the other."""
    path = base(tmp_path)
    with pytest.raises(ConfigError) as caught:
        bases(tmp_path, {"team": "one.example/team:1"}).source("team")
    (problem,) = caught.value.problems

    assert problem.where == "bases.team"
    assert str(path.parent) in problem.what
    assert caught.value.hint == "rename `team` in `bases`, or the folder"


def test_an_unknown_base_may_be_near_a_published_one(tmp_path: Path) -> None:
    """What `bases` names is among what may have been meant."""
    with pytest.raises(ConfigError) as caught:
        bases(tmp_path, {"heavyteam": "one.example/team:1"}).source("heavytaem")

    assert caught.value.hint == "did you mean heavyteam?"


def test_what_a_base_does_not_say_the_one_below_says(tmp_path: Path) -> None:
    """Python and architectures, down to whoever says them."""
    for name, text in {
        "low": 'from = "one.example/base:1"\npython = "3.13"\narchitectures = ["arm64"]\n',
        "middle": 'from = "low"\n',
        "top": 'from = "middle"\n',
    }.items():
        base(tmp_path, name).write_text(text, encoding="utf-8")
    found = bases(tmp_path)

    assert found.python("top") == "3.13"
    assert found.architectures("top") == ("arm64",)
    assert not found.here_alone("top")
    assert found.here_alone("data-science-python3.13")
