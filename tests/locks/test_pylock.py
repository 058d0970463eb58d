"""pylock.toml (PEP 751), and what is said where nothing in it fits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imagekit.model.errors import LockError, NoWheels
from imagekit.model.package import Artifact, Directory, Sdist, Vcs
from imagekit.model.target import Target
from tests.locks.world import World, files, names, target

HEAD = 'lock-version = "1.0"\ncreated-by = "hand"\n'
SHA = "a" * 64
COMMIT = "b" * 40


def package(name: str, *lines: str, version: str | None = "1.0") -> str:
    head = f'[[packages]]\nname = "{name}"\n' + (f'version = "{version}"\n' if version else "")
    return head + "\n".join(lines) + "\n"


def wheels(*filenames: str) -> str:
    listed = ", ".join(
        f'{{ url = "https://index.test/{name}", hashes = {{ sha256 = "{SHA}" }} }}'
        for name in filenames
    )
    return f"wheels = [{listed}]"


def sdist(filename: str) -> str:
    return f'sdist = {{ url = "https://index.test/{filename}", hashes = {{ sha256 = "{SHA}" }} }}'


def pure(name: str) -> str:
    return wheels(f"{name}-1.0-py3-none-any.whl")


def test_every_kind_of_source(world: World) -> None:
    """Wheels, sdists, archives, commits and folders each arrive as what they are."""
    (world.project / "lib").mkdir()
    archive = f'hashes = {{ sha256 = "{SHA}" }}'
    world.write(
        "pylock.toml",
        HEAD
        + package("wheel", pure("wheel"), sdist("wheel-1.0.tar.gz"))
        + package("source", sdist("source-1.0.tar.gz"))
        + package("zipped", f'archive = {{ path = "z/v1.zip", subdirectory = "py", {archive} }}')
        + package("local", f'archive = {{ path = "w/local-1.0-py3-none-any.whl", {archive} }}')
        + package("lib", 'directory = { path = "lib", editable = true }', version=None)
        + package(
            "commit",
            f'vcs = {{ type = "git", url = "git+https://git.test/c", commit-id = "{COMMIT}" }}',
        ),
    )

    found = {one.name: one.origin for one in world.resolve().packages}

    assert isinstance(found["wheel"], Artifact)
    assert isinstance(found["source"], Sdist)
    assert isinstance(found["zipped"], Sdist)
    assert found["zipped"].subdirectory == "py"
    assert found["zipped"].artifact.url == (world.project / "z" / "v1.zip").as_uri()
    assert isinstance(found["local"], Artifact)
    assert found["lib"] == Directory(world.project / "lib")
    assert found["commit"] == Vcs(url="https://git.test/c", commit=COMMIT)


def test_the_project_itself_is_no_package(world: World) -> None:
    """A lock that names its own project as `.` ships it as source alone."""
    world.write("pyproject.toml", '[project]\nname = "scoring"\nversion = "1"\n')
    world.write("pylock.toml", HEAD + package("scoring", 'directory = { path = "." }'))

    assert world.resolve().packages == ()


def test_groups_and_extras_of_the_lock(world: World) -> None:
    """Groups and extras come when asked for; default groups are the dependencies themselves."""
    world.write(
        "pylock.toml",
        HEAD
        + 'extras = ["fast"]\ndependency-groups = ["dev"]\ndefault-groups = ["main"]\n'
        + package("base", "marker = \"'main' in dependency_groups\"", pure("base"))
        + package("quick", "marker = \"'fast' in extras\"", pure("quick"))
        + package("linter", "marker = \"'dev' in dependency_groups\"", pure("linter")),
    )

    assert names(world.resolve()) == ["base"]
    both = world.function(groups=("dev",), extras=("fast",))
    assert names(world.resolve(both)) == ["base", "quick", "linter"]
    with pytest.raises(LockError) as caught:
        world.resolve(world.function(groups=("nope",), extras=("nah",)))
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    "line",
    ['requires-python = ">=3.14"', "environments = [\"sys_platform == 'win32'\"]"],
)
def test_a_lock_for_others_is_refused(world: World, line: str) -> None:
    """`requires-python` and `environments` of the lock are held against the target."""
    world.write("pylock.toml", HEAD + line + "\n" + package("plain", pure("plain")))

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert "does not fit Python 3.13" in caught.value.problems[0]


def test_the_full_python_version_counts(world: World) -> None:
    """`requires-python >=3.13.1` holds against the target's patch version, not against 3.13."""
    world.write("pylock.toml", HEAD + 'requires-python = ">=3.13.1"\npackages = []\n')

    assert world.resolve().packages == ()


def test_all_problems_of_a_lock_come_at_once(world: World) -> None:
    """A malformed lock names every package that is wrong."""
    world.write(
        "pylock.toml",
        HEAD
        + package("good", pure("good"))
        + package("bare")
        + package("odd", wheels("other-1.0-py3-none-any.whl")),
    )

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert [problem.split(":")[0] for problem in caught.value.problems] == ["bare", "odd"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            'wheels = [{ url = "https://i.test/p-1.0-py3-none-any.whl", hashes = { md5 = "0" } }]',
            "no sha256",
        ),
        (
            'vcs = { type = "git", url = "https://git.test/p", commit-id = "main" }',
            "not a full commit id",
        ),
        (f'vcs = {{ type = "hg", url = "https://h.test", commit-id = "{COMMIT}" }}', "only git"),
        ('directory = { path = "absent" }', "no folder"),
        (f'archive = {{ path = "p.rar", hashes = {{ sha256 = "{SHA}" }} }}', "neither a wheel"),
    ],
)
def test_what_cannot_be_trusted_is_refused(world: World, lines: str, words: str) -> None:
    """Only sha256 and full commit ids pin; a lock with less is refused by name."""
    world.write("pylock.toml", HEAD + package("p", lines))

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert words in caught.value.problems[0]


def test_not_toml(world: World) -> None:
    """A lock that is no TOML is said to be that."""
    world.write("pylock.toml", "lock-version = ")

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert "not TOML" in caught.value.problems[0]


OLD = Target.managed("3.11", "x86_64")
BASE = Target(python="3.13", architecture="x86_64", glibc=(2, 36), full_version="3.13.5")


@pytest.mark.parametrize(
    ("tags", "wanted", "reason"),
    [
        (
            ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_34_x86_64"],
            OLD,
            "it needs glibc 2.28, the managed runtime for Python 3.11 has 2.26",
        ),
        (
            ["cp313-cp313-manylinux_2_39_x86_64"],
            BASE,
            "it needs glibc 2.39, the base has 2.36",
        ),
        (
            ["cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-macosx_11_0_arm64"],
            target("arm64"),
            "its wheels for this Python are for x86_64, not for aarch64",
        ),
        (
            ["cp39-cp39-manylinux2014_x86_64", "cp312-cp312-manylinux2014_x86_64"],
            target(),
            "its wheels for x86_64 are for Python 3.9, Python 3.12, not 3.13",
        ),
        (
            ["cp313-cp313-musllinux_1_2_x86_64"],
            target(),
            "its wheels for this Python are for musl (Alpine), Lambda's systems have glibc",
        ),
        (
            ["cp313-cp313-win_amd64"],
            target(),
            "it has no wheel for Python 3.13 on Linux and x86_64",
        ),
        (
            ["cp313-cp313t-manylinux_2_28_x86_64"],
            target(),
            "its wheels for x86_64 are for free-threaded Python 3.13, not 3.13",
        ),
    ],
)
def test_the_reason_names_what_would_have_to_be_different(
    world: World, tags: list[str], wanted: Target, reason: str
) -> None:
    """glibc, machine, Python or system: the reason is the one that stands in the way."""
    filenames = [f"p-1.0-{tag}.whl" for tag in tags]
    world.write("pylock.toml", HEAD + package("p", wheels(*filenames)))

    with pytest.raises(NoWheels) as caught:
        world.resolve(target=wanted)

    (problem,) = caught.value.problems
    assert problem.package == "p 1.0"
    assert problem.available == tuple(filenames)
    assert problem.reason == reason


def test_all_packages_without_a_wheel_come_at_once(world: World) -> None:
    """Whoever has three packages to change learns of all three."""
    world.write(
        "pylock.toml",
        HEAD
        + package("one", wheels("one-1.0-cp313-cp313-win_amd64.whl"))
        + package("fine", pure("fine"))
        + package("two", wheels("two-1.0-cp313-cp313-manylinux_2_99_x86_64.whl")),
    )

    with pytest.raises(NoWheels) as caught:
        world.resolve()

    assert [problem.package for problem in caught.value.problems] == ["one 1.0", "two 1.0"]


def test_what_its_authors_compile_for_linux_is_not_compiled_here(world: World) -> None:
    """An sdist stands in for wheels only where there are none for Linux at all."""
    linux = "p-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    world.write("pylock.toml", HEAD + package("p", sdist("p-1.0.tar.gz"), wheels(linux)))
    with pytest.raises(NoWheels):
        world.resolve(target=OLD)

    windows = "p-1.0-cp311-cp311-win_amd64.whl"
    world.write("pylock.toml", HEAD + package("p", sdist("p-1.0.tar.gz"), wheels(windows)))
    assert files(world.resolve(target=OLD)) == {"p": "Sdist"}


def test_the_best_wheel_is_taken(world: World) -> None:
    """The newest glibc below the floor wins, then the older, then abi3, then pure Python."""
    order = [
        "p-1.0-cp311-cp311-manylinux_2_26_x86_64.whl",
        "p-1.0-cp311-cp311-manylinux2014_x86_64.whl",
        "p-1.0-cp39-abi3-manylinux_2_17_x86_64.whl",
        "p-1.0-py3-none-any.whl",
    ]
    never = ["p-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"]
    for start in range(len(order)):
        listed = [*never, *reversed(order[start:])]
        world.write("pylock.toml", HEAD + package("p", wheels(*listed)))
        assert files(world.resolve(target=OLD)) == {"p": order[start]}


def test_files_beside_the_lock(world: World) -> None:
    """A relative path starts at the lock's folder, not at the working directory."""
    wheel = world.wheel("plain")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    line = f'wheels = [{{ path = "../wheels/{wheel.name}", hashes = {{ sha256 = "{digest}" }} }}]'
    world.write("pylock.toml", HEAD + package("plain", line))

    (found,) = world.resolve().packages

    assert isinstance(found.origin, Artifact)
    assert found.origin.url == Path(wheel).as_uri()
    assert found.origin.digest.hex == digest
