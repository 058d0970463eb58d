"""Projects as people have them before they hear of imagekit: every file that matters to `init`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from msgspec import Struct, field

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""Of the tests themselves: bytecode can be compiled for it wherever they run."""

HANDLER = """\
import demo


def {name}(event, context):
    return demo.ANSWER
"""
_PROJECT = f"""\
[project]
name = "{{name}}"
version = "1.0"
requires-python = "=={PYTHON}.*"
dependencies = [{{needs}}]
"""


def handler(name: str = "handler") -> str:
    """A module whose function needs the package `demo`."""
    return HANDLER.format(name=name)


def project(name: str, *needs: str) -> str:
    """A `[project]` table."""
    return _PROJECT.format(name=name, needs=", ".join(f'"{each}"' for each in needs))


class Shape(Struct, frozen=True, kw_only=True):
    """One project, and what has to come of it."""

    files: Mapping[str, str]
    functions: Mapping[str, str]
    """Name to handler, as `init` writes them."""
    written: str = "imagekit.toml"
    inside: tuple[str, ...] = ()
    """Files that each ZIP must hold."""
    left: tuple[str, ...] = ()
    """What stderr says that it could not carry over."""
    packages: tuple[str, ...] = ("demo",)
    """Those of the first function."""
    uv_lock: bool = field(default=False)
    """`uv lock` runs before."""


UV_SRC = Shape(
    files={
        "pyproject.toml": project("scoring", "demo"),
        "src/scoring/__init__.py": "",
        "src/scoring/app.py": handler(),
        "tests/test_app.py": "def test_handler(event, context): pass\n",
        ".python-version": f"{PYTHON}\n",
    },
    functions={"scoring": "scoring.app.handler"},
    written="pyproject.toml",
    inside=("scoring/app.py", "demo/__init__.py"),
    uv_lock=True,
)

FLAT = Shape(
    files={
        "lambda_function.py": handler("lambda_handler"),
        "requirements.txt": "demo==1.0\n",
        ".python-version": f"{PYTHON}.1\n",
        "README.md": "A function.\n",
    },
    functions={"project": "lambda_function.lambda_handler"},
    inside=("lambda_function.py", "demo/__init__.py"),
)

NO_LOCK = Shape(
    files={
        "pyproject.toml": project("no-lock", "demo>=1"),
        "orders/__init__.py": "",
        "orders/api.py": handler("create_handler") + handler("delete_handler"),
    },
    functions={
        "create": "orders.api.create_handler",
        "delete": "orders.api.delete_handler",
    },
    written="pyproject.toml",
    inside=("orders/api.py", "demo/__init__.py"),
)

MEMBERS = Shape(
    files={
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["functions/*"]\n' + project("root"),
        "functions/alpha/pyproject.toml": project("alpha", "demo"),
        "functions/alpha/src/alpha/__init__.py": "",
        "functions/alpha/src/alpha/app.py": handler(),
        "functions/beta/pyproject.toml": project("beta"),
        "functions/beta/lambda_function.py": (
            "import helper\n\n\ndef lambda_handler(event, context):\n    return helper.ONE\n"
        ),
        "functions/beta/helper.py": "ONE = 1\n",
    },
    functions={"alpha": "alpha.app.handler", "beta": "lambda_function.lambda_handler"},
    written="pyproject.toml",
    uv_lock=True,
)

SAM = Shape(
    files={
        "template.yaml": f"""\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Memory: {{Type: Number, Default: 512}}
Globals:
  Function:
    Runtime: python{PYTHON}
    Timeout: 10
    Environment:
      Variables:
        LOG_LEVEL: INFO
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello_world/
      Handler: app.lambda_handler
      MemorySize: !Ref Memory
      Architectures: [arm64]
      Environment:
        Variables:
          TABLE: !Ref Table
      Policies:
        - DynamoDBReadPolicy: {{TableName: !Ref Table}}
  Goodbye:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: goodbye
      Handler: app.lambda_handler
      Architectures: [arm64]
  Table:
    Type: AWS::DynamoDB::Table
""",
        "hello_world/__init__.py": "",
        "hello_world/app.py": handler("lambda_handler"),
        "hello_world/requirements.txt": "demo==1.0\n",
        "goodbye/app.py": "def lambda_handler(event, context):\n    return 1\n",
    },
    functions={"Hello": "app.lambda_handler", "Goodbye": "app.lambda_handler"},
    inside=("app.py",),
    left=("template.yaml:13: Policies of Hello", "template.yaml:22: variable TABLE of Hello"),
)

SERVERLESS = Shape(
    files={
        "serverless.yml": f"""\
service: things
provider:
  name: aws
  runtime: python{PYTHON}
  environment:
    SERVICE: ${{self:service}}
    STAGE: ${{sls:stage}}
functions:
  hello:
    handler: functions/hello/handler.main
    memorySize: 256
    events:
      - httpApi: GET /
package:
  patterns:
    - "!node_modules/**"
    - "!functions/**/*.md"
    - data/rules.json
custom:
  pythonRequirements:
    dockerizePip: true
""",
        "functions/hello/handler.py": handler("main"),
        "functions/hello/notes.md": "no\n",
        "data/rules.json": "{}\n",
        "requirements.txt": "demo==1.0\n",
        "package.json": "{}\n",
    },
    functions={"hello": "functions/hello/handler.main"},
    inside=("functions/hello/handler.py", "data/rules.json", "demo/__init__.py"),
    left=("serverless.yml:9: events of hello", "serverless.yml:7: variable STAGE of hello"),
)

POWERTOOLS = Shape(
    files={
        "pyproject.toml": project("web", "demo"),
        "requirements.txt": "demo==1.0\n",
        "web/__init__.py": "",
        "web/logs.py": "class Logger:\n    def inject_lambda_context(self, f): return f\n",
        "web/api.py": "from mangum import Mangum\n\napp = object()\nhandler = Mangum(app)\n",
        "web/jobs.py": (
            "from web.logs import Logger\n\nlogger = Logger()\n\n\n"
            "@logger.inject_lambda_context\ndef nightly(e, c):\n    return _load(e, c)\n\n\n"
            "def _load(event, context):\n    return 1\n"
        ),
    },
    functions={"api": "web.api.handler", "jobs": "web.jobs.nightly"},
    written="pyproject.toml",
    inside=("web/api.py", "web/jobs.py", "demo/__init__.py"),
)

SCRIPTS = Shape(
    files={
        "run.sh": "#!/bin/sh\n",
        "data.csv": "1\n",
        "job.py": "def handler(event, context):\n    return 1\n",
        ".python-version": f"{PYTHON}\n",
    },
    functions={"project": "job.handler"},
    inside=("job.py",),
    packages=(),
)

ZIPS = {
    "uv project with src": UV_SRC,
    "flat module, requirements": FLAT,
    "no lock, two handlers": NO_LOCK,
    "uv workspace": MEMBERS,
    "SAM": SAM,
    "Serverless": SERVERLESS,
    "Powertools and Mangum": POWERTOOLS,
    "scripts": SCRIPTS,
}

DOCKER = Shape(
    files={
        "Dockerfile": """\
FROM public.ecr.aws/lambda/python:3.13
COPY requirements.txt ${LAMBDA_TASK_ROOT}
RUN pip install -r requirements.txt
COPY app.py ${LAMBDA_TASK_ROOT}/
COPY models ${LAMBDA_TASK_ROOT}/models
ENV LOG_LEVEL=INFO
LABEL team=risk
CMD ["app.handler"]
""",
        "app.py": handler(),
        "models/rules.json": "{}\n",
        "requirements.txt": "demo==1.0\n",
    },
    functions={"project": "app.handler"},
    inside=("var/task/app.py", "var/task/models/rules.json", "var/task/demo/__init__.py"),
)

DOCKER_STAGES = Shape(
    files={
        "Dockerfile": """\
# syntax=docker/dockerfile:1
ARG PYTHON=3.13
FROM public.ecr.aws/lambda/python:${PYTHON} AS build
COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /bin/uv
RUN dnf install -y gcc
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/cache \\
    # into the task's root
    uv export --frozen -o requirements.txt && \\
    uv pip install -r requirements.txt --target "${LAMBDA_TASK_ROOT}"
COPY src/ ${LAMBDA_TASK_ROOT}/

FROM public.ecr.aws/lambda/python:${PYTHON}
RUN <<EOF
dnf install -y libgomp
dnf clean all
EOF
COPY --from=public.ecr.aws/datadog/lambda-extension:83 /opt/. /opt/
COPY --from=build ${LAMBDA_TASK_ROOT} ${LAMBDA_TASK_ROOT}
ENV GREETING="hello world" PYTHONDONTWRITEBYTECODE=1
USER 1000
EXPOSE 8080
CMD [ "scoring.app.handler" ]
""",
        "pyproject.toml": project("scoring", "demo").replace(f"=={PYTHON}.*", ">=3.11"),
        "src/scoring/__init__.py": "",
        "src/scoring/app.py": handler(),
    },
    functions={"scoring": "scoring.app.handler"},
    written="pyproject.toml",
    inside=("var/task/scoring/app.py", "var/task/demo/__init__.py"),
    left=(
        "Dockerfile:14: system packages: libgomp",
        "Dockerfile:21: USER 1000",
        "Dockerfile:22: EXPOSE 8080",
    ),
    uv_lock=True,
)

IMAGES = {"Dockerfile on AWS's base": DOCKER, "Dockerfile with stages": DOCKER_STAGES}
