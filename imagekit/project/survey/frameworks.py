"""Chalice and Zappa: deployers that call an application by a handler of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from imagekit.model.errors import ConfigError, Problem
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.lambda_values import held
from imagekit.project.survey.layout import plain
from imagekit.project.survey.values import FunctionFound, Notes, Reading

CHALICE = ".chalice/config.json"
ZAPPA = "zappa_settings.json"


def read_chalice(text: str, folder: Folder) -> Reading:
    """`app.py` with its `Chalice(…)`, which Lambda can call as it is.

    https://aws.github.io/chalice/topics/configfile.html
    """
    notes = Notes()
    content = _json(text, CHALICE)
    stages = content.get("stages")
    if isinstance(stages, dict) and stages:
        todo = "write it in `lambda` of the function, or of a stage once it deploys"
        notes.leave(f"{CHALICE}:1", f"settings of the stages {', '.join(sorted(stages))}", todo)
    if not folder.has("app.py"):
        return notes.reading()
    env = content.get("environment_variables")
    values: dict[str, object] = {
        "memory": content.get("lambda_memory_size"),
        "timeout": content.get("lambda_timeout"),
        "layers": content.get("layers"),
        "env": env if isinstance(env, dict) and env else None,
    }
    notes.say(f"{CHALICE}:1", "a Chalice application: app.app")
    todo = "keep chalice for them: imagekit deploys the function's code alone"
    notes.leave(f"{CHALICE}:1", "the API, schedules and policies that Chalice makes", todo)
    return notes.reading(
        FunctionFound(
            name=plain(str(content.get("app_name") or folder.name)) or "app",
            where=f"{CHALICE}:1",
            handler="app.app",
            settings=held(values, f"{CHALICE}:1", notes),
        )
    )


def read_zappa(text: str) -> Reading:
    """Only what has to be done: Zappa's own handler is not in the project.

    https://github.com/zappa/Zappa#advanced-settings
    """
    notes = Notes()
    for stage, settings in _json(text, ZAPPA).items():
        app = settings.get("app_function") if isinstance(settings, dict) else None
        if app:
            todo = "a WSGI adapter makes a handler of it, such as apig-wsgi: "
            todo += "`handler = make_lambda_handler(app)`"
            notes.leave(f"{ZAPPA}:1", f"stage {stage}: Zappa calls {app} by its own handler", todo)
    return notes.reading()


def _json(text: str, file: str) -> Mapping[str, object]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(f"{file}:{error.lineno}", f"not JSON: {error.msg}")
        hint = f"correct line {error.lineno} of {file}"
        raise ConfigError(problems=(problem,), hint=hint) from error
    return content if isinstance(content, dict) else {}
