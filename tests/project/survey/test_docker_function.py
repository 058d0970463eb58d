"""A Dockerfile becomes a function; what imagekit does otherwise is named with its line."""

from __future__ import annotations

import pytest

from imagekit.project.survey.docker_base import base_found
from imagekit.project.survey.docker_run import Step, all_steps
from imagekit.project.survey.dockerfile import read_dockerfile
from tests.project.survey.kit import docker, docker_function, left

AWS = "FROM public.ecr.aws/lambda/python:3.13\n"
SLIM = "FROM python:3.12-slim\n"


@pytest.mark.parametrize(
    ("image", "python", "base"),
    [
        ("public.ecr.aws/lambda/python:3.13", "3.13", None),
        ("public.ecr.aws/lambda/python:3.12-arm64", "3.12", None),
        ("public.ecr.aws/lambda/python:3.13.2025.09.22.12-x86_64", "3.13", None),
        ("amazon/aws-lambda-python:3.11", "3.11", None),
        ("public.ecr.aws/lambda/python:3.9", "3.9", "public.ecr.aws/lambda/python:3.9"),
        ("python:3.12-slim", "3.12", "python:3.12-slim"),
        ("python:3.12-alpine", "3.12", None),
        (
            "ghcr.io/astral-sh/uv:python3.12-bookworm",
            "3.12",
            "ghcr.io/astral-sh/uv:python3.12-bookworm",
        ),
        ("acme.example/team/python3.13:7", "3.13", "acme.example/team/python3.13:7"),
        ("public.ecr.aws/lambda/provided:al2023", None, "public.ecr.aws/lambda/provided:al2023"),
        ("debian:13.1", None, "debian:13.1"),
    ],
)
def test_base(image: str, python: str | None, base: str | None) -> None:
    """AWS's own image is the shipped base of its Python; any other one is named as it stands."""
    found = base_found(image, None)

    assert found is not None
    assert (found.python, found.base) == (python, base)


@pytest.mark.parametrize(
    ("image", "platform", "architecture"),
    [
        ("python:3.12", "linux/arm64", "arm64"),
        ("python:3.12", "linux/amd64", "x86_64"),
        ("python:3.12", "$BUILDPLATFORM", None),
        ("public.ecr.aws/lambda/python:3.13-arm64", None, "arm64"),
        ("public.ecr.aws/lambda/python:3.13-x86_64", None, "x86_64"),
        ("public.ecr.aws/lambda/python:3.13", None, None),
    ],
)
def test_architecture(image: str, platform: str | None, architecture: str | None) -> None:
    """From `--platform`, else from the end of the tag."""
    found = base_found(image, platform)

    assert found is not None
    assert found.architecture == architecture


def test_what_is_no_image() -> None:
    """A name that no registry would take."""
    assert base_found("Not An Image", None) is None


@pytest.mark.parametrize(
    ("command", "handler"),
    [
        ('CMD ["app.handler"]', "app.handler"),
        ("CMD app.handler", "app.handler"),
        ('CMD ["src/app.handler"]', "src/app.handler"),
        ('ENTRYPOINT ["/lambda-entrypoint.sh"]\nCMD ["app.handler"]', "app.handler"),
        ('CMD ["python", "-m", "awslambdaric", "app.handler"]', "app.handler"),
        ('CMD ["app.old"]\nCMD ["app.new"]', "app.new"),
        ('CMD ["uvicorn", "app:app"]', None),
        ('CMD ["python"]', None),
        ("CMD $HANDLER", None),
        ("LABEL a=b", None),
    ],
)
def test_handler(command: str, handler: str | None) -> None:
    """The last `CMD` that is a handler; a server's command is left behind."""
    reading = docker(f"{AWS}{command}\n", "app.py")

    assert reading.functions[0].handler == handler
    assert any("CMD" in what for what in left(reading).values()) == (
        handler is None and "CMD" in command
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('["/lambda-entrypoint.sh"]', False),
        ('["/usr/local/bin/python", "-m", "awslambdaric"]', False),
        ('["/entry.sh"]', True),
        ("/entry.sh", True),
    ],
)
def test_entrypoint(entry: str, said: bool) -> None:
    """Lambda's own are what imagekit has anyway; another one is left behind, with what to type."""
    reading = docker(f'{AWS}ENTRYPOINT {entry}\nCMD ["app.handler"]\n')

    assert ("2" in left(reading)) == said
    if said:
        assert "imagekit check docker:NAME" in reading.left[0].todo


def test_arguments_of_from() -> None:
    """An `ARG` with a default is put in; one without leaves the base to the person."""
    assert docker_function("ARG V=3.12\nFROM public.ecr.aws/lambda/python:$V\n").python == "3.12"
    reading = docker("ARG IMAGE\nFROM $IMAGE\n")

    assert reading.functions[0].base is None
    assert left(reading)["2"] == "FROM needs IMAGE, which only a build knows"


def test_musl_and_scratch() -> None:
    """What imagekit cannot build on is said; Alpine gives way to AWS's base of its Python."""
    alpine = docker("FROM python:3.12-alpine\n")

    assert (alpine.functions[0].base, alpine.functions[0].python) == (None, "3.12")
    assert "musl" in left(alpine)["1"]
    assert "scratch" in left(docker("FROM scratch\n"))["1"]


def test_env_and_labels() -> None:
    """Both forms of `ENV`; what Lambda sets, builds need or only a build knows stays behind."""
    text = (
        f"{AWS}ARG STAGE=dev\n"
        'ENV A=1 B="two words" C=$STAGE\n'
        "ENV OLD form of it\n"
        "ENV PIP_NO_CACHE_DIR=1 LAMBDA_TASK_ROOT=/x PATH=/x:$PATH D=${SECRET}\n"
        'LABEL team=risk "org.x.y"="z" at=$WHEN\n'
    )
    reading = docker(text)
    function = reading.functions[0]

    assert dict(function.env) == {"A": "1", "B": "two words", "C": "dev", "OLD": "form of it"}
    assert dict(function.labels) == {"team": "risk", "org.x.y": "z"}
    said = [one.what for one in reading.left]
    assert [what.split()[1] for what in said] == [
        *("PIP_NO_CACHE_DIR", "LAMBDA_TASK_ROOT", "PATH", "D", "at"),
    ]


def test_a_global_argument_is_unknown_in_a_stage() -> None:
    """Unless the stage names it again: Docker's own rule."""
    text = "ARG V=1\nFROM x\nENV A=${V}\nARG V\nENV B=${V}\n"

    assert dict(docker_function(text).env) == {"B": "1"}


def test_parents_are_part_of_the_last_stage() -> None:
    """`FROM base` of an earlier stage inherits its settings, copies and steps."""
    text = f'{AWS[:-1]} AS base\nENV A=1\nCOPY app.py .\nFROM base\nENV B=2\nCMD ["app.handler"]\n'
    function = docker_function(text, "app.py")

    assert dict(function.env) == {"A": "1", "B": "2"}
    assert (function.source, function.python) == (("app.py",), "3.13")


@pytest.mark.parametrize(
    ("copy", "source", "include"),
    [
        ("COPY app.py ${LAMBDA_TASK_ROOT}", ("app.py",), ()),
        ("COPY app.py .", ("app.py",), ()),
        ("COPY app.py /var/task/app.py", ("app.py",), ()),
        ("COPY app.py lib.py ./", ("app.py", "lib.py"), ()),
        ('COPY ["app.py", "./"]', ("app.py",), ()),
        ("COPY *.py ./", ("*.py",), ()),
        ("COPY src/ ${LAMBDA_TASK_ROOT}", ("src/*",), ()),
        ("COPY src/pkg ./pkg", ("src/pkg",), ()),
        ("COPY src/pkg ./src/pkg", None, ("src/pkg/**",)),
        ("COPY src/pkg/m.py ./src/pkg/", None, ("src/pkg/m.py",)),
        ("COPY models ./models", None, ("models/**",)),
        ("COPY data/models ./models", ("data/models",), ()),
        ("COPY conf/a.json ./", ("conf/a.json",), ()),
        ("COPY . .", (".",), ()),
        ("COPY requirements.txt uv.lock ./", None, ()),
        ("ADD app.py .", ("app.py",), ()),
    ],
)
def test_copies(copy: str, source: tuple[str, ...] | None, include: tuple[str, ...]) -> None:
    """A copy into the code is `source` or `include`, by the name that it arrives under."""
    files = ("app.py", "lib.py", "src/pkg/__init__.py", "src/pkg/m.py", "models/a.bin")
    more = ("data/models/b.bin", "conf/a.json", "requirements.txt", "uv.lock")
    function = docker_function(f"{AWS}{copy}\n", *files, *more)

    assert (function.source, function.include) == (source, include)


@pytest.mark.parametrize(
    ("copy", "what"),
    [
        ("COPY app.py ./other.py", "app.py goes to other.py"),
        ("COPY pkg ./renamed", "pkg/ goes to renamed/"),
        ("COPY . ./sub", "the whole folder goes to sub/"),
        ("COPY *.py ./sub/", "*.py goes to sub/"),
        ("COPY app.py /usr/bin/", "app.py goes to /usr/bin, outside the code"),
        ("COPY gone.py .", "there is no gone.py here"),
        ("COPY ../up.py .", "../up.py lies outside the project"),
        ("ADD https://x.example/a.tgz .", "https://x.example/a.tgz lies outside the project"),
        ("COPY <<EOF /var/task/a.py\nx=1\nEOF", "the file /var/task/a.py stands in the Dockerfile"),
        (
            "COPY --from=acme/tool:1 /bin/tool /usr/bin/",
            "COPY --from=acme/tool:1 /bin/tool /usr/bin",
        ),
    ],
)
def test_copies_that_cannot_be_carried(copy: str, what: str) -> None:
    """A copy that renames, leaves the code or takes from elsewhere is named with its line."""
    reading = docker(f"{AWS}{copy}\n", "app.py", "pkg/__init__.py")

    assert left(reading)["2"] == what
    assert reading.functions[0].source is None


def test_a_whole_folder_names_the_data_in_it() -> None:
    """`COPY . .` brings data, which `source = ["."]` does not: some of it is named."""
    reading = docker(f"{AWS}COPY . .\n", "app.py", "rules.json", "README.md", "tests/test_a.py")

    assert left(reading)["2"].endswith("not rules.json")
    assert 'include = ["rules.json"]' in reading.left[0].todo


def test_the_work_folder_of_another_base() -> None:
    """Code of `python:3.12` lies where WORKDIR says; imagekit's in /var/task, which is said."""
    text = f"{SLIM}ARG DIR=/function\nWORKDIR $DIR\nCOPY app/* $DIR\nCOPY lib lib\n"
    reading = docker(text, "app/main.py", "lib/__init__.py")

    assert reading.functions[0].source == ("app/*", "lib")
    assert left(reading)["3"] == "WORKDIR $DIR"


@pytest.mark.parametrize(
    ("inner", "outer", "source"),
    [
        ("COPY app.py .", "COPY --from=build /var/task /var/task", ("app.py",)),
        ("COPY app.py /made/", "COPY --from=build /made /var/task", ("app.py",)),
        ("COPY . /made", "COPY --from=build /made/src /var/task", ("src/*",)),
        ("COPY . /made", "COPY --from=0 /made/app.py ./", ("app.py",)),
    ],
)
def test_stages(inner: str, outer: str, source: tuple[str, ...]) -> None:
    """What a stage had copied is followed back to the project."""
    text = f"FROM public.ecr.aws/lambda/python:3.13 AS build\n{inner}\n{AWS}{outer}\n"

    assert docker_function(text, "app.py", "src/pkg/__init__.py").source == source


def test_what_a_stage_made() -> None:
    """Packages are the lock's business; anything else has to be made before."""
    installs = "FROM a/b AS build\nRUN pip install -r requirements.txt -t /out\n"
    makes = "FROM a/b AS build\nRUN make /out/lib.so\n"
    copy = f"{AWS}COPY --from=build /out .\n"

    assert left(docker(installs + copy, "requirements.txt")) == {}
    assert left(docker(makes + copy)) == {"4": "COPY --from=build /out is made by a RUN"}


@pytest.mark.parametrize(
    "copy",
    [
        "COPY --from=public.ecr.aws/datadog/lambda-extension:83 /opt/ /opt/",
        "COPY --from=public.ecr.aws/datadog/lambda-extension:83 /opt/. /opt",
        "COPY --from=dd /opt/ /opt/",
    ],
)
def test_extensions(copy: str) -> None:
    """All of another image's /opt on top of ours, straight or by the name of a stage."""
    stage = "FROM public.ecr.aws/datadog/lambda-extension:83 AS dd\n"

    found = docker_function(f"{stage}{AWS}{copy}\n")
    assert found.extensions == ("public.ecr.aws/datadog/lambda-extension:83",)


def test_a_tool_of_the_build_is_nothing() -> None:
    """uv from its own image works while an image is built."""
    assert left(docker(f"{AWS}COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /bin/uv\n")) == {}


@pytest.mark.parametrize(
    ("run", "step"),
    [
        (
            "dnf install -y libgomp gcc-c++ && dnf clean all",
            Step(line=2, system=("libgomp", "gcc-c++")),
        ),
        ("apt-get update; sudo apt-get install -y a", Step(line=2, system=("a",))),
        ("apk add --no-cache a", Step(line=2, system=("a",))),
        ("pip install --upgrade pip", Step(line=2, installs=True)),
        ("pip3 install -rreq.txt", Step(line=2, installs=True, requirements=("req.txt",))),
        (
            "python3.13 -m pip install --target /x -r a.txt -c c.txt .",
            Step(line=2, installs=True, requirements=("a.txt",)),
        ),
        (
            "X=1 pip install 'pandas[s3]==2.2' boto3 awslambdaric",
            Step(line=2, installs=True, named=("pandas[s3]==2.2", "boto3")),
        ),
        ('["pip", "install", "six"]', Step(line=2, installs=True, named=("six",))),
        (
            "uv sync --frozen --group jobs --extra=more",
            Step(line=2, installs=True, groups=("jobs",), extras=("more",)),
        ),
        ("poetry install --with a,b", Step(line=2, installs=True, groups=("a", "b"))),
        ("curl -sSL https://x.example | tar x", Step(line=2, other="curl -sSL https://x.example")),
        ("./configure 'unclosed", Step(line=2, other="./configure 'unclosed")),
    ],
)
def test_run(run: str, step: Step) -> None:
    """What a command is for: packages of the system, of the project, or something else."""
    assert next(all_steps(read_dockerfile(f"{AWS}RUN {run}\n", "f").instructions)) == step


@pytest.mark.parametrize(
    "run",
    [
        "echo hi",
        "mkdir -p /x && chmod 755 /x",
        "python -m compileall .",
        "dnf clean all",
        "uv --version",
    ],
)
def test_run_of_no_consequence(run: str) -> None:
    """What leaves nothing that a function needs is not talked about."""
    assert left(docker(f"{AWS}RUN {run}\n")) == {}


def test_run_in_a_heredoc() -> None:
    """Each line of the document is a command."""
    text = f"{AWS}RUN <<EOF\nset -e\ndnf install -y \\\n  libgomp\nmake it\nEOF\n"

    assert [one.what for one in docker(text).left] == ["system packages: libgomp", "RUN make it"]


def test_packages_named_in_the_dockerfile_alone() -> None:
    """No lock has them, so they would be missing: they are asked for."""
    reading = docker(f"{AWS}RUN pip install six==1.17.0 humanize\n")

    assert left(reading) == {"2": "packages named here alone: six==1.17.0 humanize"}


def test_the_requirements_that_were_installed() -> None:
    """The file of that name, that of the Dockerfile's own folder first."""
    text = f"{AWS}COPY req/prod.txt .\nRUN pip install -r prod.txt\n"

    assert docker_function(text, "req/prod.txt").lock == "req/prod.txt"
    near = docker(text, "a/prod.txt", "b/prod.txt", context="b").functions[0]
    assert near.lock == "b/prod.txt"


def test_what_lambda_ignores() -> None:
    """Said, with nothing to do."""
    text = f'{AWS}USER 1000\nEXPOSE 8080\nHEALTHCHECK NONE\nVOLUME /x\nSTOPSIGNAL 9\nSHELL ["sh"]\n'
    reading = docker(text)

    assert len(reading.left) == 6
    assert all(one.todo.startswith("nothing to do") for one in reading.left)
