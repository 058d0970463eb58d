"""Functions of SAM and CloudFormation templates."""

from __future__ import annotations

import pytest

from imagekit.project.config import LambdaSettings
from imagekit.project.survey.values import FunctionFound
from tests.project.survey.kit import left, template

FILES = ("code/app.py", "code/requirements.txt")


def sam(*properties: str, kind: str = "AWS::Serverless::Function", head: str = "") -> str:
    """A template with one function F, whose properties begin in line 5 (after `head`)."""
    lines = [head.rstrip(), "Resources:", "  F:", f"    Type: {kind}", "    Properties:"]
    return "\n".join([*(line for line in lines if line), *(f"      {one}" for one in properties)])


def function(text: str, *files: str, dockerfile: str = "") -> FunctionFound:
    reading = template(text, *(files or FILES), dockerfile=dockerfile)
    assert len(reading.functions) == 1, reading
    return reading.functions[0]


USUAL = ("CodeUri: code/", "Handler: app.handler", "Runtime: python3.13")


def test_a_function() -> None:
    """Where its code is, what Lambda calls, what it runs on, and where all this stands."""
    assert function(sam(*USUAL)) == FunctionFound(
        name="F",
        where="template.yaml:2",
        handler="app.handler",
        python="3.13",
        source=("code/*",),
        settings=LambdaSettings(),
    )


def test_every_setting() -> None:
    """What `deploy` may set is carried over, each under the configuration's own name."""
    found = function(
        sam(
            *USUAL,
            "FunctionName: prod-f",
            "MemorySize: 1024",
            "Timeout: '30'",
            "Description: Greets.",
            "EphemeralStorage: {Size: 2048}",
            "Role: arn:aws:iam::123456789012:role/f",
            "Environment: {Variables: {AA: 1, BB: true, CC: x}}",
            "Layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:x:1']",
            "Architectures: [arm64]",
        )
    )

    assert found.architecture == "arm64"
    assert found.settings == LambdaSettings(
        name="prod-f",
        memory=1024,
        timeout=30,
        storage=2048,
        role="arn:aws:iam::123456789012:role/f",
        description="Greets.",
        layers=("arn:aws:lambda:eu-west-1:123456789012:layer:x:1",),
        env=(("AA", "1"), ("BB", "true"), ("CC", "x")),
    )


def test_snapstart() -> None:
    """`ApplyOn: PublishedVersions` is true; `None` is not said."""
    on = function(sam(*USUAL, "SnapStart: {ApplyOn: PublishedVersions}"))
    off = function(sam(*USUAL, "SnapStart: {ApplyOn: None}"))

    assert (on.settings.snapstart, off.settings.snapstart) == (True, None)


def test_globals() -> None:
    """Tables are merged by entry, lists added, single values replaced, an architecture too."""
    head = """\
Globals:
  Function:
    Runtime: python3.12
    Timeout: 5
    Architectures: [x86_64]
    Layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:x:1']
    Environment: {Variables: {AA: global, BB: global}}
"""
    own = (
        "CodeUri: code",
        "Handler: app.handler",
        "Timeout: 9",
        "Architectures: [arm64]",
        "Layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:y:2']",
        "Environment: {Variables: {BB: own}}",
    )
    found = function(sam(*own, head=head))

    assert (found.python, found.architecture) == ("3.12", "arm64")
    assert found.settings.timeout == 9
    assert dict(found.settings.env or ()) == {"AA": "global", "BB": "own"}
    assert [layer[-3:] for layer in found.settings.layers or ()] == ["x:1", "y:2"]
    plain = function(sam(*USUAL, kind="AWS::Lambda::Function", head=head))
    assert (plain.python, plain.settings.timeout) == ("3.13", None)


@pytest.mark.parametrize(
    ("given", "memory"),
    [
        ("!Ref Memory", 512),
        ("{Ref: Memory}", 512),
        ("!Sub '256'", 256),
        ("!Ref Unknown", None),
        ("!FindInMap [A, B, C]", None),
        ("!Sub '${Memory}'", None),
    ],
)
def test_computed_values(given: str, memory: int | None) -> None:
    """A parameter's default is taken and said; what only a stack knows is left, with its line."""
    head = "Parameters:\n  Memory: {Type: Number, Default: 512}\n"
    reading = template(sam(*USUAL, f"MemorySize: {given}", head=head), *FILES)

    assert reading.functions[0].settings.memory == memory
    assert any("MemorySize of F is computed" in what for what in left(reading).values()) == (
        memory is None
    )


def test_computed_variables_are_named_one_by_one() -> None:
    """Their values never are a parameter's default: they differ by stage."""
    head = "Parameters:\n  Stage: {Type: String, Default: dev}\n"
    properties = (
        "Environment:",
        "  Variables:",
        "    STAGE: !Ref Stage",
        "    TABLE: !GetAtt [T, Arn]",
        "    LEVEL: INFO",
    )
    reading = template(sam(*USUAL, *properties, head=head), *FILES)

    assert reading.functions[0].settings.env == (("LEVEL", "INFO"),)
    assert left(reading) == {
        "12": "variable STAGE of F is computed (!Ref)",
        "13": "variable TABLE of F is computed (!GetAtt)",
    }


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("MemorySize: 64", "memory: 64 must be a whole number of MB from 128 to 10240"),
        ("Timeout: 1000", "timeout: 1000 must be a whole number of seconds from 1 to 900"),
        ("FunctionName: 'a b'", "name: 'a b' is not letters"),
        ("Layers: [not-an-arn]", "layers: 'not-an-arn' is not the ARN"),
        ("Environment: {Variables: {AWS_REGION: x, BB: y}}", "env AWS_REGION: Lambda sets"),
    ],
)
def test_what_the_configuration_would_refuse(line: str, what: str) -> None:
    """Is noted and left out, so that what `init` writes can always be read; the rest stays."""
    reading = template(sam(*USUAL, line, "Description: kept"), *FILES)

    assert left(reading)["2"].startswith(what)
    settings = reading.functions[0].settings
    assert settings.description == "kept"
    assert settings.env in (None, (("BB", "y"),))


@pytest.mark.parametrize(
    ("runtime", "python", "said"),
    [("python3.9", None, "Python 3.9 is not supported"), ("python3.14", "3.14", None)],
)
def test_runtimes(runtime: str, python: str | None, said: str | None) -> None:
    """A Python that is too old is said; which one to take is for a person."""
    reading = template(sam("CodeUri: code", "Handler: app.handler", f"Runtime: {runtime}"), *FILES)

    assert reading.functions[0].python == python
    assert next(iter(left(reading).values()), None) == said


def test_other_languages_are_passed_over() -> None:
    """And said: they stay with the template."""
    reading = template(sam("CodeUri: js", "Handler: a.b", "Runtime: nodejs22.x"))

    assert reading.functions == ()
    assert left(reading) == {"2": "F is nodejs22.x, not Python"}


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("CodeUri: code", ("code/*",)),
        ("CodeUri: ./code/", ("code/*",)),
        ("Code: code", ("code/*",)),
        ("CodeUri: .", (".",)),
        ("Description: none", (".",)),
    ],
)
def test_where_the_code_is(code: str, source: tuple[str, ...]) -> None:
    """A folder relative to the template; without one it is the template's own."""
    text = sam(code, "Handler: app.handler", "Runtime: python3.13")

    assert function(text, "code/app.py", "app.py").source == source


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("CodeUri: gone/", "the code of F is not in a folder here: gone/"),
        ("CodeUri: ../up", "the code of F is not in a folder here: ../up"),
        ("CodeUri: s3://bucket/key", "the code of F is not in a folder here: s3://bucket/key"),
        ("Code: {S3Bucket: b, S3Key: k}", "the code of F is not in a folder here: elsewhere"),
        ("InlineCode: x=1", "the code of F stands in the template"),
        ("Code: {ZipFile: x=1}", "the code of F stands in the template"),
    ],
)
def test_code_that_is_not_here(code: str, what: str) -> None:
    """Is asked for; the function is written all the same."""
    reading = template(sam(code, "Handler: app.handler", "Runtime: python3.13"), *FILES)

    assert what in left(reading).values()
    assert reading.functions[0].source is None


def test_data_beside_the_template() -> None:
    """`CodeUri: .` brings data, too; some of it is named, papers are not."""
    text = sam("CodeUri: .", "Handler: app.handler", "Runtime: python3.13")
    files = ("app.py", "template.yaml", "rules.json", "models/a.bin", "README.md", "events/x.json")
    reading = template(text, *files)

    assert left(reading)["5"].endswith("not models/, rules.json")


def test_a_handler_of_a_package() -> None:
    """A handler whose file is not here may be a package's: written, and said."""
    text = sam("CodeUri: code", "Handler: datadog_lambda.handler.handler", "Runtime: python3.13")
    reading = template(text, *FILES)

    assert reading.functions[0].handler == "datadog_lambda.handler.handler"
    assert left(reading)["6"].endswith("there is no code/datadog_lambda/handler.py")


def test_an_image() -> None:
    """`PackageType: Image` is read from the Dockerfile of its context; its own command wins."""
    text = sam(
        "PackageType: Image",
        "MemorySize: 2048",
        "ImageConfig: {Command: [app.other]}",
        "Layers: [x]",
    )
    text += "\n    Metadata: {DockerContext: ./code, Dockerfile: Dockerfile.prod}"
    dockerfile = "FROM public.ecr.aws/lambda/python:3.12-arm64\nCOPY app.py .\nCMD app.handler\n"
    found = function(text, *FILES, "code/Dockerfile.prod", dockerfile=dockerfile)

    assert (found.packaging, found.handler, found.source) == (
        "image",
        "app.other",
        ("code/app.py",),
    )
    assert (found.python, found.architecture) == ("3.12", "arm64")
    assert (found.settings.memory, found.settings.layers) == (2048, None)


def test_an_image_from_elsewhere() -> None:
    """Without its Dockerfile only the type and the settings are known."""
    reading = template(sam("PackageType: Image", "ImageUri: acme.example/x:1", "Timeout: 9"))

    found = reading.functions[0]
    assert (found.packaging, found.handler, found.settings.timeout) == ("image", None, 9)
    assert left(reading)["2"] == "F is an image, and there is no Dockerfile"


def test_what_stays_with_the_template() -> None:
    """Events, policies and a computed role go on being made by it."""
    reading = template(
        sam(*USUAL, "Events: {}", "Role: !GetAtt R.Arn", "Policies: []", "Tracing: Active"), *FILES
    )

    assert left(reading) == {"2": "Events, Policies, Role, Tracing of F"}


def test_a_template_of_other_things() -> None:
    """No function, nothing to say."""
    assert template("Resources:\n  T: {Type: AWS::DynamoDB::Table}\n").functions == ()
