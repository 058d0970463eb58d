"""The probe finds out what imports cost, whose they are, and what bytecode saves."""

from __future__ import annotations

import compileall
from pathlib import Path

import pytest

from imagekit.local.attribution import LOADER_OWNER, OWN, STDLIB, Layers
from imagekit.local.probed import ImportFailed, parse
from imagekit.local.profiled import Subject, profile_of
from tests.local.probing import package, probed, said, write

SUBJECT = Subject(
    function="scoring",
    artefact="scoring",
    architecture="x86_64",
    packaging="image",
    module="scoring.app",
)
LAYERS = Layers(packages={"numberfold": "numberfold"}, source="source", client="runtime client")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A package of some weight, one that shares a namespace, and a client."""
    site = tmp_path / "site"
    heavy = "\n".join(f"def f{i}(x, y={i}):\n    return [x * {i}, y]" for i in range(3000))
    package(
        site,
        "numberfold",
        "2.1.0",
        {"numberfold/__init__.py": "from numberfold import deep\n", "numberfold/deep.py": heavy},
    )
    package(site, "corp-tables", "1.0", {"corp/tables.py": "import quopri\nROWS = 1\n"})
    package(site, "awslambdaric", "4.2.2", {"awslambdaric/bootstrap.py": "import traceback\n"})
    (site / "awslambdaric" / "__init__.py").touch()
    return site


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The function's own code."""
    code = {
        "scoring/__init__.py": "",
        "scoring/app.py": (
            "import json\nimport numberfold\nfrom corp import tables\nfrom scoring import rules\n"
            "try:\n    import orjson_not_there\nexcept ImportError:\n    pass\n"
            "LIMIT = tables.ROWS\n"
            "def handler(event, context):\n    return numberfold.deep.f1(1)\n"
        ),
        "scoring/rules.py": "import decimal\nONE = decimal.Decimal(1)\n",
    }
    return write(tmp_path / "task", code)


def test_nearly_all_of_the_time_has_an_owner(task: Path, site: Path) -> None:
    """At least 95 % of what the clock says is attributed: to packages, own code, client, Python."""
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site), LAYERS)

    assert profile.share >= 0.95
    assert {group.name for group in profile.by_owner} == {
        "your code",
        "numberfold 2.1.0",
        "corp-tables 1.0",
        "runtime client",
        "standard library",
    }


def test_a_module_is_its_distributions_by_the_record(task: Path, site: Path) -> None:
    """What an installer recorded decides, also in a namespace that nobody's alone it is."""
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site), LAYERS)
    owners = {one.module: one.owner for one in profile.imports}

    assert str(owners["numberfold.deep"]) == str(owners["numberfold"])
    assert owners["corp.tables"] == owners["corp"]
    assert owners["scoring.rules"] == owners["scoring.app"] == OWN
    assert owners["decimal"] == owners["quopri"] == STDLIB


def test_an_import_that_failed_costs_whoever_tried(task: Path, site: Path) -> None:
    """An optional module that is not there took time to look for, in its importer's name."""
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site), LAYERS)
    missing = next(one for one in profile.imports if one.module == "orjson_not_there")

    assert (missing.owner, missing.path) == (OWN, None)


def test_a_package_without_a_record_is_told_by_its_name(task: Path, site: Path) -> None:
    """Slimmed packages may have lost their record; the name of the folder is left."""
    (site / "numberfold-2.1.0.dist-info" / "RECORD").unlink()
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site), LAYERS)
    owner = next(one.owner for one in profile.imports if one.module == "numberfold.deep")

    assert owner is not None and owner.name == "numberfold 2.1.0"


def test_the_loader_of_a_zip_that_unpacks_is_not_your_code(task: Path, site: Path) -> None:
    """What imagekit put beside it is told apart."""
    write(
        task,
        {
            "imagekit_loader/__init__.py": "",
            "imagekit_loader/start.py": "",
            "scoring/rules.py": "import imagekit_loader.start\n",
        },
    )
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site), LAYERS)
    owners = {one.module: one.owner for one in profile.imports}

    assert owners["imagekit_loader.start"] == LOADER_OWNER


def test_layers_are_the_plans(task: Path, site: Path) -> None:
    """A package's layer, the source's, the client's; what the plan does not know is the base's."""
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site), LAYERS)
    layers = {one.module: one.layer for one in profile.imports}

    assert layers["numberfold"] == "numberfold"
    assert layers["scoring.app"] == "source"
    assert layers["awslambdaric.bootstrap"] == "runtime client"
    assert layers["corp.tables"] == layers["decimal"] == "base"


def test_bytecode_that_is_there_is_worth_what_it_saves(task: Path, site: Path) -> None:
    """With bytecode everywhere the same artefact is measured without it, in turn."""
    for folder in (task, site):
        compileall.compile_dir(folder, quiet=2)
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site, runs=3), LAYERS)

    assert profile.bytecode is not None
    assert (profile.bytecode.shipped, profile.bytecode.with_us.count) == ("all", 3)
    assert profile.bytecode.saved_us > 0.4 * profile.bytecode.without_us.median
    best = max(profile.compiled, key=lambda one: one.saved_us)
    assert best.path.endswith("numberfold/deep.py")
    assert best.bytecode_bytes > 100_000


def test_bytecode_that_is_missing_is_made_to_tell_what_it_would_save(
    task: Path, site: Path
) -> None:
    """An artefact without bytecode is measured with some that is kept outside of it."""
    profile = profile_of(SUBJECT, probed(task, "scoring.app", site=site, runs=3), LAYERS)

    assert profile.bytecode is not None
    assert profile.bytecode.shipped == "none"
    assert profile.bytecode.saved_us > 0.4 * profile.bytecode.without_us.median
    assert list(task.rglob("*.pyc")) == []


def test_a_handler_that_fails_says_why(task: Path, site: Path) -> None:
    """What was said on stderr comes out, without the lines about times."""
    write(task, {"scoring/app.py": "import numberfold\nraise RuntimeError('no model here')\n"})

    with pytest.raises(ImportFailed, match="RuntimeError: no model here") as raised:
        parse(said(task, "scoring.app", site=site))
    assert "import time:" not in str(raised.value)
    assert "imagekit-probe" not in str(raised.value)
    assert "<string>" not in str(raised.value)
    assert "scoring/app.py" in str(raised.value)


def test_what_handlers_print_is_not_the_answer(task: Path, site: Path) -> None:
    """Logs of the function on stdout and stderr stay out of the measurement."""
    write(
        task, {"scoring/rules.py": "import sys\nprint('hello')\nsys.stderr.write('half a line')\n"}
    )
    found = probed(task, "scoring.app", site=site)

    assert "scoring.rules" in {one.module for one in found.runs[0].measured.imports}


def test_silence_is_an_error() -> None:
    """A container that never ran the probe has no answer to parse."""
    with pytest.raises(ValueError, match="said nothing"):
        parse("exec format error")
