"""What a function ships of its project: source, include, exclude, and what never goes in."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagekit.model.errors import CannotBuild, ConfigError
from imagekit.project.content import DiskContent, file_entry
from imagekit.project.patterns import Patterns
from imagekit.project.source import source_tree
from tests.project.trees import function, paths, put, tree_of
from tests.services.needs import leave_out

APP = {"src/scoring/__init__.py": "", "src/scoring/app.py": "def handler(event, context): ...\n"}
APP_PATHS = ["scoring/__init__.py", "scoring/app.py"]


def refused(root: Path, **keys: object) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        tree_of(root, **keys)
    return [(problem.where, problem.what) for problem in caught.value.problems]


def test_a_source_folder_arrives_under_its_own_name(tmp_path: Path) -> None:
    """`src/scoring` arrives as `scoring/…`, a module as itself."""
    put(tmp_path, APP | {"lib/util.py": "", "lib/other.py": ""})

    assert paths(tmp_path, source=("src/scoring", "lib/util.py")) == [*APP_PATHS, "util.py"]


def test_left_out_means_all_of_src(tmp_path: Path) -> None:
    """Without `source` it is `src/*`: folders, namespace packages too, and modules."""
    put(
        tmp_path,
        APP
        | {
            "src/single.py": "",
            "src/spaced/inner/mod.py": "",
            "src/scoring.egg-info/PKG-INFO": "",
            "src/.hidden/x.py": "",
            "beside.py": "",
        },
    )

    assert paths(tmp_path) == [*APP_PATHS, "single.py", "spaced/inner/mod.py"]


def test_without_src_it_is_the_code_beside_the_configuration(tmp_path: Path) -> None:
    """Packages and modules beside the configuration, and none of the usual company."""
    put(
        tmp_path,
        {
            "app.py": "",
            "pkg/__init__.py": "",
            "pkg/data.json": "{}",
            "flat/only.py": "",
            "data/big.csv": "",
            "setup.py": "",
            "noxfile.py": "",
            "tests/test_app.py": "",
            "docs/conf.py": "",
            "examples/x.py": "",
            "build/x.py": "",
            "dist/x.py": "",
            "node_modules/x.py": "",
            ".tox/x.py": "",
            "env3/pyvenv.cfg": "",
            "env3/x.py": "",
            "pyproject.toml": "",
            "README.md": "",
        },
    )

    expected = ["app.py", "flat/only.py", "pkg/__init__.py", "pkg/data.json"]
    assert paths(tmp_path) == expected
    assert paths(tmp_path, source=(".",)) == expected


def test_a_pattern_in_source_names_each_match(tmp_path: Path) -> None:
    """`src/*` may be written out."""
    put(tmp_path, APP | {"src/other/x.py": "", "src/x.egg-info/PKG-INFO": ""})

    assert paths(tmp_path, source=("src/*",)) == ["other/x.py", *APP_PATHS]


def test_a_source_outside_the_project_may_be_named(tmp_path: Path) -> None:
    """A folder that functions share lies beside them; it arrives under its own name too."""
    put(tmp_path, {"shared/util.py": "", "fn/app.py": ""})

    assert paths(tmp_path / "fn", source=("app.py", "../shared")) == ["app.py", "shared/util.py"]


def test_a_source_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """A misspelt folder is named with the key that says it."""
    put(tmp_path, APP)

    assert refused(tmp_path, source=("src/scorin", "src/x*")) == [
        (
            "pyproject.toml: tool.imagekit.functions.x.source",
            f"there is no src/scorin in {tmp_path}",
        ),
        ("pyproject.toml: tool.imagekit.functions.x.source", f"there is no src/x* in {tmp_path}"),
    ]


def test_tests_and_notebooks_stay_at_home(tmp_path: Path) -> None:
    """Tests beside the source and notebooks are not shipped by default."""
    put(
        tmp_path,
        APP
        | {
            "src/scoring/tests/data.json": "",
            "src/scoring/test_app.py": "",
            "src/scoring/app_test.py": "",
            "src/scoring/conftest.py": "",
            "src/scoring/explore.ipynb": "",
        },
    )

    assert paths(tmp_path) == APP_PATHS


def test_include_brings_what_was_left_out(tmp_path: Path) -> None:
    """What is left out by default, and what git ignores, comes where it is asked for."""
    put(
        tmp_path,
        APP
        | {
            ".gitignore": "*.bin\nmodels/\n",
            "src/scoring/load_test.py": "",
            "src/scoring/weights.bin": "w",
            "models/a.joblib": "a",
            "models/b.txt": "b",
        },
    )
    brought = paths(
        tmp_path,
        source=("src/scoring",),
        include=("src/scoring/load_test.py", "src/**/*.bin", "models/*.joblib"),
    )

    assert brought == [
        "models/a.joblib",
        *APP_PATHS,
        "scoring/load_test.py",
        "scoring/weights.bin",
    ]


def test_include_takes_a_folder_whole(tmp_path: Path) -> None:
    """A pattern that names a folder brings all of it, tests too; a slash at the end says folder."""
    put(tmp_path, APP | {"models/tests/a.bin": "", "models/b.bin": "", "other": ""})
    expected = ["models/b.bin", "models/tests/a.bin", *APP_PATHS]

    assert paths(tmp_path, include=("models",)) == expected
    assert paths(tmp_path, include=("./models/",)) == expected
    assert refused(tmp_path, include=("other/",)) == [
        ("pyproject.toml: tool.imagekit.functions.x.include", "'other/' brings no file")
    ]


def test_include_keeps_to_its_depth(tmp_path: Path) -> None:
    """`*` stays in one folder, `**` goes through all; neither starts anywhere else."""
    put(tmp_path, {"a.json": "", "d/a.json": "", "d/e/a.json": "", "x/d/a.json": ""})

    assert paths(tmp_path, source=(), include=("*.json",)) == ["a.json"]
    assert paths(tmp_path, source=(), include=("d/*.json",)) == ["d/a.json"]
    assert paths(tmp_path, source=(), include=("*/*.json",)) == ["d/a.json"]
    assert paths(tmp_path, source=(), include=("d/**/*.json",)) == ["d/a.json", "d/e/a.json"]
    assert len(paths(tmp_path, source=(), include=("**/*.json",))) == 4


def test_include_inside_src_arrives_beside_the_code(tmp_path: Path) -> None:
    """With `src/*` the ignored folder of data lands where the code of `src` looks for it."""
    put(tmp_path, APP | {".gitignore": "data/\n", "src/data/x.bin": ""})

    assert paths(tmp_path, include=("src/data",)) == ["data/x.bin", *APP_PATHS]


def test_include_that_brings_nothing_is_a_problem(tmp_path: Path) -> None:
    """A pattern without a file is a typing error, and so is one for what never goes in."""
    put(tmp_path, APP | {".env": "SECRET=1", "src/scoring/.env.local": ""})
    key = "pyproject.toml: tool.imagekit.functions.x.include"

    assert refused(tmp_path, include=("model/*.bin", ".env", "src/scoring/.env*")) == [
        (key, "'model/*.bin' brings no file"),
        (key, "'.env' never goes into an artefact"),
        (key, "'src/scoring/.env*' never goes into an artefact"),
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "*.csv",
        "**/*.csv",
        "src/scoring/data",
        "scoring/data",
        "src/scoring/data/*",
        "data/",
        "src/**/data",
    ],
)
def test_exclude_wins_over_source_and_include(tmp_path: Path, pattern: str) -> None:
    """Never in, even where source or include has it; by where it lies or where it arrives."""
    put(tmp_path, APP | {"src/scoring/data/a.csv": "", ".gitignore": "*.csv\n"})
    include = ("src/scoring/data/a.csv",)

    assert "scoring/data/a.csv" in paths(tmp_path, include=include)
    assert paths(tmp_path, include=("src/scoring/*.py",), exclude=(pattern,)) == APP_PATHS
    said = [what for _, what in refused(tmp_path, include=include, exclude=(pattern,))]
    assert said == ["'src/scoring/data/a.csv' brings no file"]


def test_exclude_of_a_folder_above_the_source_wins_too(tmp_path: Path) -> None:
    """What lies in an excluded folder is out, though the pattern names only the folder."""
    put(tmp_path, APP | {"models/a.bin": "", "models/b/c.bin": ""})

    assert paths(tmp_path, exclude=("src",), include=("models",)) == [
        "models/a.bin",
        "models/b/c.bin",
    ]
    assert paths(tmp_path, source=("src/scoring", "models/b"), exclude=("models",)) == APP_PATHS


NAMES = st.sampled_from(["a", "b", "c.csv", "d.py", "deep", "e.bin"])
FILES = st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8)
GLOBS = st.lists(
    st.sampled_from(
        ["*.csv", "**/e.bin", "src/a", "a/*", "deep/", "**/deep/**", "src/**/d.py", "b"]
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(files=FILES, globs=GLOBS)
def test_nothing_that_exclude_names_is_shipped(files: list[str], globs: list[str]) -> None:
    """Whatever source and include say: no path of the tree, nor a folder above it, is excluded."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in files:
            path = root / "src" / name
            if not path.exists() and not any(p.is_file() for p in path.parents):
                put(root, {f"src/{name}": name})
        excluded = Patterns.of(globs)

        def named(path: str) -> bool:
            parts = path.split("/")
            above = ("/".join(parts[:count]) for count in range(1, len(parts)))
            folders = any(excluded.verdict(at, folder=True) for at in above)
            return folders or bool(excluded.verdict(path, folder=False))

        everything = paths(root)
        shipped = paths(root, exclude=tuple(globs))

    assert shipped == [path for path in everything if not named(path) and not named(f"src/{path}")]


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        ".git",
        ".venv/x.py",
        "anything/pyvenv.cfg",
        "__pycache__/app.cpython-313.pyc",
        ".env",
        ".env.production",
        ".envrc",
        ".DS_Store",
        ".aws/credentials",
        ".netrc",
        "pip.conf",
        "pip.ini",
        ".pypirc",
        ".npmrc",
        ".ssh/config",
        "id_rsa",
        "id_ed25519",
        ".git-credentials",
        ".docker/config.json",
    ],
)
def test_some_files_never_go_in(tmp_path: Path, name: str) -> None:
    """The never-list holds whatever the configuration says, at every depth."""
    put(tmp_path, APP | {f"src/scoring/{name}": "x", f"models/deep/{name}": "x", "models/m": "x"})

    assert paths(tmp_path, include=("models", "**/scoring")) == ["models/m", *APP_PATHS]


def test_a_key_file_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    """A certificate is shipped; a private key is not, whatever brings it."""
    put(
        tmp_path,
        APP
        | {
            "src/scoring/ca.pem": "-----BEGIN CERTIFICATE-----\n",
            "src/scoring/tls.key": "-----BEGIN EC PRIVATE KEY-----\n",
            "certs/tls.pem": "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
        },
    )

    assert paths(tmp_path) == [*APP_PATHS, "scoring/ca.pem"]
    assert [what for _, what in refused(tmp_path, include=("certs/*",))] == [
        "'certs/*' brings no file"
    ]


def test_a_source_on_the_never_list_is_a_problem(tmp_path: Path) -> None:
    """Asking for it by name does not bring it either."""
    put(tmp_path, {".venv/lib/x.py": ""})

    assert refused(tmp_path, source=(".venv",)) == [(".venv", "never goes into an artefact")]


def test_the_order_of_finding_does_not_matter(tmp_path: Path) -> None:
    """The tree is sorted by path, so file systems that list otherwise give the same bytes."""
    for name in ("z", "a", "m"):
        put(tmp_path, {f"src/pkg/{name}.py": name, f"src/pkg/{name}/x.py": name})
    found = paths(tmp_path)

    assert found == sorted(found)
    assert len(found) == 6


def test_who_is_executable_is_told_by_content(tmp_path: Path) -> None:
    """Modes differ between machines; how a file begins does not."""
    put(
        tmp_path,
        {
            "src/bin/run": "#!/bin/sh\n",
            "src/bin/tool": b"\x7fELF\x02",
            "src/bin/data": "x",
            "src/bin/empty": "",
        },
    )
    (tmp_path / "src/bin/data").chmod(0o755)
    (tmp_path / "src/bin/run").chmod(0o600)

    assert {entry.path: entry.executable for entry in tree_of(tmp_path)} == {
        "bin/run": True,
        "bin/tool": True,
        "bin/data": False,
        "bin/empty": False,
    }


def test_every_entry_knows_its_owner_size_and_bytes(tmp_path: Path) -> None:
    """Entries are owned by `source` and read what lies on disk."""
    put(tmp_path, {"src/a.py": "abc"})
    (entry,) = tree_of(tmp_path)

    assert (entry.path, entry.owner, entry.size_bytes) == ("a.py", "source", 3)
    assert entry.content.read() == b"abc"


def test_a_small_file_is_read_once(tmp_path: Path) -> None:
    """What was hashed is what is packed, though the file changes in between."""
    put(tmp_path, {"src/a.py": "abc"})
    (entry,) = tree_of(tmp_path)
    put(tmp_path, {"src/a.py": "changed"})

    assert entry.content.read() == b"abc"


def test_a_large_file_that_changes_stops_the_build(tmp_path: Path) -> None:
    """A large file is read when it is needed, and must still be the one that was found."""
    path = put(tmp_path, {"model.bin": b"x" * 2_000_000}) / "model.bin"
    entry = file_entry(str(path), "model.bin")

    assert isinstance(entry.content, DiskContent)
    assert len(entry.content.read()) == entry.size_bytes == 2_000_000
    path.write_bytes(b"y" * 2_000_001)
    with pytest.raises(CannotBuild) as caught:
        entry.content.read()
    assert "changed while it was being packaged" in caught.value.what
    path.unlink()
    with pytest.raises(CannotBuild):
        entry.content.read()


def test_two_sources_that_fill_one_path_alike_are_one(tmp_path: Path) -> None:
    """The same bytes at one path are one file; a namespace may be spread over folders."""
    put(tmp_path, {"a/x/m.py": "a", "b/x/m.py": "a", "b/x/n.py": ""})

    assert paths(tmp_path, source=("a/x", "b/x")) == ["x/m.py", "x/n.py"]


def test_two_sources_that_fill_one_path_differently_are_a_problem(tmp_path: Path) -> None:
    """Neither is dropped without a word."""
    put(tmp_path, {"a/x/m.py": "a", "b/x/m.py": "b"})

    assert refused(tmp_path, source=("a/x", "b/x")) == [
        ("b/x/m.py", "arrives as x/m.py, and so does a/x/m.py")
    ]


def test_a_name_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    """Such a name has no spelling in a ZIP, and differs between machines."""
    put(tmp_path, APP)
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "src/scoring") + b"/caf\xe9.txt")).touch()
    except OSError as error:
        leave_out("names that are not UTF-8", f"this file system refuses them: {error}")

    assert refused(tmp_path) == [("src/scoring/caf\\xe9.txt", "has a name that is not UTF-8")]
    assert paths(tmp_path, exclude=("*.txt",)) == APP_PATHS


@pytest.mark.parametrize("name", [b"caf\xe9.py", b"caf\xe9/x.py", b"caf\xe9/__init__.py"])
def test_so_is_a_module_beside_the_configuration(tmp_path: Path, name: bytes) -> None:
    """Told once, by its first part; `exclude` keeps it out."""
    put(tmp_path, {"app.py": ""})
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    try:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    except OSError as error:
        leave_out("names that are not UTF-8", f"this file system refuses them: {error}")
    shown = os.fsdecode(name).partition("/")[0].replace("\udce9", "\\xe9")

    assert refused(tmp_path) == [(shown, "has a name that is not UTF-8")]
    assert paths(tmp_path, exclude=("caf*",)) == ["app.py"]


def test_what_is_no_file_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets and pipes cannot be shipped (T10)."""
    put(tmp_path, APP)
    monkeypatch.chdir(tmp_path / "src/scoring")  # a socket's path may be short only
    if not hasattr(socket, "AF_UNIX"):
        leave_out("sockets in folders", "this system has none")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("live")
        assert refused(tmp_path) == [
            ("src/scoring/live", "is neither a file nor a folder nor a link")
        ]


def test_a_thousand_files_take_a_blink(tmp_path: Path) -> None:
    """Walking is on the way of every command, so it must not be felt."""
    lines = "".join(f"pattern{number}*.tmp\n" for number in range(120))
    put(tmp_path, {".gitignore": lines})
    for number in range(1000):
        put(tmp_path, {f"src/pkg/d{number % 40}/m{number}.py": "x = 1\n" * 100})
    asked = function(tmp_path, exclude=("**/*.csv",))
    took = []
    for _ in range(4):
        start = time.process_time()
        tree = source_tree(asked)
        took.append(time.process_time() - start)

    assert len(tree.entries) == 1000
    assert min(took) < 0.1  # a fifth of it on a machine with nothing else to do
