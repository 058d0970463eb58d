"""Reading the configuration: what is taken, what is refused, and how it is said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError, UsageError
from imagekit.model.packaging import PACKAGINGS
from imagekit.project.config import FunctionConfig, LambdaSettings, ProjectConfig
from imagekit.project.config_lambda import RESERVED
from imagekit.project.read_config import load
from tests.project.trees import put

HELLO = """
[tool.imagekit.functions.hello]
handler = "app.handler"
"""


def loaded(tmp_path: Path, text: str, *names: str, file: str = "pyproject.toml") -> ProjectConfig:
    put(tmp_path, {file: text})
    return load(tmp_path, names, version="0.1.0")


def only(tmp_path: Path, text: str) -> FunctionConfig:
    (function,) = loaded(tmp_path, text).functions
    return function


def refused(tmp_path: Path, text: str, *names: str, file: str = "pyproject.toml") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, *names, file=file)
    return caught.value


def told(error: ConfigError) -> dict[str, str]:
    return {problem.where: problem.what for problem in error.problems}


def hello(**keys: str) -> str:
    return HELLO + "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in keys.items())


def in_function(tmp_path: Path, line: str) -> str:
    """What is said of one wrong line in a function; nothing else may be wrong."""
    (problem,) = refused(tmp_path, f"{HELLO}{line}\n").problems
    key = line.partition("=")[0].strip()
    assert problem.where == f"pyproject.toml: tool.imagekit.functions.hello.{key}"
    return problem.what


def test_left_out_keys_have_their_defaults(tmp_path: Path) -> None:
    """Left out: packaging auto, architecture x86_64, bytecode true; everything else is unsaid."""
    assert only(tmp_path, HELLO) == FunctionConfig(
        name="hello",
        handler="app.handler",
        root=tmp_path,
        where="pyproject.toml: tool.imagekit.functions.hello",
        source=None,
        base=None,
        python=None,
        architectures=("x86_64",),
        packaging="auto",
        bytecode=True,
        settings=LambdaSettings(),
    )


def test_every_key_is_read(tmp_path: Path) -> None:
    """Each key of design.md that has an effect arrives in the function's value."""
    put(tmp_path, {"locks/uv.lock": ""})
    text = """
[tool.imagekit]
base = "python3.13"
python = "3.13"
architecture = ["arm64", "x86_64"]
repository = "team/{function}"
packaging = "image"
bytecode = false
bucket = "team-artefacts"
lock = "locks/uv.lock"
required-version = ">=0.1"

[tool.imagekit.functions.Scoring]
handler = "scoring/app.handler"
source = ["src/scoring"]
include = ["models/*.joblib"]
exclude = ["**/*.csv"]
groups = ["ml"]
extras = ["fast"]
member = "scoring"
env = { LOG_LEVEL = "INFO" }
labels = { team = "risk" }
extensions = ["registry.example/agent:83"]

[tool.imagekit.functions.Scoring.lambda]
name = "scoring-prod"
memory = 1024
timeout = 30
storage = 512
role = "arn:aws:iam::123456789012:role/scoring"
description = "scores"
snapstart = true
env = { STAGE = "prod" }
"""

    assert only(tmp_path, text) == FunctionConfig(
        name="Scoring",
        handler="scoring/app.handler",
        root=tmp_path,
        where="pyproject.toml: tool.imagekit.functions.Scoring",
        source=("src/scoring",),
        include=("models/*.joblib",),
        exclude=("**/*.csv",),
        groups=("ml",),
        extras=("fast",),
        member="scoring",
        env=(("LOG_LEVEL", "INFO"),),
        labels=(("com.amazonaws.lambda.feature.snapstart", "Allow"), ("team", "risk")),
        extensions=("registry.example/agent:83",),
        base="python3.13",
        python="3.13",
        architectures=("x86_64", "arm64"),
        repository="team/scoring",
        packaging="image",
        bytecode=False,
        bucket="team-artefacts",
        lock=tmp_path / "locks/uv.lock",
        settings=LambdaSettings(
            name="scoring-prod",
            memory=1024,
            timeout=30,
            storage=512,
            role="arn:aws:iam::123456789012:role/scoring",
            description="scores",
            snapstart=True,
            env=(("STAGE", "prod"),),
        ),
    )


def test_imagekit_toml_has_the_same_keys_at_its_top(tmp_path: Path) -> None:
    """`imagekit.toml` says the same without the `tool.imagekit` in front, in errors too."""
    text = 'packaging = "zip"\n[functions.hello]\nhandler = "app.handler"\n'
    project = loaded(tmp_path, text, file="imagekit.toml")

    assert project.path == tmp_path / "imagekit.toml"
    assert project.functions[0].packaging == "zip"
    error = refused(tmp_path, text + "memory = 1\n", file="imagekit.toml")
    assert [problem.where for problem in error.problems] == [
        "imagekit.toml: functions.hello.memory"
    ]


def test_a_function_wins_over_the_project(tmp_path: Path) -> None:
    """Keys of the project hold for every function; the function's own win, tables by entry."""
    text = """
[tool.imagekit]
packaging = "zip"
architecture = "arm64"
bytecode = false
exclude = ["*.csv"]
env = { A = "project", B = "project" }
labels = { team = "project", tier = "one" }
lambda = { memory = 512, timeout = 9, env = { A1 = "project", B1 = "project" } }

[tool.imagekit.functions.plain]
handler = "app.handler"

[tool.imagekit.functions.own]
handler = "app.handler"
packaging = "image"
architecture = "x86_64"
bytecode = true
exclude = []
env = { B = "own" }
labels = { team = "own" }
lambda = { memory = 1024, env = { B1 = "own" } }
"""
    plain, own = loaded(tmp_path, text).functions

    assert (plain.packaging, plain.architectures, plain.bytecode) == ("zip", ("arm64",), False)
    assert plain.exclude == ("*.csv",)
    assert (own.packaging, own.architectures, own.bytecode) == ("image", ("x86_64",), True)
    assert own.exclude == ()
    assert own.env == (("A", "project"), ("B", "own"))
    assert own.labels == (("team", "own"), ("tier", "one"))
    assert own.settings == LambdaSettings(
        memory=1024, timeout=9, env=(("A1", "project"), ("B1", "own"))
    )


def test_the_functions_extensions_replace_the_projects(tmp_path: Path) -> None:
    """A list wins whole, so that an empty one takes all of them away."""
    text = """
[tool.imagekit]
extensions = ["x.io/a:1"]

[tool.imagekit.functions.plain]
handler = "app.handler"

[tool.imagekit.functions.own]
handler = "app.handler"
extensions = ["x.io/b:1", "x.io/c:1"]

[tool.imagekit.functions.none]
handler = "app.handler"
extensions = []
"""
    found = [function.extensions for function in loaded(tmp_path, text).functions]

    assert found == [("x.io/a:1",), ("x.io/b:1", "x.io/c:1"), ()]


def test_a_zip_takes_no_extensions(tmp_path: Path) -> None:
    """Nor where the project's list reaches a function that is a ZIP; said with what to write."""
    text = f'[tool.imagekit]\nextensions = ["x.io/a:1"]\n{HELLO}packaging = "zip"\n'
    error = refused(tmp_path, text)

    assert told(error) == {
        "pyproject.toml: tool.imagekit.functions.hello.extensions": (
            "are layers of an image; a ZIP takes extensions as Lambda layers"
        )
    }
    assert error.hint is not None
    assert "lambda.layers" in error.hint


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Every problem of the file is told in one go, each with file and key path."""
    text = """
[tool.imagekit]
python = "2.7"
slim = "least"

[tool.imagekit.functions.one]
handler = "app"
env = { AWS_REGION = "here" }

[tool.imagekit.functions.two]
handler = "app.handler"
lambda = { memory = 64 }
"""
    at = "pyproject.toml: tool.imagekit"

    assert set(told(refused(tmp_path, text, "three"))) == {
        f"{at}.python",
        f"{at}.slim",
        f"{at}.functions",
        f"{at}.functions.one.handler",
        f"{at}.functions.one.env.AWS_REGION",
        f"{at}.functions.two.lambda.memory",
    }


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    """A misspelt key is a problem, and the hint is the rename to type."""
    error = refused(tmp_path, hello(handlr='"x.y"'))

    assert told(error) == {
        "pyproject.toml: tool.imagekit.functions.hello.handlr": (
            "unknown key; did you mean `handler`?"
        )
    }
    assert error.hint == "rename `handlr` to `handler` in pyproject.toml"


def test_an_unknown_key_like_no_other_lists_the_known_ones(tmp_path: Path) -> None:
    """Where nothing is near, all that is known here is listed."""
    assert "known here: " in in_function(tmp_path, "zzzzzz = 1")
    assert "handler" in in_function(tmp_path, "zzzzzz = 1")


@pytest.mark.parametrize("key", ["engine"])
def test_a_key_without_an_effect_yet_is_refused(tmp_path: Path, key: str) -> None:
    """What this version would ignore is refused in plain words instead."""
    error = refused(tmp_path, f"[tool.imagekit]\n{key} = []\n{HELLO}")

    assert told(error) == {f"pyproject.toml: tool.imagekit.{key}": "is not supported yet"}
    assert error.hint == f"remove `{key}` from pyproject.toml"


@pytest.mark.parametrize("packaging", PACKAGINGS)
def test_every_packaging_is_a_word_of_the_configuration(tmp_path: Path, packaging: str) -> None:
    """The key takes the same words as the option."""
    found = only(tmp_path, hello(packaging=f'"{packaging}"'))

    assert found.packaging == packaging


@pytest.mark.parametrize("key", ["functions", "workspace", "stages", "bases", "required-version"])
def test_keys_of_the_project_alone_are_unknown_in_a_function(tmp_path: Path, key: str) -> None:
    """Every key but these may also stand in a function."""
    assert in_function(tmp_path, f"{key} = []").startswith("unknown key")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('python = "3.10"', "'3.10' is not supported; known: 3.11, 3.12, 3.13, 3.14"),
        ("python = 3.13", "3.13 must be text"),
        ('python = "3.13.5"', "'3.13.5' is not supported; known: 3.11, 3.12, 3.13, 3.14"),
        ('architecture = "aarch64"', "'aarch64' is not known; known: x86_64, arm64"),
        ('architecture = ["arm64", "x86"]', "'x86' is not known; known: x86_64, arm64"),
        ("architecture = []", "must name each architecture once, and at least one"),
        ('architecture = ["arm64", "arm64"]', "must name each architecture once, and at least one"),
        (
            'packaging = "rpm"',
            "'rpm' is not known; known: auto, image, zip, zip-layers, zip-nested, zip-s3",
        ),
        ('bytecode = "yes"', "'yes' must be true or false"),
        ('base = ""', "must not be empty"),
        ("base = 3", "3 must be text"),
        ('lock = "uv.lock"', "there is no file 'uv.lock'"),
        ('source = "src/x"', "must be a list of strings"),
        ('groups = [""]', "every item must be a string that is not empty"),
        ('source = ["/src"]', "'/src' must be relative to the configuration's folder"),
        ('source = ["C:/src"]', "'C:/src' must be relative to the configuration's folder"),
        ("source = ['src\\x']", "'src\\\\x' must be written with `/`"),
        ('include = ["../x"]', "'../x' climbs out of the project"),
        ('exclude = ["!x"]', "'!x': `!` is not known here; use `include`"),
        ('repository = "Team/x"', "'Team/x' is not a repository: not an image reference: 'Team/x'"),
        ('repository = "{stage}/x"', "{stage} is not known; known: {function}"),
        ('env = "A=1"', "must be a table"),
        ("lambda = 1", "must be a table"),
        ('extensions = "a/b:1"', "must be a list of strings"),
        ('extensions = ["A/b:1"]', "'A/b:1' is not an image reference"),
        ('extensions = ["x.io/a:1", "x.io/a:2"]', "names x.io/a twice"),
    ],
)
def test_a_wrong_value_is_said_in_words(tmp_path: Path, line: str, said: str) -> None:
    """A value that cannot be used is named with what could be."""
    assert in_function(tmp_path, line) == said


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ("memory = 127", "memory", "127 must be a whole number of MB from 128 to 10240"),
        ("memory = 10241", "memory", "10241 must be a whole number of MB from 128 to 10240"),
        ("memory = true", "memory", "True must be a whole number of MB from 128 to 10240"),
        ("timeout = 0", "timeout", "0 must be a whole number of seconds from 1 to 900"),
        ("timeout = 901", "timeout", "901 must be a whole number of seconds from 1 to 900"),
        ("storage = 511", "storage", "511 must be a whole number of MB from 512 to 10240"),
        (
            'role = "scoring"',
            "role",
            "'scoring' is not a role's ARN: arn:aws:iam::ACCOUNT:role/NAME",
        ),
        (
            'name = "a b"',
            "name",
            "'a b' is not letters, digits, `-` and `_`, at most 64",
        ),
        ("snapstart = 1", "snapstart", "1 must be true or false"),
        (
            f"description = '{'x' * 257}'",
            "description",
            "has 257 characters; Lambda takes at most 256",
        ),
        ('layers = ["x"]', "layers", "'x' is not the ARN of a layer's version"),
        (
            f'env = {{ AA = "{"x" * 4096}" }}',
            "env",
            "is 4105 bytes of JSON; Lambda takes at most 4096",
        ),
        ('env = { A = "x" }', "env.A", "is not the name of an environment variable"),
        (
            'env = { AWS_REGION = "x" }',
            "env.AWS_REGION",
            "Lambda sets this variable itself; it is reserved",
        ),
    ],
)
def test_lambda_settings_stay_within_what_lambda_takes(
    tmp_path: Path, line: str, where: str, said: str
) -> None:
    """The ranges and shapes of Lambda's API hold for `functions.NAME.lambda`."""
    error = refused(tmp_path, f"{HELLO}[tool.imagekit.functions.hello.lambda]\n{line}\n")

    assert told(error) == {f"pyproject.toml: tool.imagekit.functions.hello.lambda.{where}": said}


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("lambda = { snapstart = true, storage = 1024 }", "snapstart"),
        ('python = "3.11"\nlambda = { snapstart = true }', "snapstart"),
        (
            'packaging = "image"\n'
            'lambda = { layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:x:1"] }',
            "layers",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_refused(tmp_path: Path, lines: str, key: str) -> None:
    """What Lambda refuses together (R12, R13) is refused here, though each is fine by itself."""
    error = refused(tmp_path, f"{HELLO}{lines}\n")

    assert list(told(error)) == [f"pyproject.toml: tool.imagekit.functions.hello.lambda.{key}"]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_variables_that_lambda_sets_are_reserved(tmp_path: Path, name: str) -> None:
    """An image cannot set what Lambda overwrites."""
    error = refused(tmp_path, hello(env=f'{{ {name} = "x" }}'))

    assert told(error) == {
        f"pyproject.toml: tool.imagekit.functions.hello.env.{name}": (
            "Lambda sets this variable itself; it is reserved"
        )
    }


def test_other_aws_variables_are_the_users(tmp_path: Path) -> None:
    """`AWS_` alone reserves nothing: the SDK's own settings are set this way."""
    env = only(
        tmp_path, hello(env='{ AWS_RETRY_MODE = "adaptive", PATH = "/bin", TZ = "UTC" }')
    ).env

    assert dict(env) == {"AWS_RETRY_MODE": "adaptive", "PATH": "/bin", "TZ": "UTC"}


def test_a_value_that_is_no_text_has_its_spelling_as_hint(tmp_path: Path) -> None:
    """The hint is the line to type."""
    assert refused(tmp_path, hello(python="3.13")).hint == 'write `python = "3.13"`'
    assert refused(tmp_path, hello(env="{ A = true }")).hint == 'write `A = "true"`'
    assert refused(tmp_path, hello(groups='"ml"')).hint == 'write `groups = ["ml"]`'


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ä", "x" * 65])
def test_a_name_must_fit_file_names_and_tags(tmp_path: Path, name: str) -> None:
    """A function's name goes into file names and tags as it is."""
    error = refused(tmp_path, f'[tool.imagekit.functions."{name}"]\nhandler = "app.handler"\n')

    (problem,) = error.problems
    assert problem.what.startswith("a function's name is")


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    """Tags are lower case, and some disks do not tell the cases apart."""
    text = HELLO + HELLO.replace("hello", "Hello")

    assert told(refused(tmp_path, text)) == {
        "pyproject.toml: tool.imagekit.functions.Hello": "differs from 'hello' in case only"
    }


def test_a_name_with_a_dot_is_quoted_in_its_path(tmp_path: Path) -> None:
    """The key path is what TOML would take."""
    error = refused(tmp_path, '[tool.imagekit.functions."a.b"]\nhandler = "x"\n')

    assert list(told(error)) == ['pyproject.toml: tool.imagekit.functions."a.b".handler']


@pytest.mark.parametrize("text", ["[tool.imagekit]\n", "[tool.imagekit.functions]\n"])
def test_a_project_has_a_function(tmp_path: Path, text: str) -> None:
    """Nothing to build is a problem, with the two lines that are missing."""
    error = refused(tmp_path, text)

    assert list(told(error).values()) == ["no function is configured"]
    assert error.hint is not None
    assert "[tool.imagekit.functions.NAME]" in error.hint


def test_a_function_has_a_handler(tmp_path: Path) -> None:
    """A function without a handler is a problem at the key that is missing."""
    error = refused(tmp_path, "[tool.imagekit.functions.hello]\n")

    assert told(error) == {"pyproject.toml: tool.imagekit.functions.hello.handler": "is missing"}


def test_a_handler_does_not_stand_in_the_project(tmp_path: Path) -> None:
    """A handler belongs to one function."""
    error = refused(tmp_path, f'[tool.imagekit]\nhandler = "x.y"\n{HELLO}')

    assert list(told(error)) == ["pyproject.toml: tool.imagekit.handler"]


def test_only_the_functions_asked_for_are_kept(tmp_path: Path) -> None:
    """Names pick functions, in their order, each once."""
    text = "".join(HELLO.replace("hello", name) for name in ("one", "two", "three"))

    names = [
        function.name for function in loaded(tmp_path, text, "three", "one", "three").functions
    ]
    assert names == ["three", "one"]


def test_a_name_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    """A misspelt function on the command line is told with the known ones."""
    assert told(refused(tmp_path, HELLO, "helo")) == {
        "pyproject.toml: tool.imagekit.functions": "there is no function 'helo'; known: hello"
    }


@pytest.mark.parametrize("asked", [">=0.1", "==0.1.*", ">=0.1,<2"])
def test_a_version_that_fits_is_fine(tmp_path: Path, asked: str) -> None:
    """`required-version` is a specifier as in `[project] dependencies`."""
    assert loaded(tmp_path, f'[tool.imagekit]\nrequired-version = "{asked}"\n{HELLO}').functions


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (">=9", "this is imagekit 0.1.0; the project asks for >=9"),
        ("new", "'new' is not a version specifier, such as '>=0.1'"),
    ],
)
def test_a_version_that_does_not_fit_is_refused(tmp_path: Path, asked: str, said: str) -> None:
    """A project that needs another imagekit says so before anything is built."""
    error = refused(tmp_path, f'[tool.imagekit]\nrequired-version = "{asked}"\n{HELLO}')

    assert told(error) == {"pyproject.toml: tool.imagekit.required-version": said}


def test_the_project_table_is_told_too(tmp_path: Path) -> None:
    """`requires-python` and the name are there for whoever must settle on a Python."""
    project = loaded(tmp_path, f'[project]\nname = "x"\nrequires-python = ">=3.12"\n{HELLO}')

    assert (project.project_name, project.requires_python) == ("x", ">=3.12")


def test_the_project_table_is_read_beside_imagekit_toml(tmp_path: Path) -> None:
    """With `imagekit.toml` the pyproject.toml in the same folder still names the project."""
    put(tmp_path, {"pyproject.toml": '[project]\nname = "x"\n'})
    project = loaded(tmp_path, '[functions.a]\nhandler = "a.b"\n', file="imagekit.toml")

    assert (project.project_name, project.requires_python) == ("x", None)


def test_loading_is_quick(tmp_path: Path) -> None:
    """A configuration is read in milliseconds: it is the first thing that every command does."""
    loaded(tmp_path, HELLO)
    took = []
    for _ in range(5):
        start = time.process_time()
        load(tmp_path, version="0.1.0")
        took.append(time.process_time() - start)

    assert min(took) < 0.005


def test_a_folder_that_is_not_there_is_an_argument_at_fault(tmp_path: Path) -> None:
    """`--project` must name a folder."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "nowhere", version="0.1.0")

    assert str(tmp_path / "nowhere") in caught.value.what
