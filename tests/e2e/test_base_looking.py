"""`base list`, `base outdated` and `lock --upgrade-base NAME`, over a registry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imagekit.bases.facts import facts_of
from imagekit.bases.label import label_of
from imagekit.bases.view import View
from imagekit.oci.documents import parse_config
from tests.bases.fake import ENV, FakeImage, debian_layer, put_index
from tests.e2e.projects import APP, Project, write_project, write_pylock
from tests.registry.fault_registry import Fault, FaultRegistry, Rules
from tests.services.cli import succeeded
from tests.services.wheels import make_wheel

OLD, NEW, NEWEST = "2026.11.18", "2026.11.20", "2026.11.21"
DAY = 24 * 3600
PINNED = 1_795_219_200
"""Noon of 2026-11-21, as seconds since 1970."""


def image(version: str, *, more: Mapping[str, bytes] | None = None, **fields: Any) -> FakeImage:
    """A base with a runtime client and one shared package."""
    home, info = "opt/python", f"opt/python/demo-{version}.dist-info"
    record = f"demo/__init__.py,,\ndemo-{version}.dist-info/RECORD,,\n"
    layer = debian_layer(
        {
            "lambda-entrypoint.sh": b"#!/bin/sh\n",
            "var/runtime/bootstrap": b"#!/bin/sh\n",
            f"{home}/demo/__init__.py": b"ANSWER = 42\n",
            f"{info}/METADATA": f"Name: demo\nVersion: {version}\n".encode(),
            f"{info}/RECORD": record.encode(),
            **(more or {}),
        }
    )
    settings = {
        "Env": [f"{key}={value}" for key, value in ENV.items()],
        "Entrypoint": ["/lambda-entrypoint.sh"],
    }
    return FakeImage(**{"layers": [layer], "settings": settings, **fields})


@pytest.fixture
def server() -> Iterator[FaultRegistry]:
    """A registry with the base `bases/team:2026.11.18`."""
    with FaultRegistry() as registry:
        image("1.0").put(registry, "bases/team", OLD)
        yield registry


@pytest.fixture
def project(tmp_path: Path, server: FaultRegistry) -> Project:
    """One function on the base `team`, which `[bases]` names."""
    make_wheel(tmp_path / "wheels", "demo", "1.0", {"demo/__init__.py": b"ANSWER = 42\n"})
    folder = write_project(
        tmp_path / "project",
        keys={"base": "team", "packaging": "image", "bytecode": False},
        files={"app.py": APP},
    )
    config = folder / "imagekit.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(f'{text}[bases]\nteam = "{server.host}/bases/team:{OLD}"\n', encoding="utf-8")
    write_pylock(folder, (tmp_path / "wheels").glob("*.whl"))
    return Project(folder=folder, env={"SOURCE_DATE_EPOCH": str(PINNED)})


@pytest.fixture
def locked(project: Project) -> Project:
    """The same, pinned on 2026-11-21."""
    succeeded(project.run("lock"))
    return project


def after(project: Project, days: int) -> Project:
    """The same, so many days later."""
    return project.with_env(SOURCE_DATE_EPOCH=str(PINNED + days * DAY))


def lock_of(project: Project) -> str:
    return (project.folder / "imagekit.lock").read_text(encoding="utf-8")


def look(project: Project, status: int, *arguments: str) -> dict[str, Any]:
    """The one base that `base outdated --json` tells of."""
    done = project.run("base", "outdated", "--json", *arguments)
    assert done.returncode == status, done.stderr
    (found,) = json.loads(done.stdout)["bases"]
    return dict(found)


def test_nothing_newer_is_exit_0(locked: Project, server: FaultRegistry) -> None:
    """Tags and one digest are asked for, no layer."""
    server.forget()
    found = look(locked, 0)

    assert found["status"] == "current"
    assert found["reference"] == f"{server.host}/bases/team:{OLD}@{image('1.0').digest}"
    assert found["pinned"] == "2026-11-21"
    assert found["functions"] == ["app"]
    assert server.saw("GET", "/blobs/") == []
    said = succeeded(after(locked, 3).run("base", "outdated"))
    assert re.fullmatch(r"team +x86_64 +up to date, pinned 3 days ago\n", said.stdout)
    assert said.stderr == "nothing is behind\n"


def test_newer_calendar_tags_are_exit_1_and_say_what_differs(
    locked: Project, server: FaultRegistry
) -> None:
    """All that came since, the newest compared: packages, Python, glibc, size."""
    image("1.1").put(server, "bases/team", NEW)
    image("2.0", more={"usr/share/x": b"x" * 200_000}).put(server, "bases/team", NEWEST)
    image("9.9").put(server, "bases/team", "2026.11.30-slim")
    image("9.9", architecture="arm64").put(server, "bases/team", "2026.11.30-arm64")
    found = look(locked, 1)

    assert found["status"] == "behind"
    assert found["tags"] == [NEW, NEWEST]
    assert found["newer"].startswith(f"{server.host}/bases/team:{NEWEST}@sha256:")
    assert found["difference"]["packages"] == ["demo 1.0→2.0"]
    before, now = found["difference"]["unzipped_bytes"]
    assert now > before
    assert "python" not in found["difference"]
    done = locked.run("base", "outdated")
    assert done.returncode == 1
    assert f"behind: {OLD} → {NEWEST}, 1 more between them\n" in done.stdout
    assert "demo 1.0→2.0" in done.stdout
    assert "used by app" in done.stdout
    assert done.stderr == "1 base is behind; next: imagekit lock --upgrade-base team\n"


def test_the_upgrade_moves_the_lock_and_not_the_configuration(
    locked: Project, server: FaultRegistry
) -> None:
    """What `base outdated` read is not read again, and the next look finds nothing newer."""
    config = (locked.folder / "imagekit.toml").read_text(encoding="utf-8")
    newest = image("2.0")
    newest.put(server, "bases/team", NEWEST)
    look(locked, 1)
    server.forget()
    later = after(locked, 50)
    said = succeeded(later.run("lock", "--upgrade-base", "team")).stderr

    assert f"base team (x86_64) {OLD} → {NEWEST}: demo 1.0→2.0" in said
    assert len(server.saw("GET", "/blobs/")) == 0
    assert f'"{server.host}/bases/team:{NEWEST}@{newest.digest}"' in lock_of(later)
    assert "pinned = 2027-01-10" in lock_of(later)
    assert (locked.folder / "imagekit.toml").read_text(encoding="utf-8") == config
    assert look(later, 0)["status"] == "current"
    succeeded(later.run("plan", "--locked"))
    empty = later.with_env(IMAGEKIT_CACHE_DIR=str(locked.folder / "empty"))
    assert NEWEST in succeeded(empty.run("plan", "--locked")).stdout


def test_the_tag_in_the_configuration_wins_when_it_is_edited(
    locked: Project, server: FaultRegistry
) -> None:
    """Forwards or back: that is somebody's wish, and the lock's is older."""
    for tag, version in ((NEW, "1.1"), (NEWEST, "2.0")):
        image(version).put(server, "bases/team", tag)
    succeeded(locked.run("lock", "--upgrade-base"))
    assert NEWEST in lock_of(locked)
    locked.replace(OLD, NEW)
    refused = locked.run("plan", "--locked")
    assert refused.returncode == 2
    assert "base team (x86_64) is stale" in refused.stderr

    succeeded(locked.run("lock"))
    assert f"bases/team:{NEW}@" in lock_of(locked)


def test_a_reference_that_a_tool_moved_in_the_lock_is_taken(
    locked: Project, server: FaultRegistry
) -> None:
    """As Renovate edits it, tag and digest; the facts are read anew."""
    newer = image("1.1")
    newer.put(server, "bases/team", NEW)
    old = f"bases/team:{OLD}@{image('1.0').digest}"
    locked.replace(old, f"bases/team:{NEW}@{newer.digest}", "imagekit.lock")
    assert locked.run("plan", "--locked").returncode == 2

    succeeded(locked.run("lock"))
    assert f'reference = "{server.host}/bases/team:{NEW}@{newer.digest}"' in lock_of(locked)
    assert '"demo==1.1"' in lock_of(locked)


def test_tags_for_one_architecture_each(project: Project, server: FaultRegistry) -> None:
    """A base may be published so alone; the pin and what follows it are of the same kind."""
    other = "bases/split"
    for tag, version in ((OLD, "1.0"), (NEWEST, "2.0")):
        image(version).put(server, other, f"{tag}-x86_64")
        image(version, architecture="arm64").put(server, other, f"{tag}-arm64")
    project.replace("bases/team", other)
    succeeded(project.run("lock"))
    assert f"{other}:{OLD}-x86_64@" in lock_of(project)

    assert look(project, 1)["tags"] == [f"{NEWEST}-x86_64"]
    succeeded(project.run("lock", "--upgrade-base"))
    assert f"{other}:{NEWEST}-x86_64@" in lock_of(project)


def test_a_digest_in_the_configuration_holds(project: Project, server: FaultRegistry) -> None:
    """What is newer is told by its tag; an upgrade leaves it, and says so."""
    project.replace(OLD, f"{OLD}@{image('1.0').digest}")
    succeeded(project.run("lock"))
    image("2.0").put(server, "bases/team", NEWEST)
    assert look(project, 1)["held"] is True
    said = project.run("base", "outdated").stderr
    assert "next: name the newer digest of team in the configuration" in said

    done = succeeded(project.run("lock", "--upgrade-base", "team"))
    assert "the base team stays where it is" in done.stderr
    assert f"bases/team:{OLD}@" in lock_of(project)
    project.replace(f"{server.host}/bases/team:{OLD}@", f"{server.host}/bases/team@")
    assert look(project, 0)["status"] == "fixed"


def test_a_moving_tag_is_compared_by_digest(project: Project, server: FaultRegistry) -> None:
    """Also where it names an index: then the image for the architecture counts."""
    arm = image("1.0", architecture="arm64")
    put_index(server, "bases/team", "stable", image("1.0"), arm)
    project.replace(OLD, "stable")
    succeeded(project.run("lock"))
    put_index(server, "bases/team", "stable", image("1.0"))
    assert look(project, 0)["status"] == "current"
    put_index(server, "bases/team", "stable", image("1.1"), arm)
    found = look(project, 1)

    assert found["newer"] == f"{server.host}/bases/team:stable@{image('1.1').digest}"
    assert found["difference"]["packages"] == ["demo 1.0→1.1"]
    assert "tags" not in found
    assert "behind: stable moved: " in project.run("base", "outdated").stdout
    succeeded(project.run("lock", "--upgrade-base", "team"))
    assert look(project, 0)["status"] == "current"


def test_a_calendar_tag_that_was_moved_is_behind(locked: Project, server: FaultRegistry) -> None:
    """Nobody should; whoever does must not stay unseen."""
    image("1.1").put(server, "bases/team", OLD)

    assert look(locked, 1)["difference"]["packages"] == ["demo 1.0→1.1"]


def test_labelled_facts_need_no_layer(locked: Project, server: FaultRegistry) -> None:
    """What the publisher wrote into the config is enough to say what differs, and no more."""
    newest = image("2.0")
    config = parse_config(newest.config)
    facts = facts_of(View([layer.listing() for layer in newest.layers]), config, 1, "x")
    key, value = label_of(facts, config.diff_ids)
    labelled = image("2.0", settings={**newest.settings, "Labels": {key: value}})
    labelled.put(server, "bases/team", NEWEST)
    server.forget()

    assert look(locked, 1)["difference"]["packages"] == ["demo 1.0→2.0"]
    assert len(server.saw("GET", "/blobs/")) == 1, "the config"
    succeeded(locked.run("lock", "--upgrade-base"))
    assert len(server.saw("GET", "/blobs/")) > 1, "a pin's facts are read from the layers"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(method="GET", path="/tags/", times=9, status=403), "answered 403"),
        (Fault(method="GET", path="/tags/", times=9, status=200, body=b"no"), "cannot be listed"),
        (Fault(method="HEAD", path="/manifests/", times=9, status=404), "any more"),
    ],
)
def test_what_cannot_be_looked_at_is_exit_3(
    locked: Project, server: FaultRegistry, fault: Fault, words: str
) -> None:
    """With the base and what the registry said; no traceback."""
    server.fault(fault)
    done = locked.run("base", "outdated")

    assert done.returncode == 3
    assert re.search(f"team +x86_64 +could not look: .*{words}", done.stdout)
    assert done.stderr == "could not look at team\n"


def test_no_registry_at_all(locked: Project) -> None:
    """Nothing listens there."""
    locked.replace('base = "team"', 'base = "127.0.0.1:9/bases/team:2026.11.18"', "imagekit.toml")
    found = look(locked, 3)

    assert found["status"] == "unknown"
    assert "127.0.0.1:9" in found["why"]


def test_one_that_is_behind_is_told_though_another_cannot_be_looked_at(
    locked: Project, server: FaultRegistry
) -> None:
    """Exit 1: what is known to be behind is certain."""
    image("2.0").put(server, "bases/team", NEWEST)
    config = locked.folder / "imagekit.toml"
    more = f'[functions.two]\nhandler = "app.handler"\nbase = "{server.host}/gone:1"\n'
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    done = locked.run("base", "outdated")

    assert done.returncode == 1
    assert "could not look at" in done.stderr
    assert "1 base is behind" in done.stderr


def test_what_is_not_pinned_yet(project: Project, server: FaultRegistry) -> None:
    """Nothing to compare; but the tag that the configuration names may be an old one."""
    assert look(project, 0)["status"] == "unpinned"
    image("2.0").put(server, "bases/team", NEWEST)
    found = look(project, 1)

    assert found["tags"] == [NEWEST]
    assert "difference" not in found
    assert not (project.folder / "imagekit.lock").exists()


def test_a_composed_base_and_a_folder(project: Project) -> None:
    """Nobody can be asked: said as such, exit 0."""
    project.replace('base = "team"', 'base = "debian-python3.13"')
    said = succeeded(project.run("base", "outdated")).stdout
    assert "composed on this machine" in said
    assert "imagekit lock --upgrade-base debian-python3.13" in said
    (project.folder / "layout").mkdir()
    (project.folder / "layout" / "oci-layout").write_text("{}", encoding="utf-8")
    project.replace('base = "debian-python3.13"', 'base = "./layout"\npython = "3.13"')

    assert "a folder" in succeeded(project.run("base", "outdated")).stdout


def test_a_zip_uses_no_base(project: Project) -> None:
    """Said, not an empty answer that could mean anything."""
    project.replace('packaging = "image"', 'packaging = "zip"\npython = "3.13"')
    done = succeeded(project.run("base", "outdated"))

    assert done.stdout == ""
    assert "no function here is an image" in done.stderr


def test_a_base_that_is_made_here_is_as_old_as_what_it_starts_from(
    tmp_path: Path, server: FaultRegistry
) -> None:
    """A platform team has no functions; the base below is looked at, and named."""
    folder = tmp_path / "platform" / "base_images" / "mine"
    folder.mkdir(parents=True)
    text = f'from = "{server.host}/bases/team:{OLD}"\n[env]\nA = "b"\n'
    (folder / "base.toml").write_text(text, encoding="utf-8")
    platform = Project(folder=tmp_path / "platform", env={"SOURCE_DATE_EPOCH": str(PINNED)})
    assert "no base is made here" in succeeded(platform.run("base", "outdated")).stderr
    succeeded(platform.run("base", "build", "mine", "--arch", "x86_64"))
    image("2.0").put(server, "bases/team", NEWEST)
    done = platform.run("base", "outdated")

    assert done.returncode == 1, done.stderr
    assert f"mine  x86_64  behind: {OLD} → {NEWEST}" in done.stdout
    assert done.stderr.endswith("next: imagekit base publish mine --upgrade\n")
    assert "mine  " in succeeded(platform.run("base", "list")).stdout


def test_only_the_named_base_is_upgraded(locked: Project, server: FaultRegistry) -> None:
    """The others keep their pin and their day."""
    image("1.0").put(server, "bases/other", OLD)
    config = locked.folder / "imagekit.toml"
    more = f'other = "{server.host}/bases/other:{OLD}"\n'
    more += '[functions.two]\nhandler = "app.handler"\nbase = "other"\n'
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    succeeded(locked.run("lock"))
    for name in ("team", "other"):
        image("2.0").put(server, f"bases/{name}", NEWEST)
    succeeded(locked.run("lock", "--upgrade-base", "other"))

    assert f"bases/other:{NEWEST}@" in lock_of(locked)
    assert f"bases/team:{OLD}@" in lock_of(locked)
    succeeded(locked.run("lock", "--upgrade-base=other", "--upgrade-base", "team"))
    assert f"bases/team:{NEWEST}@" in lock_of(locked)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tema", "imagekit lock --upgrade-base team"),
        ("app", "imagekit lock app --upgrade-base"),
    ],
)
def test_a_name_that_nobody_uses(locked: Project, name: str, hint: str) -> None:
    """Exit 2 with what to type: also where the name of a function stands in the wrong place."""
    done = locked.run("lock", "--upgrade-base", name)

    assert done.returncode == 2
    assert repr(name) in done.stderr
    assert done.stderr.endswith(f"hint: {hint}\n")


def test_an_upgrade_without_news_says_so_and_counts_as_a_look(locked: Project) -> None:
    """Else the reminder would come back with every build until something newer is published."""
    later = after(locked, 60)
    said = succeeded(later.run("lock", "--upgrade-base")).stderr

    assert "base team (x86_64) has nothing newer" in said
    assert "pinned = 2027-01-20" in lock_of(later)
    again = succeeded(later.run("lock", "--upgrade-base")).stderr
    assert "imagekit.lock is up to date" in again


def test_another_day_changes_no_lock(locked: Project) -> None:
    """Builds and `imagekit lock` leave the day alone."""
    before = lock_of(locked)
    for arguments in (("lock",), ("build",), ("plan",)):
        succeeded(after(locked, 9).run(*arguments))

    assert lock_of(locked) == before


def test_a_build_reminds_once_of_an_old_pin(locked: Project, server: FaultRegistry) -> None:
    """After 45 days, in one line with what to type, and nobody is asked."""
    assert "pinned" not in succeeded(after(locked, 45).run("build")).stderr
    server.forget()
    done = succeeded(after(locked, 46).run("build", "--locked"))
    (line,) = [line for line in done.stderr.splitlines() if "pinned" in line]

    assert line.startswith("note: the base team was pinned 46 days ago")
    assert "`imagekit lock --upgrade-base team`" in line
    assert server.seen == []


def test_the_list_says_who_uses_what_and_asks_nobody(
    locked: Project, server: FaultRegistry
) -> None:
    """Name, origin, pin and its age, size, functions, and the bytes that they need not ship."""
    server.forget()
    done = succeeded(after(locked, 10).run("base", "list", "--json"))
    bases = {base["name"]: base for base in json.loads(done.stdout)["bases"]}
    team = bases["team"]

    assert {"debian-python3.13", "python3.13", "team"} <= set(bases)
    assert team["origin"] == f"{server.host}/bases/team:{OLD}"
    assert team["functions"] == ["app"]
    (pin,) = team["pins"]
    assert (pin["age_days"], pin["pinned"], pin["python"]) == (10, "2026-11-21", "3.13.5")
    weight = len(b"ANSWER = 42\n") + len("demo/__init__.py,,\ndemo-1.0.dist-info/RECORD,,\n")
    assert team["saved_bytes"] == weight
    assert team["savings"][0]["packages"] == ["demo"]
    assert bases["python3.13"]["pins"] == []
    assert bases["python3.13"]["saved_bytes"] is None
    assert server.seen == []
    text = succeeded(after(locked, 10).run("base", "list")).stdout
    assert "pinned 10 days ago" in text
    assert f"saves {weight} B of packages, unzipped, in 1 function" in text


def test_another_version_saves_nothing(locked: Project, server: FaultRegistry) -> None:
    """A function's own copy wins whole."""
    image("2.0").put(server, "bases/team", NEWEST)
    succeeded(locked.run("lock", "--upgrade-base"))
    text = succeeded(locked.run("base", "list")).stdout

    assert "saves them nothing" in text


def test_the_list_of_a_fresh_project(project: Project) -> None:
    """Not pinned: what it would save is not known, and nothing is made up."""
    done = succeeded(project.run("base", "list"))

    assert "used by app; not pinned yet: imagekit lock" in done.stdout
    assert "debian-python3.13  debian trixie (shipped)" in done.stdout


def test_a_broken_base_does_not_hide_the_others(project: Project) -> None:
    """Told in its row."""
    folder = project.folder / "base_images" / "broken"
    folder.mkdir(parents=True)
    (folder / "base.toml").write_text("from = 1\n", encoding="utf-8")
    done = succeeded(project.run("base", "list"))

    assert "broken  cannot be used" in done.stdout
    assert "team  " in done.stdout


def test_a_private_registry_without_a_login(locked: Project, server: FaultRegistry) -> None:
    """What it answers, and what to type."""
    server.rules = Rules(login=("user", "secret"))
    done = locked.run("base", "outdated")

    assert done.returncode == 3
    assert f"docker login {server.host}" in done.stdout
