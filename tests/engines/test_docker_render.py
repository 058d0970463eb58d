"""The Dockerfile that a plan becomes: pure text, no Docker."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from imagekit.engines.docker.recipe import Abilities, recipe_of
from imagekit.engines.docker.render import render, shipped
from imagekit.model.errors import CannotBuild, ConfigError
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.docker_steps import DockerSteps
from tests.engines.docker_plans import BASE_NAME, extension, package, plan

BUILDKIT = Abilities()
ENGINE_20 = Abilities(step_network=False)
CLASSIC = Abilities(mounts=False)


def dockerfile(of: BuildPlan, abilities: Abilities = BUILDKIT) -> str:
    extensions = tuple(one.reference for one in of.extensions)
    return render(recipe_of(of, BASE_NAME, abilities, extensions))


def instructions(text: str) -> list[str]:
    """One line each, without comments and mounts."""
    joined = text.replace("\\\n", "")
    lines = [" ".join(line.split()) for line in joined.splitlines()]
    return [re.sub(r"--mount=\S+ ", "", line) for line in lines if line and line[0] != "#"]


def words(text: str) -> list[str]:
    return [line.split()[0] for line in instructions(text)]


def test_stable_ones_come_first_and_the_source_last() -> None:
    """Base, extensions, system packages, a step for each layer, own steps, settings, source."""
    steps = DockerSteps(system=("libgomp1",), run=("echo hello",))
    text = dockerfile(plan(steps=steps, extensions=(extension(),)))

    assert words(text) == [
        *("FROM", "COPY", "RUN", "RUN", "RUN", "WORKDIR", "RUN"),
        *["ENV"] * 3,
        *("LABEL", "LABEL", "ENTRYPOINT", "CMD", "ADD"),
    ]
    lines = instructions(text)
    assert lines[0] == f"FROM {BASE_NAME}"
    assert lines[1] == f"COPY --from={extension().reference} /opt /opt"
    assert "apt-get install --yes --no-install-recommends libgomp1" in lines[2]
    assert "--target /opt/imagekit" in lines[3]
    assert "--target /var/task" in lines[4]
    assert lines[6] == "RUN echo hello"
    assert lines[-1] == "ADD source.tar /"


def test_wheels_are_mounted_and_nothing_is_asked_for_them() -> None:
    """No index, no dependencies, no network, no bytecode of uv's: nothing but what was planned."""
    text = dockerfile(plan())

    assert "--mount=type=bind,source=layers/demo,target=/tmp/layer" in text
    for line in instructions(text):
        if "uv pip install" in line:
            assert line.startswith("RUN --network=none ")
            options = "--offline --no-config --no-cache --no-index --no-deps --no-compile-bytecode"
            assert options in line
    assert "COPY" not in words(text)


def test_an_older_engine_knows_no_network_of_a_step() -> None:
    """Engine 20.10's BuildKit refuses `RUN --network`; uv itself stays offline."""
    text = dockerfile(plan(), ENGINE_20)

    assert "--network" not in text
    assert "--offline" in text
    assert "--mount=type=bind" in text


def test_a_builder_without_mounts_installs_in_stages_of_their_own() -> None:
    """One stage a layer, so that a bump of one runs no other; wheels stay out of the image."""
    text = dockerfile(plan(packages=(package("one"), package("two"))), CLASSIC)
    lines = instructions(text)
    final = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]

    assert "--mount" not in text and "--network" not in text
    assert [line for line in lines if line.startswith("FROM")] == [
        *(f"FROM {BASE_NAME} AS layer-{number}" for number in (1, 2, 3)),
        f"FROM {BASE_NAME}",
    ]
    assert [line for line in final if line.startswith("COPY")] == [
        "COPY --from=layer-1 /opt/imagekit/ /opt/imagekit/",
        "COPY --from=layer-2 /var/task/ /var/task/",
        "COPY --from=layer-3 /var/task/ /var/task/",
    ]
    assert not any(line.startswith("COPY layers") for line in final)


def test_settings_are_those_of_the_image_that_is_made_without_docker() -> None:
    """Every variable and label, the entry point and the handler."""
    of = plan(env=(("LEVEL", "info"),))
    assert of.settings is not None
    lines = instructions(dockerfile(of))
    env = [line.removeprefix("ENV ") for line in lines if line.startswith("ENV ")]

    assert env == [f'{key}="{value}"' for key, value in of.settings.env]
    assert [line for line in lines if line.startswith("LABEL")] == [
        'LABEL "team"="platform"',
        'LABEL "stage"="x"',
    ]
    assert f"ENTRYPOINT {json.dumps(['/var/lang/bin/python3.13', '-m', 'awslambdaric'])}" in lines
    assert 'CMD ["app.handler"]' in lines


def test_values_arrive_as_they_were_written() -> None:
    """A Dockerfile's own escapes and variables are no part of a value."""
    text = dockerfile(plan(env=(("A", 'a $HOME "b" \\ c'),)))

    assert 'ENV A="a \\$HOME \\"b\\" \\\\ c"' in text


def test_a_value_of_several_lines_is_refused() -> None:
    """No Dockerfile can say it; exit 1 with a way out."""
    with pytest.raises(CannotBuild) as raised:
        dockerfile(plan(env=(("A", "one\ntwo"),)))

    assert "A has several lines" in raised.value.what
    assert raised.value.hint


@pytest.mark.parametrize(
    "command",
    ["printf 'a\nb'", "cat <<EOF", "a \\", "--mount=type=secret x", '["not", "json"]'],
)
def test_commands_that_a_dockerfile_would_take_apart(command: str) -> None:
    """They reach the shell as they were written, in the form that is JSON."""
    lines = dockerfile(plan(steps=DockerSteps(run=(command,)))).splitlines()
    found = [line for line in lines if line.startswith('RUN ["/bin/sh"')]

    assert len(found) == 1
    assert json.loads(found[0].removeprefix("RUN ")) == ["/bin/sh", "-c", command]


def test_the_top_says_how_to_build_it() -> None:
    """With imagekit and without; and why without provenance."""
    text = dockerfile(plan())
    top = text[: text.index("FROM")]

    assert all(line.startswith("#") for line in top.strip().splitlines())
    assert "imagekit build scoring --engine docker" in top
    assert "imagekit dockerfile scoring --output context" in top
    assert "--platform linux/amd64 --provenance=false --sbom=false" in top
    assert "docker load" not in top


def test_no_bytecode_where_the_project_wants_none() -> None:
    """`bytecode = false` mounts none."""
    assert "bytecode.tar" in dockerfile(plan())
    assert "bytecode.tar" not in dockerfile(plan(bytecode=None))


def test_no_step_without_reason() -> None:
    """Nothing of packages or steps that the plan has not."""
    text = dockerfile(plan(packages=()))

    assert "apt-get" not in text
    assert words(text).count("RUN") == 1


def test_a_projects_own_template(tmp_path: Path) -> None:
    """It sees the same values."""
    own = tmp_path / "Dockerfile.template"
    own.write_text("FROM {{ base }}\n{% for each in layers %}\n# {{ each.name }}\n{% endfor %}\n")

    assert render(recipe_of(plan(), BASE_NAME, BUILDKIT), own) == (
        f"FROM {BASE_NAME}\n# runtime client\n# demo\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM {{ bse }}\n", "'bse' is undefined"),
        ("FROM x\n{% if %}\n", "line 2"),
        ("{{ layers.nope.more }}", "has no attribute"),
        ("{% include 'other' %}", "no loader"),
    ],
)
def test_a_template_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    """The place, what is wrong, and where to start from: input, exit 2."""
    own = tmp_path / "Dockerfile.template"
    own.write_text(text)
    with pytest.raises(ConfigError) as raised:
        render(recipe_of(plan(), BASE_NAME, BUILDKIT), own)

    assert said in raised.value.problems[0].what
    assert raised.value.problems[0].where == str(own)
    assert "Dockerfile.template" in (raised.value.hint or "")


def test_the_template_names_every_value() -> None:
    """Its first lines are the documentation of what a project's own template gets."""
    top = shipped().read_text(encoding="utf-8").partition("-#}")[0]
    recipe = recipe_of(plan(), BASE_NAME, BUILDKIT)

    missing = [name for name in recipe.__struct_fields__ if not re.search(rf"\b{name}\b", top)]
    assert missing == []
