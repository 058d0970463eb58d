"""Where the configuration is looked for, and files that do not parse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError, UsageError
from imagekit.project.find_config import find
from imagekit.project.read_config import load
from tests.project.trees import put
from tests.services.needs import leave_out

OURS = '[tool.imagekit.functions.hello]\nhandler = "app.handler"\n'


def refused(start: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        find(start)
    return caught.value


def test_the_search_goes_upwards(tmp_path: Path) -> None:
    """From a folder deep inside, the nearest configuration above counts, as git does it."""
    put(tmp_path, {"pyproject.toml": OURS, "a/pyproject.toml": OURS, "a/b/c/": ""})

    assert find(tmp_path / "a/b/c").path == tmp_path / "a/pyproject.toml"
    assert find(tmp_path / "a/b/../..").path == tmp_path / "pyproject.toml"


def test_a_pyproject_of_others_is_passed_over(tmp_path: Path) -> None:
    """A pyproject.toml without `[tool.imagekit]` is no configuration, even if it names imagekit."""
    put(
        tmp_path,
        {
            "pyproject.toml": OURS,
            "a/pyproject.toml": "[project]\nname = 'x'\ndependencies = ['imagekit']\n",
            "a/b/pyproject.toml": "this is [ not TOML and none of our business",
        },
    )

    assert find(tmp_path / "a/b").path == tmp_path / "pyproject.toml"


def test_errors_name_the_file_from_where_the_search_began(tmp_path: Path) -> None:
    """The path in front of the key leads to the file from the folder one is in."""
    put(tmp_path, {"pyproject.toml": OURS + "x = 1\n", "a/b/": ""})
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "a/b", version="0.1.0")

    assert caught.value.problems[0].where == (
        "../../pyproject.toml: tool.imagekit.functions.hello.x"
    )


def test_both_forms_in_one_folder_are_an_error(tmp_path: Path) -> None:
    """Two configurations in one folder would leave the reader guessing."""
    put(tmp_path, {"pyproject.toml": OURS, "imagekit.toml": ""})
    (problem,) = refused(tmp_path).problems

    assert problem.where == "imagekit.toml, pyproject.toml: tool.imagekit"


def test_the_other_form_further_up_is_no_error(tmp_path: Path) -> None:
    """Only one folder counts, so what lies above does not matter."""
    put(tmp_path, {"pyproject.toml": OURS, "a/imagekit.toml": ""})

    assert find(tmp_path / "a").path == tmp_path / "a/imagekit.toml"


def test_nothing_anywhere_says_what_to_add(tmp_path: Path) -> None:
    """Without a configuration the hint is the command that writes one."""
    error = refused(tmp_path)

    assert str(tmp_path) in error.problems[0].where
    assert error.hint is not None
    assert error.hint.startswith("imagekit init ")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"[tool.imagekit]\n\nbase = \n", "pyproject.toml: line 3"),
        (b"[tool.imagekit]\nbase = 'a'\nbase = 'b'\n", "pyproject.toml: line 3"),
        (b"[tool.imagekit]\nbase = '\xff'\n", "pyproject.toml: line 2"),
        (b"[tool]\nimagekit = 1\n", "pyproject.toml: tool.imagekit"),
    ],
)
def test_a_file_that_does_not_parse_is_named_with_its_line(
    tmp_path: Path, text: bytes, where: str
) -> None:
    """TOML errors carry file and line."""
    put(tmp_path, {"pyproject.toml": text})
    (problem,) = refused(tmp_path).problems

    assert problem.where == where


def test_a_folder_whose_name_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """Documents that name the project could not be written; it is told before anything is."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        folder.mkdir()
    except OSError as error:
        leave_out("names that are not UTF-8", f"this file system refuses them: {error}")
    put(folder, {"pyproject.toml": OURS})

    with pytest.raises(UsageError, match=r"caf\\\\xe9 has a name that is not UTF-8"):
        find(folder)


@pytest.mark.parametrize("name", ["pyproject.toml", "imagekit.toml"])
def test_a_byte_order_mark_is_no_part_of_the_configuration(tmp_path: Path, name: str) -> None:
    """Editors on Windows write one in front of UTF-8."""
    own = name == "imagekit.toml"
    text = OURS.replace("tool.imagekit.", "") if own else OURS
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert load(tmp_path, version="0.1").functions[0].handler == "app.handler"
