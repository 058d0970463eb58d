"""`env` and `labels`, from the configuration into the image's config."""

from __future__ import annotations

import json

from tests.e2e.projects import Project, read_config
from tests.services.cli import succeeded

TWO = """
[functions.other]
handler = "app.handler"
env = { LOG_LEVEL = "DEBUG", OWN = "a=b c" }
labels = { team = "fraud", "org.example/tier" = "2" }
"""


def built(project: Project) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Variables and labels of every function's image, by function."""
    done = succeeded(project.run("build", "--json"))
    found = {}
    for function in json.loads(done.stdout)["functions"]:
        settings = read_config(project.folder / function["path"])["config"]
        env = dict(variable.split("=", 1) for variable in settings["Env"])
        found[function["name"]] = (env, settings.get("Labels", {}))
    return found


def test_a_function_has_the_projects_and_its_own(imaged: Project) -> None:
    """Both tables are merged entry by entry, the function's winning; the base's variables stay."""
    path = imaged.folder / "imagekit.toml"
    shared = 'env = { LOG_LEVEL = "INFO", STAGE = "prod" }\nlabels = { team = "risk", a = "1" }\n'
    path.write_text(shared + path.read_text(encoding="utf-8") + TWO, encoding="utf-8")
    found = built(imaged)
    env, labels = found["app"]
    other_env, other_labels = found["other"]

    assert (env["LOG_LEVEL"], env["STAGE"]) == ("INFO", "prod")
    assert env["LAMBDA_TASK_ROOT"] == other_env["LAMBDA_TASK_ROOT"] == "/var/task"
    assert "OWN" not in env
    assert labels == {"team": "risk", "a": "1"}
    assert (other_env["LOG_LEVEL"], other_env["STAGE"]) == ("DEBUG", "prod")
    assert other_env["OWN"] == "a=b c"
    assert other_labels == {"team": "fraud", "a": "1", "org.example/tier": "2"}


def test_what_lambda_sets_itself_is_refused(imaged: Project) -> None:
    """All reserved names at once, each with its key; wrappers of extensions may be set."""
    names = ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT")
    lines = ", ".join(f'{name} = "x"' for name in (*names, "AWS_LAMBDA_EXEC_WRAPPER"))
    imaged.replace("[functions.app]", f"[functions.app]\nenv = {{ {lines} }}")
    done = imaged.run("plan")

    assert done.returncode == 2, done.stderr
    for name in names:
        assert f"functions.app.env.{name}: Lambda sets this variable itself" in done.stderr
    assert "EXEC_WRAPPER" not in done.stderr


def test_a_zip_says_that_it_carries_no_variables(zipped: Project) -> None:
    """They are the deployment's: ignoring them without a word would mislead."""
    zipped.replace("[functions.app]", '[functions.app]\nenv = { LOG_LEVEL = "INFO" }')
    done = succeeded(zipped.run("plan"))

    assert "warning: " in done.stderr
    assert "functions.app.env" in done.stderr
    assert "`lambda.env`" in done.stderr
