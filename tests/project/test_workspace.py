"""Workspaces: which folders are members, what they inherit, and everything that can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError
from imagekit.project.config import FunctionConfig, ProjectConfig
from imagekit.project.read_config import load
from tests.project.trees import put

ROOT = '[workspace]\nmembers = ["functions/*"]\n'


def member(name: str, *lines: str) -> str:
    """An imagekit.toml with one function, with further lines in it."""
    return "\n".join([f"[functions.{name}]", 'handler = "app.handler"', *lines, ""])


def two(tmp_path: Path, root: str = ROOT) -> Path:
    """A root and its members a and b."""
    files = {
        "imagekit.toml": root,
        "functions/a/imagekit.toml": member("a"),
        "functions/b/pyproject.toml": member("b").replace("[", "[tool.imagekit."),
    }
    return put(tmp_path, files)


def loaded(start: Path, *names: str, whole: bool = False) -> ProjectConfig:
    return load(start, names, version="0.1.0", whole=whole)


def names(start: Path, *asked: str, whole: bool = False) -> list[str]:
    return [function.name for function in loaded(start, *asked, whole=whole).functions]


def one(start: Path, name: str) -> FunctionConfig:
    (function,) = loaded(start, name).functions
    return function


def refused(start: Path, *asked: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        loaded(start, *asked)
    return caught.value


def told(start: Path, *asked: str) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for problem in refused(start, *asked).problems]


def test_the_root_has_the_functions_of_all_members(tmp_path: Path) -> None:
    """Both forms of configuration make a member; each function keeps its own folder."""
    project = loaded(two(tmp_path))

    assert [function.name for function in project.functions] == ["a", "b"]
    assert [function.root for function in project.functions] == [
        tmp_path / "functions/a",
        tmp_path / "functions/b",
    ]
    assert project.root == tmp_path
    assert project.whole
    assert project.members == (tmp_path / "functions/a", tmp_path / "functions/b")


def test_the_roots_own_functions_come_first(tmp_path: Path) -> None:
    """A root may have functions of its own beside its members."""
    put(two(tmp_path), {"imagekit.toml": ROOT + member("zero")})

    assert names(tmp_path) == ["zero", "a", "b"]


def test_inside_a_member_its_functions_are_meant(tmp_path: Path) -> None:
    """As uv and cargo take it: bare means this member's; a name means the whole workspace's."""
    put(two(tmp_path), {"functions/a/src/deep/": ""})
    inside = tmp_path / "functions/a/src/deep"

    assert names(inside) == ["a"]
    assert not loaded(inside).whole
    assert names(inside, "b") == ["b"]
    assert names(inside, whole=True) == ["a", "b"]
    assert loaded(inside).root == tmp_path


def test_elsewhere_below_the_root_all_are_meant(tmp_path: Path) -> None:
    """A folder that is no member is the root's, also one that a pattern matches."""
    put(two(tmp_path), {"docs/": "", "functions/empty/": ""})

    assert names(tmp_path / "docs") == ["a", "b"]
    assert names(tmp_path / "functions/empty") == ["a", "b"]


def test_keys_come_from_the_function_then_the_member_then_the_root(tmp_path: Path) -> None:
    """The nearest says it; tables are merged entry by entry."""
    root = 'python = "3.12"\nbase = "root"\nbucket = "root"\nenv = { A = "root", B = "root" }\n'
    nearer = 'base = "member"\nbucket = "member"\nenv = { B = "member", C = "member" }\n'
    own = member("a", 'bucket = "own"', 'env = { C = "own" }')
    put(two(tmp_path, root + ROOT), {"functions/a/imagekit.toml": nearer + own})
    found, other = one(tmp_path, "a"), one(tmp_path, "b")

    assert (found.python, found.base, found.bucket) == ("3.12", "member", "own")
    assert found.env == (("A", "root"), ("B", "member"), ("C", "own"))
    assert (other.base, other.bucket) == ("root", "root")


def test_a_repository_of_the_root_is_filled_in_for_each(tmp_path: Path) -> None:
    """`{function}` is the function's name, wherever the key stands."""
    two(tmp_path, 'repository = "team/{function}"\n' + ROOT)

    assert one(tmp_path, "b").repository == "team/b"


def test_a_lock_is_counted_from_whoever_names_it(tmp_path: Path) -> None:
    """The root's `lock` lies in the root, a member's in the member."""
    put(
        two(tmp_path, 'lock = "root.txt"\n' + ROOT),
        {
            "root.txt": "",
            "functions/a/own.txt": "",
            "functions/a/imagekit.toml": member("a", 'lock = "own.txt"'),
        },
    )

    assert one(tmp_path, "a").lock == tmp_path / "functions/a/own.txt"
    assert one(tmp_path, "b").lock == tmp_path / "root.txt"


def test_excluded_folders_are_projects_of_their_own(tmp_path: Path) -> None:
    """What `exclude` names is no member, and stands alone when one is in it."""
    two(tmp_path, ROOT + 'exclude = ["functions/b"]\n')

    assert names(tmp_path) == ["a"]
    assert loaded(tmp_path / "functions/b").root == tmp_path / "functions/b"


def test_a_folder_that_no_pattern_names_stands_alone(tmp_path: Path) -> None:
    """As in uv: a project below a workspace need not be a part of it."""
    put(two(tmp_path), {"tools/imagekit.toml": member("tool")})

    assert names(tmp_path / "tools") == ["tool"]
    assert loaded(tmp_path / "tools").root == tmp_path / "tools"


def test_a_pattern_passes_over_what_has_no_configuration(tmp_path: Path) -> None:
    """Libraries beside the functions, files, hidden folders and virtual environments."""
    put(
        two(tmp_path, '[workspace]\nmembers = ["**"]\n'),
        {
            "functions/lib/pyproject.toml": "[project]\ndependencies = ['imagekit']\n",
            "functions/README.md": "",
            ".venv/x/imagekit.toml": member("hidden"),
        },
    )

    assert names(tmp_path) == ["a", "b"]


def test_a_member_named_twice_is_one(tmp_path: Path) -> None:
    """Patterns may overlap."""
    two(tmp_path, '[workspace]\nmembers = ["functions/*", "functions/a", "functions/a/"]\n')

    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("file", ["imagekit.toml", "functions/a/imagekit.toml"])
def test_required_version_is_held_in_root_and_members(tmp_path: Path, file: str) -> None:
    """Each file may ask for its own version of imagekit."""
    path = two(tmp_path) / file
    path.write_text(f'required-version = ">=9"\n{path.read_text()}')

    assert told(tmp_path) == [
        (f"{file}: required-version", "this is imagekit 0.1.0; the project asks for >=9")
    ]


def test_a_name_is_used_once_in_a_workspace(tmp_path: Path) -> None:
    """The error names both files; case does not make two names of one."""
    put(
        two(tmp_path),
        {
            "functions/b/pyproject.toml": member("a").replace("[", "[tool.imagekit."),
            "functions/c/imagekit.toml": member("A"),
        },
    )
    first = "functions/a/imagekit.toml: functions.a"

    assert told(tmp_path) == [
        (
            "functions/b/pyproject.toml: tool.imagekit.functions.a",
            f"has the name of {first}; rename one of the two",
        ),
        ("functions/c/imagekit.toml: functions.A", f"differs from 'a' ({first}) in case only"),
    ]


def test_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    """The root's, one of each member, and a member that does not parse."""
    put(
        two(tmp_path, "pythn = 1\n" + ROOT),
        {
            "functions/a/imagekit.toml": member("a", "memory = 1"),
            "functions/b/pyproject.toml": "[tool.imagekit]\nx = \n",
            "functions/c/imagekit.toml": "[functions.c]\n",
            "functions/d/imagekit.toml": "",
        },
    )

    assert sorted(where for where, _ in told(tmp_path)) == [
        "functions/a/imagekit.toml: functions.a.memory",
        "functions/b/pyproject.toml: line 2",
        "functions/c/imagekit.toml: functions.c.handler",
        "functions/d/imagekit.toml: functions",
        "imagekit.toml: pythn",
    ]


def test_paths_are_told_from_where_one_stands(tmp_path: Path) -> None:
    """Inside a member, the root and the other members are told as one would open them there."""
    put(
        two(tmp_path, "x = 1\n" + ROOT), {"functions/b/pyproject.toml": "[tool.imagekit]\nbase=1\n"}
    )

    assert [where for where, _ in told(tmp_path / "functions/a")] == [
        "../../imagekit.toml: x",
        "../b/pyproject.toml: tool.imagekit.base",
        "../b/pyproject.toml: tool.imagekit.functions",
    ]


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ("workspace = 3", "workspace", "must be a table"),
        ("[workspace]", "workspace.members", "is missing"),
        ('[workspace]\nmembers = "a"', "workspace.members", "must be a list of strings"),
        ("[workspace]\nmembers = [1]", "workspace.members", "every item must be a string"),
        ('[workspace]\nmembers = ["/a"]', "workspace.members", "must be relative"),
        ('[workspace]\nmembers = ["C:/a"]', "workspace.members", "must be relative"),
        ('[workspace]\nmembers = ["a\\\\b"]', "workspace.members", "must be written with `/`"),
        ('[workspace]\nmembers = ["../a"]', "workspace.members", "climbs out"),
        ('[workspace]\nmembers = ["."]', "workspace.members", "is the root itself"),
        ('[workspace]\nmembers = ["nowhere"]', "workspace.members", "there is no folder 'nowhere'"),
        ('[workspace]\nmembers = ["no/*"]', "workspace.members", "there is no folder 'no/*'"),
        ('[workspace]\nmembers = ["docs"]', "workspace.members", "'docs': it holds"),
        ('[workspace]\nmembers = ["doc*"]', "workspace.members", "'doc*': none of these"),
        (ROOT + "exclude = 1", "workspace.exclude", "must be a list of strings"),
        (ROOT + 'exclude = ["../b"]', "workspace.exclude", "climbs out"),
        (ROOT + "membres = []", "workspace.membres", "unknown key; did you mean `members`?"),
    ],
)
def test_what_a_workspace_table_may_not_say(
    tmp_path: Path, table: str, key: str, said: str
) -> None:
    """Each with its file and key, and nothing else is wrong."""
    put(two(tmp_path, table + "\n"), {"docs/": ""})
    ((where, what),) = told(tmp_path)

    assert where == f"imagekit.toml: {key}"
    assert said in what


def test_a_wrong_workspace_table_is_told_inside_a_member_too(tmp_path: Path) -> None:
    """Else the member would silently stand alone, without the root's keys."""
    two(tmp_path, "[workspace]\nmembers = 3\n")

    assert told(tmp_path / "functions/a")[0][0] == "../../imagekit.toml: workspace.members"


def test_workspaces_do_not_nest(tmp_path: Path) -> None:
    """Told at the inner one, from wherever one looks."""
    inner = '[workspace]\nmembers = ["x"]\n' + member("a")
    put(two(tmp_path), {"functions/a/imagekit.toml": inner})
    put(tmp_path / "functions/a", {"x/imagekit.toml": member("x")})
    here, deeper = tmp_path / "functions/a", tmp_path / "functions/a/x"

    assert [where for where, _ in told(tmp_path)] == ["functions/a/imagekit.toml: workspace"]
    assert [where for where, _ in told(here)] == ["imagekit.toml: workspace"]
    assert [where for where, _ in told(deeper)] == ["../imagekit.toml: workspace"]
    assert "do not nest" in refused(here).problems[0].what


def test_all_members_excluded_leave_no_function(tmp_path: Path) -> None:
    """A workspace with nothing in it is said to have nothing in it."""
    two(tmp_path, ROOT + 'exclude = ["functions/*"]\n')

    assert told(tmp_path) == [("imagekit.toml: functions", "no function is configured")]


def test_an_unknown_name_among_many_is_told_with_the_nearest(tmp_path: Path) -> None:
    """Sixty names are no help; three that are near are."""
    many = {f"functions/f{n:02}/imagekit.toml": member(f"job{n:02}") for n in range(60)}
    put(tmp_path, {"imagekit.toml": ROOT} | many)
    ((_, what),) = told(tmp_path, "jbo07")

    assert "60 are known, such as job07" in what
    assert len(what) < 100


def test_a_workspace_of_others_above_is_none_of_our_business(tmp_path: Path) -> None:
    """uv's own `[tool.uv.workspace]` in a parent, and files that do not parse, change nothing."""
    put(
        tmp_path,
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["a"]\n',
            "a/imagekit.toml": member("a"),
            "a/b/pyproject.toml": "not [ TOML, and no word of us",
            "a/b/c/imagekit.toml": member("c"),
        },
    )

    assert loaded(tmp_path / "a").root == tmp_path / "a"
    assert loaded(tmp_path / "a/b/c").root == tmp_path / "a/b/c"
