"""pdm.lock: what a function gets of it, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from imagekit.model.errors import LockError
from imagekit.model.package import Directory, Sdist, Vcs
from imagekit.project.locks.content_hash import pdm_hash
from imagekit.project.locks.toml import read_toml
from tests.locks.world import World, files, names, pyproject, target
from tests.locks.written import file_of, package, pdm_lock

PROJECT = pyproject(
    "top",
    more="[project.optional-dependencies]\nMore_One = ['extra']\n"
    "[dependency-groups]\njobs = ['job', {include-group = 'base'}]\nbase = ['below']\n"
    "dev = ['dev']\n[tool.pdm]\ndistribution = false\n",
)


def lock(world: World, *packages: Mapping[str, object], **options: object) -> None:
    """pyproject.toml and a pdm.lock that fits it."""
    world.write("pyproject.toml", PROJECT)
    world.write("pdm.lock", pdm_lock(PROJECT, *packages, **options))  # type: ignore[arg-type]


def wheels(world: World, *wanted: str) -> list[dict[str, object]]:
    """Each of these with a wheel, as the lock names it."""
    return [package(name, files=[world.wheel(name)]) for name in wanted]


def refused(world: World, **parts: tuple[str, ...]) -> LockError:
    """What is said where the lock is no use for the function."""
    with pytest.raises(LockError) as caught:
        world.resolve(world.function(**parts))  # type: ignore[arg-type]
    return caught.value


def test_the_default_group_and_what_is_named(world: World) -> None:
    """Default is always in, a group or an extra where the function names it, dev never."""
    top, dev, job, extra = wheels(world, "top", "dev", "job", "extra")
    lock(
        world,
        top,
        dev | {"groups": ["dev"]},
        job | {"groups": ["dev", "jobs"]},
        extra | {"groups": ["more-one"]},
        groups=("default", "dev", "jobs", "more-one"),
    )

    assert names(world.resolve()) == ["top"]
    assert names(world.resolve(world.function(groups=("jobs",)))) == ["job", "top"]
    assert names(world.resolve(world.function(extras=("More_One",)))) == ["extra", "top"]


def test_markers_and_extras_of_packages(world: World) -> None:
    """A version for each Python; `requests[socks]` beside `requests` is one package."""
    old, new = (
        package("top", version, files=[world.wheel("top", version)]) for version in ("1.0", "2.0")
    )
    job, below = wheels(world, "job", "below")
    lock(
        world,
        old | {"marker": 'python_version == "3.11"'},
        new | {"marker": 'python_version ~= "3.12"'},
        job,
        job | {"extras": ["socks"], "dependencies": ["below", "job==1.0"]},
        below,
    )

    assert files(world.resolve())["top"].startswith("top-2.0")
    assert files(world.resolve(target=target(python="3.11")))["top"].startswith("top-1.0")
    assert names(world.resolve()) == ["below", "job", "top"]


def test_without_inherited_metadata_dependencies_are_followed(world: World) -> None:
    """Nobody says which group wants what: from pyproject.toml down, markers, extras, includes."""
    top, dev, job, extra, below, far, windows = wheels(
        world, "top", "dev", "job", "extra", "below", "far", "windows"
    )
    lock(
        world,
        top | {"dependencies": ["Below>=1", 'windows; sys_platform == "win32"', "far[speed]"]},
        below | {"dependencies": ["top"]},
        far | {"dependencies": []},
        far | {"extras": ["speed"], "dependencies": ["far==1.0"]},
        windows,
        job,
        extra,
        dev,
        strategy=(),
        groups=("default", "jobs", "dev", "more-one"),
    )

    assert names(world.resolve()) == ["below", "far", "top"]
    assert names(world.resolve(world.function(groups=("jobs",)))) == ["below", "far", "job", "top"]
    assert "extra" in names(world.resolve(world.function(extras=("more-one",))))


def test_a_version_that_each_requirement_narrows(world: World) -> None:
    """Two versions for two targets: what anybody requires decides, in whatever order it is met."""
    (top, below) = wheels(world, "top", "below")
    old, new = (
        package("far", version, files=[world.wheel("far", version)]) for version in ("1.0", "2.0")
    )
    lock(
        world,
        top | {"dependencies": ["far", "below"]},
        below | {"dependencies": ["far<2"]},
        old,
        new,
        strategy=("cross_platform",),
    )

    assert files(world.resolve())["far"].startswith("far-1.0")


def test_a_version_that_nothing_narrows(world: World) -> None:
    """Where the choice stays open, or something is not there, each is named with what to type."""
    (top,) = wheels(world, "top")
    versions = [package("far", version, files=[]) for version in ("1.0", "2.0")]
    lock(world, top | {"dependencies": ["far", "absent"]}, *versions, strategy=())

    error = refused(world)

    assert [text.split()[0] for text in error.problems] == ["absent", "far"]
    assert all("inherit_metadata" in text for text in error.problems)


def test_with_static_urls_uv_is_not_needed(world: World) -> None:
    """The lock says all: wheels and sdists with their URLs and hashes."""
    wheel = world.wheel("top")
    at = {"url": wheel.as_uri(), "hash": file_of(wheel)["hash"]}
    sdist = {"url": "https://files.test/below-1.0.tar.gz", "hash": "sha256:" + "2" * 64}
    lock(
        world,
        package("top", files=[at]),
        package("below", files=[sdist]),
        strategy=("inherit_metadata", "static_urls"),
    )
    found = world.resolve()

    assert files(found)["top"] == wheel.name
    assert isinstance(found.packages[0].origin, Sdist)
    assert world.calls() == []


def test_folders_files_urls_and_commits(world: World) -> None:
    """Paths start at the lock, however pdm wrote them."""
    for name in ("lib", "lob"):
        world.own(name, name)
    wheel = world.wheel("top")
    url = "https://files.test/remote-1.0-py3-none-any.whl"
    remote = {"file": "remote-1.0-py3-none-any.whl", "hash": "sha256:" + "1" * 64}
    commit = "b" * 40
    lock(
        world,
        package("lib", "0.1", path="./lib", editable=True),
        package("lob", "0.1", url="file:///${PROJECT_ROOT}/lob"),
        package("it", git="https://git.test/it.git", ref="main", revision=commit, subdirectory="a"),
        package("top", path=f"../wheels/{wheel.name}", files=[wheel]),
        package("remote", url=url, files=[remote]),
    )
    origins = {each.name: each.origin for each in world.resolve().packages}

    assert origins["lib"] == Directory(world.project / "lib")
    assert origins["lob"] == Directory(world.project / "lob")
    assert origins["it"] == Vcs(url="https://git.test/it.git", commit=commit, subdirectory="a")
    assert getattr(origins["top"], "url", None) == wheel.as_uri()
    assert getattr(origins["remote"], "url", None) == url
    assert world.calls() == []


def test_packages_that_cannot_be_held_to_their_lock(world: World) -> None:
    """No hash, no commit, a marker that is none: all in one answer."""
    lock(
        world,
        package("bare"),
        package("edited", git="https://git.test/it.git", editable=True),
        package("odd", files=[world.wheel("odd")], marker="python_version ~ 3"),
        package("remote", url="https://files.test/remote-1.0-py3-none-any.whl"),
        package("none", 1.0),  # type: ignore[arg-type]
    )

    error = refused(world)

    assert {text.split()[0] for text in error.problems} == {
        "bare",
        "edited",
        "none",
        "odd",
        "remote",
    }
    assert all("pdm update" in text for text in error.problems)


@pytest.mark.parametrize(
    ("made_for", "fits"),
    [
        ({"requires_python": ">=3.11"}, True),
        ({"requires_python": "~=3.12", "platform": "manylinux_2_17_x86_64"}, True),
        ({"requires_python": "~=3.12", "platform": "manylinux_2_40_x86_64"}, True),
        ({"requires_python": "~=3.12", "platform": "linux"}, True),
        ({"requires_python": "~=3.12", "platform": "linux_x86_64"}, True),
        ({"requires_python": "==3.12.*"}, False),
        ({"requires_python": ">=3.11", "platform": "manylinux_2_17_aarch64"}, False),
        ({"requires_python": ">=3.11", "platform": "musllinux_1_2_x86_64"}, False),
        ({"requires_python": ">=3.11", "platform": "alpine"}, False),
        ({"requires_python": ">=3.11", "platform": "macos_arm64"}, False),
        ({"requires_python": ">=3.11", "implementation": "pypy"}, False),
    ],
)
def test_the_target_has_to_be_one_of_the_locks(
    world: World, made_for: dict[str, str], fits: bool
) -> None:
    """A lock holds only the files of the targets that it was made for."""
    other = {"requires_python": "<3.12", "platform": "windows_amd64"}
    lock(world, *wheels(world, "top"), targets=(other, made_for))

    if fits:
        assert names(world.resolve()) == ["top"]
    else:
        assert refused(world).hint == (
            'pdm lock --append --platform=manylinux_2_34_x86_64 --python="==3.13.*"'
        )


def test_what_was_not_locked(world: World) -> None:
    """pdm locks extras only where asked: the hint asks for all that is missing."""
    lock(world, *wheels(world, "top"))

    error = refused(world, groups=("jobs",), extras=("more-one",))

    assert len(error.problems) == 2
    assert "pdm lock -G :all" in str(error.hint)


def test_a_lock_without_the_default_group(world: World) -> None:
    """`pdm lock --no-default` leaves out what every function gets."""
    lock(world, *wheels(world, "top"), groups=("dev",))

    assert "default" in refused(world).problems[0]


@pytest.mark.parametrize(
    ("metadata", "hint"),
    [
        ({"lock_version": "3.1"}, "pdm lock"),
        ({"lock_version": "5.0"}, "pdm lock"),
        ({"lock_inputs": {"project": {}}}, "lock_inputs = false"),
        ({"content_hash": "sha256:" + "0" * 64}, "pdm lock"),
    ],
)
def test_formats_and_stale_locks(world: World, metadata: Mapping[str, object], hint: str) -> None:
    """Another format, one that only pdm can judge, and one that pyproject.toml has left behind."""
    lock(world, *wheels(world, "top"), **metadata)

    assert hint in str(refused(world).hint)


def test_a_workspaces_member_makes_the_lock_stale(world: World) -> None:
    """What a member requires is in the lock's hash; a kept resolution does not hide the change."""
    root = PROJECT + '[tool.pdm.workspace]\nmembers = ["members/*"]\n'
    world.write("pyproject.toml", root)
    world.write("members/one/pyproject.toml", pyproject("plain"))
    world.write("members/empty/README", "")
    (top,) = wheels(world, "top")
    member = read_toml(world.project / "members" / "one" / "pyproject.toml")
    content = read_toml(world.project / "pyproject.toml")
    hashed = f"sha256:{pdm_hash(content, {'members/one': member})}"
    world.write("pdm.lock", pdm_lock(root, top, content_hash=hashed))
    pinned = world.resolve().pylock
    assert names(world.resolve(pinned=pinned)) == ["top"]

    world.write("members/one/pyproject.toml", pyproject("plain<2"))
    with pytest.raises(LockError) as caught:
        world.resolve(pinned=pinned)
    assert caught.value.hint == "pdm lock"
