"""A folder on disk becomes a survey: what is read, what is passed over, what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError, UsageError
from imagekit.project.config import LambdaSettings
from imagekit.project.survey.folder import read_folder
from imagekit.project.survey.survey import survey
from tests.project.trees import put

HANDLER = "def handler(event, context):\n    return 1\n"
SAM = (
    "Resources:\n  F:\n    Type: AWS::Serverless::Function\n"
    "    Properties: {CodeUri: code, Handler: app.handler, Runtime: python3.12}\n"
)
DOCKER = 'FROM public.ecr.aws/lambda/python:3.12\nCOPY app.py .\nCMD ["app.handler"]\n'


def test_what_is_not_looked_at(tmp_path: Path) -> None:
    """Virtual environments, hidden folders, what git ignores, tests and vendored trees."""
    put(
        tmp_path,
        {
            "app.py": HANDLER,
            "env/pyvenv.cfg": "",
            "env/lib/app.py": HANDLER,
            ".hidden/app.py": HANDLER,
            "node_modules/x/app.py": HANDLER,
            "tests/app.py": HANDLER,
            "test_app.py": HANDLER,
            "out/app.py": HANDLER,
            "out/deep/app.py": HANDLER,
            ".gitignore": "out/\n",
            "setup.txt": "",
        },
    )
    found = read_folder(tmp_path)

    assert sorted(found.texts) == ["app.py"]
    assert {"out/app.py", "tests/app.py", "setup.txt"} <= found.files
    assert not any(path.startswith(("env/", "node_modules/", ".")) for path in found.files)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """A module that is not UTF-8 or is too large is no handler, and no reason to stop."""
    put(tmp_path, {"app.py": HANDLER, "latin.py": b"# \xe4\n", "big.py": b"#" * 1_000_001})

    assert sorted(read_folder(tmp_path).texts) == ["app.py"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may read every folder"
)
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """Is a problem with its path."""
    put(tmp_path, {"closed/app.py": HANDLER})
    (tmp_path / "closed").chmod(0)
    with pytest.raises(ConfigError, match="closed"):
        read_folder(tmp_path)
    (tmp_path / "closed").chmod(0o755)


def test_a_template_wins_over_a_dockerfile_and_the_code(tmp_path: Path) -> None:
    """The functions are those that are deployed."""
    put(tmp_path, {"template.yaml": SAM, "Dockerfile": DOCKER, "code/app.py": HANDLER})

    (found,) = survey(tmp_path).functions
    assert (found.name, found.packaging, found.python) == ("F", None, "3.12")


def test_a_template_without_functions_is_passed_over(tmp_path: Path) -> None:
    """A stack of tables and queues says nothing of the code."""
    put(tmp_path, {"template.yaml": "Resources:\n  T: {Type: X}\n", "app.py": HANDLER})

    assert survey(tmp_path).functions[0].handler == "app.handler"


def test_one_dockerfile_for_each_folder(tmp_path: Path) -> None:
    """Without one at the top each folder's own is a function; its context is what fits."""
    put(
        tmp_path,
        {
            "one/Dockerfile": DOCKER,
            "one/app.py": HANDLER,
            "two/Dockerfile": DOCKER.replace("app.py", "two/app.py"),
            "two/app.py": HANDLER,
        },
    )
    found = survey(tmp_path)

    assert [(one.name, one.source) for one in found.functions] == [
        ("one", ("one/app.py",)),
        ("two", ("two/app.py",)),
    ]
    assert found.left == ()


def test_other_dockerfiles_are_named(tmp_path: Path) -> None:
    """The one at the top is read; how to take another one is said."""
    put(tmp_path, {"Dockerfile": DOCKER, "Dockerfile.dev": "FROM x\n", "app.py": HANDLER})
    found = survey(tmp_path)

    assert found.left[0].where == "Dockerfile.dev"
    assert found.left[0].todo.startswith("imagekit init --from Dockerfile.dev")
    assert survey(tmp_path, "Dockerfile.dev").functions[0].base == "x"


def test_an_image_without_a_command_takes_the_only_handler(tmp_path: Path) -> None:
    """The function's own configuration in AWS names it then; here the code does."""
    put(tmp_path, {"Dockerfile": "FROM x/y:1\nCOPY . .\n", "app.py": HANDLER})
    assert survey(tmp_path).functions[0].handler == "app.handler"

    put(tmp_path, {"b.py": HANDLER})
    (found,) = survey(tmp_path).functions
    assert (found.handler, found.others) == (None, ("app.handler", "b.handler"))


def test_coroutines_are_said(tmp_path: Path) -> None:
    """The only thing that looks like a handler is one that Lambda cannot call."""
    put(tmp_path, {"app.py": "async def handler(event, context): pass\n"})
    found = survey(tmp_path)

    assert found.functions[0].handler is None
    assert found.left[0].where == "app.py:1"
    assert "asyncio.run" in found.left[0].todo


def test_applications_that_need_an_adapter(tmp_path: Path) -> None:
    """A web application is one line from a handler: that line is said, until it is there."""
    put(tmp_path, {"app.py": "from fastapi import FastAPI\n\nweb = FastAPI()\n"})
    found = survey(tmp_path)

    assert (found.left[0].where, found.left[0].what) == (
        "app.py:3",
        "web = FastAPI(…) is no handler",
    )
    assert "`handler = Mangum(web)`" in found.left[0].todo
    put(tmp_path, {"app.py": "web = FastAPI()\nhandler = Mangum(web)\n"})
    assert survey(tmp_path).left == ()


def test_settings_that_contradict_each_other(tmp_path: Path) -> None:
    """SnapStart with 2 GB of /tmp would be refused: it is left for a person to decide."""
    text = SAM.replace(
        "}\n", ", SnapStart: {ApplyOn: PublishedVersions}, EphemeralStorage: {Size: 2048}}\n"
    )
    put(tmp_path, {"template.yaml": text, "code/app.py": HANDLER})
    found = survey(tmp_path)

    assert found.functions[0].settings == LambdaSettings(storage=2048)
    assert "SnapStart takes no `storage`" in found.left[0].what


def test_keys_that_would_be_refused(tmp_path: Path) -> None:
    """A name that no shell can set stays out, the rest of the variables stays in."""
    text = DOCKER + "ENV A=1 my.var=2\n"
    put(tmp_path, {"Dockerfile": text, "app.py": HANDLER})
    found = survey(tmp_path)

    assert found.functions[0].env == (("A", "1"),)
    assert found.left[0].what == "env my.var: is not the name of an environment variable"


def test_names_that_differ_in_case_only(tmp_path: Path) -> None:
    """Files and tags do not tell them apart, so one gets a number."""
    other = SAM.partition("\n")[2].replace("  F:", "  f:")
    put(tmp_path, {"template.yaml": SAM + other, "code/app.py": HANDLER})

    assert [one.name for one in survey(tmp_path).functions] == ["F", "f-2"]


def test_locks_are_said(tmp_path: Path) -> None:
    """Which file the packages come from; a kind that imagekit does not read with what to type."""
    put(tmp_path, {"app.py": HANDLER, "requirements.txt": "six\n"})
    assert any(said.where == "requirements.txt" for said in survey(tmp_path).found)

    (tmp_path / "requirements.txt").rename(tmp_path / "Pipfile.lock")
    (left,) = survey(tmp_path).left
    assert left.where == "Pipfile.lock"
    assert "pipenv requirements" in left.todo


def test_a_lock_that_is_found_by_itself_is_not_named(tmp_path: Path) -> None:
    """`lock` is written where the Dockerfile installs from another file than a build would find."""
    text = DOCKER + "RUN pip install -r requirements.txt\n"
    put(tmp_path, {"Dockerfile": text, "app.py": HANDLER, "requirements.txt": ""})
    assert survey(tmp_path).functions[0].lock is None

    put(tmp_path, {"uv.lock": "version = 1\n"})
    assert survey(tmp_path).functions[0].lock == "requirements.txt"


def test_chalice(tmp_path: Path) -> None:
    """Its application is a handler as it is; what differs by stage is named."""
    config = '{"app_name": "shop", "lambda_memory_size": 256, "stages": {"dev": {}}}'
    put(tmp_path, {".chalice/config.json": config, "app.py": "app = Chalice('shop')\n"})
    found = survey(tmp_path)

    (function,) = found.functions
    assert (function.name, function.handler) == ("shop", "app.app")
    assert function.settings.memory == 256
    assert found.left[0].what == "settings of the stages dev"


def test_zappa(tmp_path: Path) -> None:
    """Zappa's handler is its own, so an adapter is named; the code may have a handler besides."""
    put(
        tmp_path, {"zappa_settings.json": '{"dev": {"app_function": "app.app"}}', "app.py": "x=1\n"}
    )
    found = survey(tmp_path)

    assert found.functions[0].handler is None
    assert found.left[-1].what == "stage dev: Zappa calls app.app by its own handler"


@pytest.mark.parametrize("name", ["zappa_settings.json", ".chalice/config.json"])
def test_json_that_does_not_parse(tmp_path: Path, name: str) -> None:
    """The file and the line."""
    put(tmp_path, {name: '{\n"a": }', "app.py": HANDLER})
    with pytest.raises(ConfigError) as caught:
        survey(tmp_path)

    assert caught.value.problems[0].where == f"{name}:2"


def test_found_and_left_are_in_the_order_of_the_files(tmp_path: Path) -> None:
    """Line 9 before line 10, so that a person can read along."""
    lines = "".join(f"EXPOSE {number}\n" for number in range(12))
    put(tmp_path, {"Dockerfile": DOCKER + lines, "app.py": HANDLER})
    found = [left.where for left in survey(tmp_path).left]

    assert found == [f"Dockerfile:{number}" for number in range(4, 16)]


def test_nothing_there(tmp_path: Path) -> None:
    """A folder without code is refused in plain words."""
    with pytest.raises(UsageError, match="nothing to package"):
        survey(tmp_path)
