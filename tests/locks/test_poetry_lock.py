"""poetry.lock: what a function gets of it, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.model.errors import LockError
from imagekit.model.package import Directory, Vcs
from imagekit.model.target import Target
from imagekit.project.locks import find, inputs_of, resolve
from tests.locks.world import World, files, names, pyproject, target
from tests.locks.written import file_of, package, poetry_lock
from tests.services.index import Index
from tests.services.wheels import make_wheel

PROJECT = pyproject(
    more="[project.optional-dependencies]\nmore = []\nother = []\n"
    "[dependency-groups]\nJobs = []\n[tool.poetry.group.dev]\n"
)


def lock(world: World, *packages: Mapping[str, object], **options: object) -> None:
    """pyproject.toml and a poetry.lock that fits it."""
    world.write("pyproject.toml", PROJECT)
    extras = {"more": ["x"], "Other.One": ["y"]}
    world.write("poetry.lock", poetry_lock(PROJECT, *packages, extras=extras, **options))  # type: ignore[arg-type]


def wheels(world: World, *wanted: str) -> list[dict[str, object]]:
    """Each of these with a wheel, as the lock names it."""
    return [package(name, files=[world.wheel(name)]) for name in wanted]


def test_the_main_group_and_what_is_named(world: World) -> None:
    """Main is always in, a group or an extra where the function names it, dev never by itself."""
    main, dev, jobs, extra, both = wheels(world, "main", "dev", "jobs", "extra", "both")
    lock(
        world,
        main,
        dev | {"groups": ["dev"]},
        jobs | {"groups": ["jobs"]},
        extra | {"markers": 'extra == "more"', "optional": True},
        both | {"groups": ["main", "dev"], "markers": {"main": 'extra == "other-one"'}},
    )

    def got(*groups: str, extras: tuple[str, ...] = ()) -> list[str]:
        return names(world.resolve(world.function(groups=groups, extras=extras)))

    assert got() == ["main"]
    assert got("jobs") == got("JOBS") == ["jobs", "main"]
    assert got(extras=("more",)) == ["extra", "main"]
    assert got(extras=("more", "other.one")) == ["both", "extra", "main"]
    # Without a marker of its own a group has the package always.
    assert got("dev") == ["both", "dev", "main"]


def test_extras_that_exclude_each_other(world: World) -> None:
    """`extra != …` is about all extras that the function names, not about one of them."""
    one, two = wheels(world, "one", "two")
    lock(
        world,
        one | {"markers": 'extra == "more" and extra != "other-one"'},
        two | {"markers": 'extra == "more" and extra == "other-one"'},
    )

    assert names(world.resolve(world.function(extras=("more",)))) == ["one"]
    assert names(world.resolve(world.function(extras=("more", "other-one")))) == ["two"]


def test_markers_are_the_targets(world: World) -> None:
    """A name in two versions: the one of the target's Python; and machine and system are its."""
    for version in ("1.0", "2.0"):
        world.wheel("many", version)
    arm, windows = wheels(world, "arm", "windows")
    old, new = (
        package("many", version, files=[world.wheel("many", version)]) for version in ("1.0", "2.0")
    )
    lock(
        world,
        old | {"markers": 'python_version < "3.12"'},
        new | {"markers": 'python_version >= "3.12"'},
        arm | {"markers": 'platform_machine == "aarch64"'},
        windows | {"markers": 'sys_platform == "win32"'},
    )

    assert files(world.resolve()) == {"many": "many-2.0-py3-none-any.whl"}
    assert files(world.resolve(target=target("arm64", "3.11"))) == {
        "arm": "arm-1.0-py3-none-any.whl",
        "many": "many-1.0-py3-none-any.whl",
    }


def test_one_pin_serves_every_patch_of_a_python(world: World) -> None:
    """What imagekit.lock keeps also has what an older patch release needs."""
    old, new = (
        package("many", version, files=[world.wheel("many", version)]) for version in ("1.0", "2.0")
    )
    lock(
        world,
        old | {"markers": 'python_full_version < "3.13.2"'},
        new | {"markers": 'python_full_version >= "3.13.2"'},
    )
    managed = Target.managed("3.13", "x86_64")
    pinned = world.resolve(target=managed).pylock
    older = world.resolve(target=replace(managed, full_version="3.13.0"), pinned=pinned)

    assert files(world.resolve(target=managed, pinned=pinned))["many"].startswith("many-2.0")
    assert files(older)["many"].startswith("many-1.0")


def test_only_files_that_the_lock_names(world: World) -> None:
    """A better wheel that appeared on the index later is not taken: its hash is not in the lock."""
    plain = package("plain", files=[world.wheel("plain")])
    lock(world, plain)
    world.wheel("plain", tag="cp313-cp313-manylinux_2_28_x86_64")

    assert files(world.resolve()) == {"plain": "plain-1.0-py3-none-any.whl"}


def test_every_package_without_its_file_at_once(world: World) -> None:
    """Other bytes than those that were locked: each package is named, and what to type."""
    for name in ("one", "two"):
        world.wheel(name)
    wrong = [{"file": "x.whl", "hash": "sha256:" + "0" * 64}]
    lock(world, package("one", files=wrong), package("two", files=wrong))

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert [text.split(":")[0] for text in caught.value.problems] == ["one", "two"]
    assert "poetry lock" in str(caught.value.hint)


def test_packages_that_cannot_be_held_to_their_lock(world: World) -> None:
    """No sha256, a marker that is none, two versions at once: all in one answer."""
    world.wheel("two", "1.0")
    lock(
        world,
        package("bare", files=[]),
        package("weak", files=[{"file": "weak.whl", "hash": "md5:00"}]),
        package("odd", files=[world.wheel("odd")], markers="python_version ~ 3"),
        package("two", "1.0", files=[world.wheel("two", "1.0")]),
        package("two", "2.0", files=[world.wheel("two", "2.0")]),
        package("url", source={"type": "url", "url": "https://files.test/url-1.0.whl"}),
    )

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert {text.split()[0] for text in caught.value.problems} == {
        "bare",
        "weak",
        "odd",
        "two",
        "url",
    }
    assert all("poetry update --lock" in text for text in caught.value.problems)
    assert world.calls() == []


def test_folders_files_urls_and_commits(world: World) -> None:
    """What lies at a place of its own needs no index; paths start at the lock."""
    world.own("lib", "lib")
    wheel = world.wheel("local")
    commit = "a" * 40
    git = {
        "type": "git",
        "url": "https://git.test/it.git",
        "reference": "main",
        "resolved_reference": commit,
        "subdirectory": "sub",
    }
    url = "https://files.test/remote-1.0-py3-none-any.whl"
    remote = {"file": "remote-1.0-py3-none-any.whl", "hash": "sha256:" + "1" * 64}
    lock(
        world,
        package("lib", "0.9", source={"type": "directory", "url": "lib"}, develop=True, files=[]),
        package("it", source=git, develop=False, files=[]),
        package("local", files=[wheel], source={"type": "file", "url": f"../wheels/{wheel.name}"}),
        package("remote", files=[remote], source={"type": "url", "url": url}),
    )
    origins = {each.name: each.origin for each in world.resolve().packages}

    assert origins["lib"] == Directory(world.project / "lib")
    assert origins["it"] == Vcs(url="https://git.test/it.git", commit=commit, subdirectory="sub")
    assert getattr(origins["local"], "url", None) == wheel.as_uri()
    assert getattr(origins["remote"], "url", None) == url
    assert world.calls() == []


@pytest.mark.parametrize(
    ("version", "hint"), [("2.0", "poetry lock"), ("1.1", "poetry lock"), ("3.0", "imagekit")]
)
def test_formats_without_groups_and_of_the_future(world: World, version: str, hint: str) -> None:
    """Before lock-version 2.1 no package says which group it is for."""
    lock(world, *wheels(world, "plain"), version=version)

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert version in caught.value.problems[0]
    assert hint in str(caught.value.hint)


def test_a_stale_lock_is_refused_with_a_pin_too(world: World) -> None:
    """A dependency added since: refused, whether imagekit.lock already has the packages or not."""
    lock(world, *wheels(world, "plain"))
    pinned = world.resolve().pylock
    world.write("pyproject.toml", PROJECT.replace("dependencies = []", "dependencies = ['more']"))

    for known in (None, pinned):
        with pytest.raises(LockError) as caught:
            world.resolve(pinned=known)
        assert caught.value.hint == "poetry lock"


def test_a_comment_makes_no_lock_stale(world: World) -> None:
    """What poetry does not look at is no concern here either, and uv is not asked again."""
    lock(world, *wheels(world, "plain"))
    first = world.resolve()
    ran = len(world.calls())
    world.write("pyproject.toml", PROJECT + "# hello\n[tool.imagekit]\nbytecode = false\n")
    second = world.resolve(pinned=first.pylock)

    assert (second.packages, second.inputs) == (first.packages, first.inputs)
    assert len(world.calls()) == ran == 1


def test_inputs_are_told_without_reading_the_lock_as_toml(world: World) -> None:
    """A lock may have megabytes: what depends on it is told by its bytes alone."""
    world.write("pyproject.toml", PROJECT)
    world.write("poetry.lock", "no [ TOML")
    found = find(world.function(), world.project)

    assert inputs_of(found, world.function(), target()) != inputs_of(
        found, world.function(groups=("dev",)), target()
    )
    with pytest.raises(LockError, match="not TOML"):
        world.resolve()


def test_what_the_lock_does_not_know(world: World) -> None:
    """Groups, extras and a Python that there are not, at once, and those that there are."""
    lock(world, *wheels(world, "plain"), pythons="^3.11,<3.13")
    function = world.function(groups=("nope", "dev"), extras=("none",))

    with pytest.raises(LockError) as caught:
        world.resolve(function)

    assert len(caught.value.problems) == 3
    assert "'none'" in caught.value.problems[0]
    assert "'nope'" in caught.value.problems[1]
    assert "3.13" in caught.value.problems[2]
    assert "more, Other.One, dev, Jobs" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("constraint", "allowed"),
    [
        ("*", True),
        ("^3.11", True),
        ("~3.13", True),
        ("~3.12", False),
        ("^2.7 || >=3.12", True),
        (">=3.9,<3.10 || ~3.11", False),
        (">=3.11 <3.13", False),
        ("3.13.*", True),
        ("!=3.13.*,>=3.11", False),
        ("what", True),
    ],
)
def test_poetrys_words_for_pythons(world: World, constraint: str, allowed: bool) -> None:
    """Caret, tilde, alternatives, wildcards; what is not understood forbids nothing."""
    lock(world, *wheels(world, "plain"), pythons=constraint)

    if allowed:
        assert names(world.resolve()) == ["plain"]
    else:
        with pytest.raises(LockError, match="it is for Python"):
            world.resolve()


def test_each_index_is_asked_for_its_own_packages(world: World, tmp_path: Path) -> None:
    """Two private indexes have a package of one name: the one that the lock names is taken."""
    world.write("uv.toml", "")
    made = {
        name: make_wheel(tmp_path / name, "shared", "1.0", {"shared.py": name.encode()})
        for name in ("ours", "theirs")
    }
    only = make_wheel(tmp_path / "theirs", "only", "1.0", {"only.py": b""})
    with Index(tmp_path / "ours") as ours, Index(tmp_path / "theirs") as theirs:
        from_ours = {"type": "legacy", "url": ours.url, "reference": "ours"}
        from_theirs = {"type": "legacy", "url": theirs.url, "reference": "theirs"}
        lock(
            world,
            package("shared", files=[made["ours"]], source=from_ours),
            package("only", files=[only], source=from_theirs),
        )
        origins = {each.name: each.origin for each in world.resolve().packages}

    assert getattr(origins["shared"], "url", "").startswith(f"http://{ours.host}/")
    assert getattr(origins["only"], "url", "").startswith(f"http://{theirs.host}/")


def test_functions_with_the_same_packages_ask_uv_once(world: World) -> None:
    """One lock for many functions: equal packages are looked for once a run."""
    lock(world, *wheels(world, "plain"))
    found = find(world.function(), world.project)
    for name in ("one", "two"):
        function = replace(world.function(), name=name)
        resolve(found, function, target(), store=world.store, uv=world.uv())

    assert len(world.calls()) == 1


def test_the_member_key_is_uvs(world: World) -> None:
    """A poetry.lock has one project."""
    lock(world)

    with pytest.raises(LockError, match="member"):
        world.resolve(world.function(member="other"))


def test_a_lock_further_up_is_anothers(world: World) -> None:
    """A project below with dependencies of its own is not in the lock above, unless it is said."""
    lock(world, *wheels(world, "plain"))
    world.write("inner/pyproject.toml", pyproject("else"))
    (world.project / ".git").mkdir()

    with pytest.raises(LockError, match="are not in it"):
        world.resolve(world.function("inner"))
    named = world.function("inner", lock=(world.project / "poetry.lock"))
    assert names(world.resolve(named)) == ["plain"]


def test_a_function_without_dependencies_of_its_own_shares_the_lock(world: World) -> None:
    """Many functions below one lock: each gets its main group."""
    lock(world, *wheels(world, "plain"))
    world.write("inner/pyproject.toml", pyproject())
    (world.project / ".git").mkdir()

    assert names(world.resolve(world.function("inner"))) == ["plain"]


def test_nothing_to_find_asks_nobody(world: World) -> None:
    """An empty lock is a lock: no packages, and uv is not run."""
    lock(world)

    assert world.resolve().packages == ()
    assert world.calls() == []


def test_inputs_follow_the_lock(world: World) -> None:
    """Another hash in the lock is another input; line ends are not."""
    plain = package("plain", files=[file_of(world.wheel("plain"))])
    lock(world, plain)
    path = world.project / "poetry.lock"
    first = world.resolve().inputs
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert world.resolve().inputs == first

    lock(world, plain | {"description": "another"})
    assert world.resolve().inputs != first
