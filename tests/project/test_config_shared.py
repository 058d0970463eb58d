"""Which functions an image could serve together: those that differ by their handler alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.project.read_config import load

HEAD = 'python = "3.13"\nrepository = "team/{function}"\n'
TWO = """
[functions.one]
handler = "app.one"
[functions.two]
handler = "app.two"
lambda = { memory = 2048 }
"""


def shared(folder: Path, text: str, *names: str) -> dict[str, str | None]:
    """The handler of the image that each function could share."""
    (folder / "imagekit.toml").write_text(HEAD + text, encoding="utf-8")
    project = load(folder, names, version="0.1")
    return {one.name: one.shared_handler for one in project.functions}


def test_handler_name_and_settings_make_no_other_image(tmp_path: Path) -> None:
    """The first one's handler is the image's command."""
    assert shared(tmp_path, TWO) == {"one": "app.one", "two": "app.one"}


def test_it_is_the_same_whoever_is_asked_for(tmp_path: Path) -> None:
    """A release of one function makes the image that a release of all makes."""
    assert shared(tmp_path, TWO, "two") == {"two": "app.one"}


@pytest.mark.parametrize(
    "key",
    [
        'env = { A = "1" }',
        'include = ["model.bin"]',
        'exclude = ["*.csv"]',
        'groups = ["dev"]',
        'architecture = "arm64"',
        'python = "3.12"',
        "bytecode = false",
        'base = "team"',
        'extensions = ["host/extension:1"]',
        'system = ["libgomp1"]',
        'slim = "off"',
        "lambda = { snapstart = true }",
    ],
)
def test_whatever_else_differs_makes_another_image(tmp_path: Path, key: str) -> None:
    """Contents, settings, base, and the label that SnapStart asks for."""
    text = TWO.replace("lambda = { memory = 2048 }", key)

    assert shared(tmp_path, text) == {"one": None, "two": None}


def test_function_by_itself_shares_nothing(tmp_path: Path) -> None:
    """Its image calls its own handler."""
    assert shared(tmp_path, '[functions.one]\nhandler = "app.one"\n') == {"one": None}
