"""`imagekit init`, then `plan` and `build` with nothing edited, on projects as people have them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli

from tests.e2e.five import environ, uv
from tests.e2e.projects import Project, built_files, read_config
from tests.e2e.shapes import IMAGES, PYTHON, ZIPS, Shape, handler, project
from tests.locks.written import file_of, package, poetry_lock
from tests.project.trees import put
from tests.services.cli import Done, imagekit, succeeded
from tests.services.images import layer_of, put_image
from tests.services.index import Index
from tests.services.needs import leave_out


@pytest.fixture
def make(tmp_path: Path, index: Index, uv_cache: Path) -> Callable[[Shape], Project]:
    """Puts a shape into a folder called `project`, its packages on loopback."""

    def made(shape: Shape) -> Project:
        folder = put(tmp_path / "project", shape.files)
        env = environ(index, uv_cache)
        if shape.uv_lock:
            uv("lock", folder=folder, env=env)
        return Project(folder=folder, env=env)

    return made


def written(found: Project, shape: Shape, done: Done) -> dict[str, dict[str, object]]:
    """The functions that `init` wrote, after holding what every run of it has in common."""
    assert done.stdout == f"{shape.written}\n"
    assert done.stderr.rstrip().endswith("next: imagekit plan"), done.stderr
    for line in shape.left:
        assert line in done.stderr, done.stderr
    path = found.folder / shape.written
    text = path.read_text(encoding="utf-8")
    assert text.startswith(shape.files.get(shape.written, "")), "the rest is left as it was"
    content = tomli.loads(text)
    mine = content["tool"]["imagekit"] if path.name == "pyproject.toml" else content
    assert mine["architecture"]
    assert {name: one["handler"] for name, one in mine["functions"].items()} == shape.functions
    return dict(mine["functions"])


@pytest.mark.parametrize("shape", ZIPS.values(), ids=ZIPS)
def test_init_plan_build(make: Callable[[Shape], Project], shape: Shape) -> None:
    """What `init` writes can be planned and built as it is; each ZIP holds code and packages."""
    found = make(shape)
    written(found, shape, succeeded(found.run("init")))
    plan = json.loads(succeeded(found.run("plan", "--json")).stdout)["functions"]
    built = json.loads(succeeded(found.run("build", "--packaging", "zip", "--json")).stdout)

    assert [one["name"] for one in plan] == list(shape.functions)
    packages = {each.split()[0] for layer in plan[0]["layers"] for each in layer["packages"]}
    assert packages == set(shape.packages)
    for one in built["functions"]:
        with zipfile.ZipFile(found.folder / one["path"]) as archive:
            assert set(shape.inside) <= set(archive.namelist())


def test_poetry(make: Callable[[Shape], Project], wheels: Path) -> None:
    """A poetry project: its `python` decides, its lock is read, nothing is edited."""
    text = (
        '[tool.poetry]\nname = "orders"\nversion = "1.0"\npackages = [{ include = "orders" }]\n\n'
        f'[tool.poetry.dependencies]\npython = "~{PYTHON}"\ndemo = "*"\n'
    )
    demo = package("demo", files=[file_of(next(wheels.glob("demo-*")))])
    shape = Shape(
        files={
            "pyproject.toml": text,
            "poetry.lock": poetry_lock(text, demo, pythons=f"~{PYTHON}"),
            "orders/__init__.py": "",
            "orders/main.py": handler("lambda_handler"),
        },
        functions={"orders": "orders.main.lambda_handler"},
        written="pyproject.toml",
        inside=("orders/main.py", "demo/__init__.py"),
    )
    found = make(shape)
    done = succeeded(found.run("init"))
    written(found, shape, done)
    assert "poetry.lock" in done.stderr
    built = found.build("--packaging", "zip")

    with zipfile.ZipFile(found.folder / built["path"]) as archive:
        assert set(shape.inside) <= set(archive.namelist())


def test_sam_settings_are_carried_over(make: Callable[[Shape], Project]) -> None:
    """Memory, timeout, architecture and variables of the template; its own lock for each folder."""
    shape = ZIPS["SAM"]
    found = make(shape)
    functions = written(found, shape, succeeded(found.run("init")))

    assert functions["Hello"]["lambda"] == {
        "memory": 512,
        "timeout": 10,
        "env": {"LOG_LEVEL": "INFO"},
    }
    assert functions["Hello"]["lock"] == "hello_world/requirements.txt"
    assert "lock" not in functions["Goodbye"]
    top = tomli.loads((found.folder / "imagekit.toml").read_text(encoding="utf-8"))
    assert (top["architecture"], top["base"]) == ("arm64", f"python{PYTHON}")


def test_members_of_a_workspace_get_their_own_packages(make: Callable[[Shape], Project]) -> None:
    """A function in a member's folder gets that member's part of the lock, no other one's."""
    shape = ZIPS["uv workspace"]
    found = make(shape)
    functions = written(found, shape, succeeded(found.run("init")))
    plan = json.loads(succeeded(found.run("plan", "--json")).stdout)["functions"]

    assert [functions[name]["member"] for name in ("alpha", "beta")] == ["alpha", "beta"]
    assert [bool(one["layers"][:-1]) for one in plan] == [True, False]


@pytest.fixture
def aws(registry: str, aws_base: str, tmp_path: Path) -> dict[str, str]:
    """AWS's base and Datadog's extension under their own names, from the registry on loopback."""
    layer = layer_of({"opt/extensions/datadog-agent": b"#!/bin/sh\nexit 0\n"}, tmp_path)
    put_image(registry, "datadog/lambda-extension:83", [layer], {})
    assert aws_base == f"{registry}/lambda/python:3.13"
    return {"IMAGEKIT_REGISTRY_ENDPOINTS": f"public.ecr.aws=http://{registry}"}


@pytest.mark.parametrize("shape", IMAGES.values(), ids=IMAGES)
def test_dockerfile(
    make: Callable[[Shape], Project], aws: dict[str, str], index: Index, shape: Shape
) -> None:
    """A Dockerfile becomes an image without Docker: base, code, packages, settings, extension."""
    found = make(shape).with_env(**aws)
    functions = written(found, shape, succeeded(found.run("init")))
    succeeded(found.run("plan"))
    done = found.run("build", "--json")
    if "needs a CPython" in done.stderr:
        leave_out("CPython 3.13", "none is installed, and uv cannot install one")
    built = json.loads(succeeded(done).stdout)["functions"][0]

    layout = Path(found.folder, built["path"])
    assert set(shape.inside) <= set(built_files(layout))
    config = read_config(layout)["config"]
    (function,) = functions.values()
    assert config["Cmd"] == [function["handler"]]
    wanted = function.get("env")
    assert isinstance(wanted, dict)
    assert {f"{name}={value}" for name, value in wanted.items()} <= set(config["Env"])
    if "extensions" in function:
        assert function["extensions"] == ["public.ecr.aws/datadog/lambda-extension:83"]


def test_a_line_to_write(make: Callable[[Shape], Project]) -> None:
    """Where no handler is found, the configuration says which line to write; then it builds."""
    shape = Shape(
        files={"app.py": "def work(x):\n    return x\n", ".python-version": PYTHON}, functions={}
    )
    found = make(shape)
    done = succeeded(found.run("init"))
    assert "next: write the handler of project in it, then imagekit plan" in done.stderr
    refused = found.run("plan")
    assert refused.returncode == 2
    assert "functions.project.handler: is missing" in refused.stderr
    found.replace('# handler = "package.module.function"', 'handler = "app.work"')

    assert found.build()["packaging"] == "zip"


def test_json(make: Callable[[Shape], Project]) -> None:
    """One document for a program: what was written, found and left, each with its place."""
    found = make(ZIPS["SAM"])
    answer = json.loads(succeeded(found.run("init", "--json")).stdout)

    assert answer["path"] == "imagekit.toml"
    assert [one["name"] for one in answer["functions"]] == ["Hello", "Goodbye"]
    assert {"where", "what", "todo"} == set(answer["left"][0])


def ends(done: Done, *words: str) -> None:
    """Exit 2, the words and a hint on stderr, nothing on stdout."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in (*words, "hint: "):
        assert word in done.stderr, done.stderr


BAD: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "template that is not YAML": (
        {"template.yaml": "Resources:\n  a: [\n", "app.py": handler()},
        ("template.yaml:3", "not YAML", "correct line 3"),
    ),
    "two templates": (
        {
            "template.yaml": ZIPS["SAM"].files["template.yaml"],
            "serverless.yml": ZIPS["Serverless"].files["serverless.yml"],
        },
        ("template.yaml and serverless.yml both describe", "imagekit init --from template.yaml"),
    ),
    "Dockerfile that does not parse": (
        {"Dockerfile": "FROM x\nCOPPY . .\nRUN <<EOF\nls\n", "app.py": handler()},
        ("Dockerfile:2: 'COPPY' is no instruction", "Dockerfile:3: the heredoc <<EOF", "line 2"),
    ),
    "pyproject that is not TOML": (
        {"pyproject.toml": "[project\n", "app.py": handler()},
        ("pyproject.toml:1", "not TOML"),
    ),
    "pyproject that is not UTF-8": (
        {"pyproject.toml": "name = '\udce4'\n", "app.py": handler()},
        ("pyproject.toml", "is not UTF-8"),
    ),
    "pyproject to which nothing can be added": (
        {"pyproject.toml": "tool = { x = 1 }\n", "app.py": handler()},
        ("inline table", "[tool.NAME]"),
    ),
    "nothing there": ({"notes.txt": "x\n"}, ("there is nothing to package", "app.py")),
    "our own file": (
        {"imagekit.toml": "", "app.py": handler()},
        ("imagekit.toml holds a configuration already", "imagekit plan"),
    ),
    "our own table": (
        {"pyproject.toml": "[tool.imagekit]\nbase = 'x'\n", "app.py": handler()},
        ("pyproject.toml holds a configuration already",),
    ),
}


@pytest.mark.parametrize(("files", "words"), BAD.values(), ids=BAD)
def test_bad_input(tmp_path: Path, files: dict[str, str], words: tuple[str, ...]) -> None:
    """Every problem with its file and line, what to type, exit 2; and nothing is written."""
    folder = put(
        tmp_path / "project",
        {name: text.encode(errors="surrogateescape") for name, text in files.items()},
    )
    before = {path: path.read_bytes() for path in folder.rglob("*")}

    ends(imagekit("init", cwd=folder), *words)
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before


def test_from_takes_one_file(tmp_path: Path) -> None:
    """`--from` decides between two descriptions; what is none is refused by its name."""
    files = {**BAD["two templates"][0], **ZIPS["Serverless"].files, "notes.yaml": "a: 1\n"}
    folder = put(tmp_path / "project", files)

    ends(imagekit("init", "--from", "missing.yaml", cwd=folder), "no file missing.yaml")
    ends(imagekit("init", "--from", "notes.yaml", cwd=folder), "describes no Python function")
    done = succeeded(imagekit("init", "--from", "serverless.yml", cwd=folder))
    assert "hello: functions/hello/handler.main" in done.stderr


def test_a_handler_that_is_not_there(tmp_path: Path) -> None:
    """A template's stale handler is written and said with its line; `plan` then refuses it."""
    text = ZIPS["SAM"].files["template.yaml"].replace("app.lambda_handler", "app.gone", 1)
    folder = put(tmp_path / "project", {**ZIPS["SAM"].files, "template.yaml": text})
    (folder / "hello_world/app.py").rename(folder / "hello_world/other.py")
    done = succeeded(imagekit("init", cwd=folder))

    assert "template.yaml:17: Handler app.gone: there is no hello_world/app.py" in done.stderr
    (folder / "hello_world/requirements.txt").write_text("", encoding="utf-8")
    ends(imagekit("plan", "Hello", cwd=folder), "there is no app.py in the source")


def test_project_option(tmp_path: Path) -> None:
    """`--project` says where; the path on stdout leads there from here. No folder: exit 2."""
    put(tmp_path, {"inner/app.py": "def handler(event, context): return 1\n"})
    ends(imagekit("init", "--project", "nowhere", cwd=tmp_path), "there is no folder nowhere")
    done = succeeded(imagekit("init", "--project", "inner", cwd=tmp_path))

    assert (tmp_path / done.stdout.strip()).is_file()
    above = succeeded(imagekit("init", cwd=put(tmp_path / "inner/deeper", {"a.py": handler()})))
    assert "imagekit.toml has a configuration, too" in above.stderr


def test_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    """Byte for byte, with its line ends, its mode and, where it is a link, the link."""
    old = project("linked").replace("\n", "\r\n").encode().rstrip()
    real = put(tmp_path, {"real.toml": old, "project/app.py": handler()}) / "real.toml"
    real.chmod(0o640)
    link = tmp_path / "project/pyproject.toml"
    link.symlink_to(real)
    succeeded(imagekit("init", cwd=link.parent))

    assert link.is_symlink()
    assert real.read_bytes().startswith(old + b"\r\n\r\n# Functions")
    assert b"\n" not in real.read_bytes().replace(b"\r\n", b"")
    assert real.stat().st_mode & 0o777 == 0o640


def test_build_without_a_configuration_says_init(tmp_path: Path) -> None:
    """The first thing that a newcomer may type tells the first thing to type."""
    ends(imagekit("build", cwd=tmp_path), "hint: imagekit init ")
