"""`slim`, `keep`, `drop`, `exclude_packages`, `provided`, `botocore_services`, as a user types."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.contents.shared_objects import shared_object
from tests.e2e.projects import Project, write_pylock
from tests.e2e.shared_bases import DAY, Platform
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

LIBRARY = shared_object()


@pytest.fixture
def project(zipped: Project, wheels: Path) -> Project:
    """A ZIP with something for every word: a package with tests and libraries, and the SDK."""
    make_wheel(
        wheels,
        "fast",
        "1.0",
        {
            "fast/__init__.py": b"import fast.data\n",
            "fast/data/__init__.py": b"",
            "fast/data/words.txt": b"words " * 200,
            "fast/tests/test_fast.py": b"def test(): ...\n" * 100,
            "fast/fast.h": b"int fast;\n" * 100,
            "fast/libfast.so": LIBRARY,
            "fast/libfast.so.1": LIBRARY,
        },
    )
    model = b'{"metadata": {}}' * 100
    services = {f"botocore/data/{one}/1/service-2.json": model for one in ("ec2", "s3", "sts")}
    make_wheel(wheels, "botocore", "1.0", {"botocore/__init__.py": b"", **services})
    make_wheel(wheels, "boto3", "1.0", {"boto3/__init__.py": b""})
    make_wheel(wheels, "urllib3", "2.0", {"urllib3/__init__.py": b""})
    write_pylock(zipped.folder, wheels.glob("*.whl"))
    return zipped


def said(project: Project, *lines: str) -> Project:
    """With these keys for all functions."""
    project.replace("bytecode = false\n", "\n".join(["bytecode = false", *lines, ""]))
    return project


def members(project: Project) -> set[str]:
    with zipfile.ZipFile(project.folder / "dist" / "app.zip") as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def planned(project: Project) -> dict[str, object]:
    done = succeeded(project.run("plan", "--json"))
    (function,) = json.loads(done.stdout)["functions"]
    return dict(function)


def refused(project: Project) -> str:
    done = project.run("plan")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("profile", ["off", "safe", "max"])
def test_the_forecast_is_what_is_built(project: Project, profile: str) -> None:
    """To the byte, but for the text of links; the plan tells by reason what is left out."""
    said(project, f'slim = "{profile}"')
    plan, built = planned(project), project.build()
    links = len("libfast.so.1") if profile == "max" else 0

    assert plan["unzipped_bytes"] == built["unzipped_bytes"] - links
    with zipfile.ZipFile(project.folder / "dist" / "app.zip") as archive:
        assert sum(one.file_size for one in archive.infolist()) == built["unzipped_bytes"]
    assert built.get("slim") == plan.get("slim")


def test_safe_is_the_default(project: Project) -> None:
    """Without a word about it, tests and headers are not in."""
    project.build()
    by_default = members(project)
    said(project, 'slim = "safe"').build()

    assert members(project) == by_default
    assert "fast/data/words.txt" in by_default
    assert not by_default & {"fast/tests/test_fast.py", "fast/fast.h"}


def test_off_is_the_wheels_as_they_are(project: Project) -> None:
    """All of them, and no word about it."""
    said(project, 'slim = "off"').build()

    assert {"fast/tests/test_fast.py", "fast/fast.h"} <= members(project)
    assert "slim" not in succeeded(project.run("plan")).stdout


def test_max_strips_and_links(project: Project) -> None:
    """One library instead of two, without its symbols."""
    said(project, 'slim = "max"').build()

    with zipfile.ZipFile(project.folder / "dist" / "app.zip") as archive:
        link = archive.getinfo("fast/libfast.so")
        assert link.external_attr >> 16 == 0o120777
        assert archive.read(link) == b"libfast.so.1"
        assert len(archive.read("fast/libfast.so.1")) < len(LIBRARY)


def test_the_plan_says_what_is_left_out(project: Project) -> None:
    """In one line, the largest first; packages by name with the reason why."""
    said(project, 'exclude_packages = ["Demo"]', 'provided = ["boto3", "botocore", "urllib3"]')
    text = succeeded(project.run("plan")).stdout

    assert "slim      safe: " in text
    assert "(tests 1.6 kB, C sources and headers 1 kB)" in text
    assert "without   demo 1.0 (excluded), " in text
    assert "boto3 1.0 (the runtime brings it)" in text
    slim = planned(project)["slim"]
    assert isinstance(slim, dict)
    assert [one["reason"] for one in slim["saved"]] == ["tests", "C sources and headers"]
    assert {one["package"] for one in slim["left_out"]} == {
        *("demo 1.0", "boto3 1.0", "botocore 1.0", "urllib3 2.0"),
    }
    project.build()
    assert not {"demo/__init__.py", "boto3/__init__.py"} & members(project)


def test_keep_and_drop_name_paths_in_the_artefact(project: Project) -> None:
    """`keep` wins; a pattern that names nothing is said."""
    said(project, 'keep = ["fast/tests/"]', 'drop = ["fast/data/*.txt", "fsat/"]')
    done = succeeded(project.run("build"))

    assert "fast/tests/test_fast.py" in members(project)
    assert "fast/data/words.txt" not in members(project)
    assert "app.drop: 'fsat/' names no file of any package" in done.stderr
    assert "words.txt" not in done.stderr


def test_only_named_services_have_models(project: Project) -> None:
    """With those that credentials need."""
    said(project, 'botocore_services = ["s3"]').build()

    models = {one.split("/")[2] for one in members(project) if one.startswith("botocore/data/")}
    assert models == {"s3", "sts"}


def test_own_sources_are_left_alone(project: Project) -> None:
    """What `source` and `include` bring has rules of its own."""
    folder = project.folder / "headers"
    folder.mkdir()
    (folder / "a.h").write_text("int a;\n", encoding="utf-8")
    said(project, 'include = ["headers/*.h"]', 'slim = "max"', 'drop = ["headers/"]').build()

    assert "headers/a.h" in members(project)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('slim = "maximum"', ["slim", "'maximum' is not known; known: off, safe, max"]),
        ("slim = true", ["slim", 'write `slim = "safe"`']),
        ('exclude_packages = ["fsat"]', ["'fsat' is not among", "did you mean fast?"]),
        ('exclude_packages = ["fast==1.0"]', ["exclude_packages", "is not the name of a package"]),
        ('provided = ["fast"]', ["app.provided", "not of Lambda's runtime: boto3, botocore"]),
        ('botocore_services = ["S3"]', ['write `botocore_services = ["s3"]`']),
        ('botocore_services = ["es3"]', ["no service of botocore 1.0; did you mean s3?"]),
        ("botocore_services = []", ["botocore_services", "leave it out to keep all"]),
        ('drop = ["/fast"]', ["drop", "must be relative to the artefact's root"]),
        ('keep = ["!fast"]', ["keep", "`!` is not known here; use `drop`"]),
        ('drop = "fast"', ["drop", 'write `drop = ["fast"]`']),
    ],
)
def test_wrong_words_are_refused(project: Project, line: str, words: list[str]) -> None:
    """Exit 2, with the key, what is wrong, and what to write."""
    text = refused(said(project, line))

    for one in words:
        assert one in text, text


def test_every_wrong_name_is_told_at_once(project: Project) -> None:
    """Of packages that are not there, and of those that the runtime does not bring."""
    said(project, 'exclude_packages = ["fsat"]', 'provided = ["fast", "demo"]')

    text = refused(project)

    assert "app.exclude_packages: 'fsat' is not among" in text
    assert "app.provided: 'fast' is not of Lambda's runtime" in text
    assert "app.provided: 'demo' is not of Lambda's runtime" in text
    assert "write the names as the lock has them; leave out what you do not want" in text


def test_several_functions_share_one_list(project: Project) -> None:
    """A project's `exclude_packages` holds where it fits; elsewhere it is a warning."""
    said(project, 'exclude_packages = ["fsat"]')
    config = project.folder / "imagekit.toml"
    other = '[functions.other]\nhandler = "app.handler"\n'
    config.write_text(config.read_text("utf-8") + other, encoding="utf-8")
    done = succeeded(project.run("plan"))

    assert "warning" in done.stderr
    assert "did you mean fast?" in done.stderr


def test_half_of_the_sdk_is_warned_of(project: Project) -> None:
    """The runtime's boto3 was made for the runtime's urllib3, not for one that comes before it."""
    said(project, 'provided = ["boto3", "botocore"]')
    done = succeeded(project.run("plan"))

    assert "urllib3 2.0 stays in, and comes before what the runtime has" in done.stderr


def test_an_image_leaves_out_what_its_base_has_in_any_version(
    imaged: Project, wheels: Path, index: Index
) -> None:
    """`provided` in an image asks the base; what that has not stays in, and is said."""
    write_pylock(imaged.folder, wheels.glob("*.whl"), index)
    done = succeeded(said(imaged, 'provided = ["demo"]').run("plan"))

    assert "has no demo: it stays in" in done.stderr
    assert "demo 1.0" in done.stdout


def test_a_base_has_words_of_its_own(
    tmp_path: Path, wheels: Path, index: Index, aws_base: str, project: Project
) -> None:
    """`slim` in base.toml, `safe` where it says nothing; the function's own words do not reach."""
    platform = Platform(folder=tmp_path / "platform", env={**project.env, **DAY})
    fast = list(wheels.glob("fast-*.whl"))
    sizes = {}
    for name, word in (("whole", 'slim = "off"\n'), ("safe", ""), ("max", 'slim = "max"\n')):
        platform.share(name, aws_base, fast, index, word)
        (made,) = platform.made("build", name, "--arch", "x86_64")
        sizes[name] = made["layers"][-1]["unzipped_bytes"]

    assert sizes["whole"] > sizes["safe"] > sizes["max"]
