"""Functions of a serverless.yml."""

from __future__ import annotations

import pytest

from imagekit.project.config import LambdaSettings
from imagekit.project.survey.values import FunctionFound
from tests.project.survey.kit import left, serverless

FILES = ("src/app.py", "src/__init__.py", "lib/__init__.py", "data/a.json", "package.json")


def service(*lines: str, function: tuple[str, ...] = ("handler: src/app.handler",)) -> str:
    """A service of one function `f` on Python 3.13."""
    head = ["service: s", "provider:", "  name: aws", "  runtime: python3.13", "functions:", "  f:"]
    return "\n".join([*head, *(f"    {line}" for line in function), *lines])


def one(text: str, *files: str) -> FunctionFound:
    reading = serverless(text, *(files or FILES))
    assert len(reading.functions) == 1, reading
    return reading.functions[0]


def test_a_function() -> None:
    """Handler as it stands, all modules and packages, and the framework's own defaults."""
    assert one(service()) == FunctionFound(
        name="f",
        where="serverless.yml:6",
        handler="src/app.handler",
        python="3.13",
        source=(".",),
        settings=LambdaSettings(memory=1024, timeout=6),
    )


def test_the_provider_is_overridden() -> None:
    """What stands in the function wins; variables are merged."""
    text = service(
        function=(
            "handler: src/app.handler",
            "runtime: python3.12",
            "memorySize: 256",
            "architecture: arm64",
            "ephemeralStorageSize: 1024",
            "name: real-name",
            "description: Does it.",
            "snapStart: true",
            "environment: {BB: own}",
        )
    ).replace("name: aws", "name: aws\n  timeout: 30\n  environment: {AA: 1, BB: shared}")
    found = one(text)

    assert (found.python, found.architecture) == ("3.12", "arm64")
    assert found.settings == LambdaSettings(
        name="real-name",
        memory=256,
        timeout=30,
        storage=1024,
        description="Does it.",
        snapstart=True,
        env=(("AA", "1"), ("BB", "own")),
    )


@pytest.mark.parametrize(
    ("value", "memory"),
    [
        ("${self:custom.memory}", 256),
        ("${self:custom.alias}", 256),
        ("${self:custom.none, 128}", 128),
        ("${self:custom.none, '129'}", 129),
        ("${opt:memory, 130}", 130),
        ("${env:MEMORY}", 1024),
        ("${self:custom.loop}", 1024),
        ("${file(x.yml):m}", 1024),
    ],
)
def test_variables(value: str, memory: int) -> None:
    """`${self:…}` and literal defaults are put in; anything else is left, with its line."""
    custom = (
        "custom:",
        "  memory: 256",
        "  alias: ${self:custom.memory}",
        "  loop: ${self:custom.loop}",
    )
    text = service(*custom, function=("handler: src/app.handler", f"memorySize: {value}"))
    reading = serverless(text, *FILES)

    assert reading.functions[0].settings.memory == memory
    assert ("8" in left(reading)) == (memory == 1024)


def test_variables_of_a_stage_are_not_guessed() -> None:
    """A default is right for memory, but an environment differs by stage."""
    text = service(
        "custom: {x: y}",
        function=(
            "handler: src/app.handler",
            "environment:",
            "  AA: ${self:custom.x}",
            "  BB: ${opt:stage, 'dev'}",
            "  CC: !Ref Table",
        ),
    )
    reading = serverless(text, *FILES[:3])

    assert dict(reading.functions[0].settings.env or ()) == {"AA": "y"}
    assert left(reading) == {
        "10": "variable BB of f is computed",
        "11": "variable CC of f is computed",
    }


@pytest.mark.parametrize(
    ("patterns", "source", "include", "exclude"),
    [
        (["!node_modules/**", "!.git/**"], (".",), (), ()),
        (["!docs/**", "!**/*.md"], (".",), (), ("docs/**", "**/*.md")),
        (["data/**"], (".",), ("data/**",), ()),
        (["!**", "src/**"], ("src",), (), ()),
        (["!./**", "src/**", "data/a.json"], ("src",), ("data/a.json",), ()),
        (["src/**/*.py"], (".", "src"), (), ()),
    ],
)
def test_patterns(
    patterns: list[str], source: tuple[str, ...], include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    """`!…` is `exclude`, data `include`, code `source`; after `!**` only what is named goes in."""
    text = service("package:", "  patterns:", *(f"    - '{pattern}'" for pattern in patterns))
    found = one(text)

    assert (found.source, found.include, found.exclude) == (source, include, exclude)


def test_old_words_of_packaging() -> None:
    """`include` and `exclude`, and the function's own behind the service's."""
    text = service(
        "package: {exclude: [docs/**]}",
        function=("handler: src/app.handler", "package: {include: [data/a.json]}"),
    )
    found = one(text, *FILES, "docs/x.md")

    assert (found.include, found.exclude) == (("data/a.json",), ("docs/**",))


def test_patterns_that_cannot_be_said() -> None:
    """What is taken out and back in is left, as `exclude` always wins; so is what is not there."""
    text = service("package:", "  patterns: ['!data/**', 'data/a.json', 'gone/**']")
    reading = serverless(text, *FILES)

    assert reading.functions[0].exclude == ()
    assert reading.functions[0].include == ("data/a.json",)
    assert sorted(one.what for one in reading.left) == [
        "!data/** is taken back in part by data/a.json",
        "pattern gone/** matches nothing here",
    ]


def test_a_handler_in_a_folder_of_folders() -> None:
    """`.` leaves out folders with no module right in them, so the handler's is named."""
    text = service(function=("handler: functions/hello/app.main",))

    assert one(text, "functions/hello/app.py").source == ("functions",)
    assert one(text, "functions/hello/app.py", "lib.py").source == (".", "functions")


def test_a_handler_that_is_not_here() -> None:
    """Written, and said with its line."""
    reading = serverless(service(function=("handler: gone.handler",)), *FILES)

    assert reading.functions[0].handler == "gone.handler"
    assert left(reading)["6"] == "handler gone.handler: there is no gone.py"


def test_images_and_other_languages() -> None:
    """An image's Dockerfile is not named in the file; another language is not ours."""
    image = serverless(service(function=("image: {name: x, command: [app.handler]}",)), *FILES)
    assert (image.functions[0].packaging, image.functions[0].handler) == ("image", "app.handler")
    assert "imagekit init --from Dockerfile" in image.left[0].todo

    js = serverless(service(function=("handler: a.b", "runtime: nodejs22.x")), *FILES)
    assert (js.functions, left(js)) == ((), {"6": "f is nodejs22.x, not Python"})


def test_functions_elsewhere() -> None:
    """A list of maps is read; a file that they stand in is named."""
    listed = "service: s\nprovider: {name: aws, runtime: python3.13}\nfunctions:\n"
    reading = serverless(listed + "  - a: {handler: src/app.a}\n  - ${file(b.yml)}\n", *FILES)

    assert [found.name for found in reading.functions] == ["a"]
    assert left(reading)["5"] == "functions stand elsewhere: ${file(b.yml)}"


def test_what_stays_with_the_framework() -> None:
    """Events, resources, and a plugin whose work imagekit does itself."""
    text = service(
        "custom: {pythonRequirements: {slim: true}}",
        "resources: {Resources: {}}",
        function=("handler: src/app.handler", "events: []", "vpc: {}"),
    )

    assert left(serverless(text, *FILES[:-2])) == {
        "6": "events, vpc of f",
        "10": "custom.pythonRequirements (slim)",
        "11": "resources",
    }
