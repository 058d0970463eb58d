"""Sdists, commits and own projects become wheels, once per content and the same everywhere."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from imagekit.contents.built import build_wheels
from imagekit.contents.sources import Files
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, DigestMismatch, NoWheels
from imagekit.model.package import Artifact, Directory, LockedPackage, Package, Sdist, Vcs
from imagekit.model.target import Target
from tests.locks.world import World, make_world
from tests.services.needs import needs

# uv builds with the Python that runs the tests; the target is that Python's.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = Target.managed(PYTHON, "x86_64")
ARM = Target.managed(PYTHON, "arm64")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def local(artifact: Artifact) -> Path:
    """Fetches by reading a file: URL."""
    return Path(unquote(urlsplit(artifact.url).path))


def never(artifact: Artifact) -> Path:
    raise AssertionError(f"{artifact.filename} was fetched")


def build(
    world: World,
    *locked: LockedPackage,
    target: Target = TARGET,
    fetch: Callable[[Artifact], Path] = local,
) -> tuple[Package, ...]:
    return build_wheels(locked, target, store=world.store, uv=world.uv(), fetch=fetch)


def own(path: Path, name: str, version: str = "0") -> LockedPackage:
    return LockedPackage(name=name, version=version, origin=Directory(path))


def builds(world: World) -> int:
    return sum(" build " in f" {line} " for line in world.calls())


def contents(world: World, package: Package) -> dict[str, bytes]:
    with zipfile.ZipFile(world.store.blob_path(package.wheel.digest)) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def artifact(path: Path) -> Artifact:
    return Artifact(filename=path.name, url=path.as_uri(), digest=Digest.of(path.read_bytes()))


def test_wheels_of_the_lock_pass_through(world: World) -> None:
    """A wheel that the lock names is neither fetched nor built here."""
    wheel = artifact(world.wheel("plain"))
    locked = LockedPackage(name="plain", version="1.0", origin=wheel)

    assert build(world, locked, fetch=never) == (Package(name="plain", version="1.0", wheel=wheel),)
    assert world.calls() == []


def test_an_own_project_is_built_from_a_copy(world: World) -> None:
    """A folder becomes a wheel of the user's own; the build writes nothing into the folder."""
    folder = world.own("lib", "lib", "2.3")
    before = sorted(path.name for path in folder.rglob("*"))

    (package,) = build(world, own(folder, "lib"))

    assert (package.name, package.version, package.own) == ("lib", "2.3", True)
    assert package.wheel.filename == "lib-2.3-py3-none-any.whl"
    assert contents(world, package)["lib/__init__.py"] == b"NAME = 'lib'\n"
    assert package.wheel.url == world.store.blob_path(package.wheel.digest).as_uri()
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_built_once_per_content(world: World) -> None:
    """Neither a second build nor another target, another place or a touched file builds again."""
    folder = world.own("lib", "lib")
    first = build(world, own(folder, "lib"))
    ran = builds(world)

    moved = world.project / "moved"
    shutil.copytree(folder, moved)
    (moved / "build").mkdir()
    (moved / "build" / "old.txt").write_text("left by another tool")
    (moved / "src" / "lib" / "__pycache__").mkdir()
    (moved / "src" / "lib" / "__pycache__" / "x.pyc").write_bytes(b"old")
    os.utime(moved / "pyproject.toml", (1, 1))

    assert build(world, own(moved, "lib")) == first
    assert build(world, own(folder, "lib"), target=ARM) == first
    assert builds(world) == ran == 1

    (moved / "src" / "lib" / "__init__.py").write_text("CHANGED = True\n")
    assert build(world, own(moved, "lib")) != first
    assert builds(world) == 2


def test_a_blob_that_is_gone_is_built_again(world: World) -> None:
    """A record without its bytes is worth nothing."""
    folder = world.own("lib", "lib")
    (first,) = build(world, own(folder, "lib"))
    world.store.blob_path(first.wheel.digest).unlink()

    assert build(world, own(folder, "lib")) == (first,)
    assert world.store.has_blob(first.wheel.digest)


def test_the_same_wheel_on_every_machine(tmp_path: Path) -> None:
    """Another store, umask and process: the wheel's digest is the content's."""
    digests = set()
    for number, umask in enumerate((0o022, 0o077)):
        world = make_world(tmp_path / str(number))
        before = os.umask(umask)
        try:
            folder = world.own("lib", "lib")
            (package,) = build(world, own(folder, "lib"))
        finally:
            os.umask(before)
        digests.add(package.wheel.digest)

    # The backend writes its process id as the generator, so this fails without the rewriting.
    assert len(digests) == 1


def test_what_never_goes_in_stays_out(world: World) -> None:
    """Environments, keys and credentials of an own project do not reach its wheel."""
    folder = world.own("lib", "lib")
    inside = folder / "src" / "lib"
    (inside / ".env").write_text("SECRET=1")
    (inside / ".aws").mkdir()
    (inside / ".aws" / "credentials").write_text("secret")
    (inside / "data.txt").write_text("data")

    (package,) = build(world, own(folder, "lib"))

    assert sorted(name for name in contents(world, package) if "dist-info" not in name) == [
        "lib/__init__.py",
        "lib/data.txt",
    ]


def test_links_are_followed_once(world: World) -> None:
    """Shared code that is linked into a project is in its wheel; a circle ends."""
    folder = world.own("lib", "lib")
    shared = world.project / "shared"
    shared.mkdir()
    (shared / "common.py").write_text("COMMON = True\n")
    (folder / "src" / "lib" / "common").symlink_to(shared, target_is_directory=True)
    (folder / "src" / "lib" / "circle").symlink_to(folder, target_is_directory=True)

    names = [name for name, _ in Files.of(folder).entries]

    assert "src/lib/common/common.py" in names
    assert len([name for name in names if name.endswith("lib/__init__.py")]) == 1


@pytest.fixture
def sdist(world: World) -> Path:
    folder = world.own("source", "source", "1.5")
    world.uv().run("build", "--sdist", "--out-dir", str(world.wheels), str(folder))
    return world.wheels / "source-1.5.tar.gz"


def test_an_sdist_is_fetched_and_built_once(world: World, sdist: Path) -> None:
    """What others publish as source becomes a wheel, and is not the user's own."""
    locked = LockedPackage(name="source", version="1.5", origin=Sdist(artifact=artifact(sdist)))

    (package,) = build(world, locked)

    assert package.wheel.filename == "source-1.5-py3-none-any.whl"
    assert not package.own
    assert build(world, locked, fetch=never) == (package,)


def test_a_project_inside_an_archive(world: World) -> None:
    """An archive may hold the project in a subdirectory."""
    folder = world.own("mono/libs/inner", "inner")
    zipped = Path(shutil.make_archive(str(world.root / "v1"), "zip", folder.parents[2], "mono"))
    origin = Sdist(artifact=artifact(zipped), subdirectory="libs/inner")

    (package,) = build(world, LockedPackage(name="inner", version="1.0", origin=origin))

    assert package.wheel.filename == "inner-1.0-py3-none-any.whl"


def test_an_sdist_with_another_digest_is_not_run(world: World, sdist: Path) -> None:
    """Building runs the sdist's code, so it has to be the one that the lock names."""
    promised = artifact(sdist)
    sdist.write_bytes(sdist.read_bytes() + b"\0")
    locked = LockedPackage(name="source", version="1.5", origin=Sdist(artifact=promised))

    with pytest.raises(DigestMismatch):
        build(world, locked)

    assert builds(world) == 1, "only the fixture's"


def test_an_sdist_that_gives_another_version(world: World, sdist: Path) -> None:
    """A wheel of another version than the lock says is not taken for it."""
    locked = LockedPackage(name="source", version="9.9", origin=Sdist(artifact=artifact(sdist)))

    with pytest.raises(CannotBuild) as caught:
        build(world, locked)

    assert "the lock says source 9.9" in caught.value.what


def test_a_build_that_fails(world: World) -> None:
    """The package is named, with the build's own last words."""
    folder = world.own("lib", "lib")
    (folder / "backend.py").write_text("raise SystemExit('no compiler here')\n")

    with pytest.raises(CannotBuild) as caught:
        build(world, own(folder, "lib"))

    assert str(folder) in caught.value.what
    assert any("no compiler here" in line for line in caught.value.causes)


def git(*arguments: str, cwd: Path) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "init.defaultBranch=main")
    kept = {key: text for key, text in os.environ.items() if not key.startswith("GIT_")}
    environ = kept | {"GIT_CONFIG_GLOBAL": os.devnull}
    argv = ["git", *identity, *arguments]
    done = subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, check=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(world: World) -> Path:
    needs("git", "git")
    folder = world.own("repository", "versioned", "3.1")
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "-m", "one", cwd=folder)
    return folder


def test_a_commit_is_fetched_and_built_once(world: World, repository: Path) -> None:
    """The pinned commit is built, though the branch has moved on; the second time without git."""
    commit = git("rev-parse", "HEAD", cwd=repository)
    (repository / "src" / "versioned" / "later.py").write_text("")
    git("add", ".", cwd=repository)
    git("commit", "--quiet", "-m", "two", cwd=repository)
    vcs = Vcs(url=repository.as_uri(), commit=commit)
    locked = LockedPackage(name="versioned", version="3.1", origin=vcs)

    (package,) = build(world, locked)

    assert package.version == "3.1"
    assert "versioned/later.py" not in contents(world, package)
    shutil.rmtree(repository)
    assert build(world, locked) == (package,)


def test_a_commit_that_is_not_there(world: World, repository: Path) -> None:
    """A commit that the repository has not is an error in git's words."""
    vcs = Vcs(url=repository.as_uri(), commit="0" * 40)

    with pytest.raises(CannotBuild) as caught:
        build(world, LockedPackage(name="versioned", version="3.1", origin=vcs))

    assert "0" * 12 in caught.value.what


def test_git_means_the_repository_it_is_told(world: World, repository: Path) -> None:
    """A hook's GIT_DIR does not turn the fetch into another repository's."""
    commit = git("rev-parse", "HEAD", cwd=repository)
    vcs = Vcs(url=repository.as_uri(), commit=commit)
    locked = LockedPackage(name="versioned", version="3.1", origin=vcs)
    from msgspec.structs import replace

    uv = world.uv()
    hooked = replace(uv, environ={**uv.environ, "GIT_DIR": str(world.root / "elsewhere")})

    (package,) = build_wheels((locked,), TARGET, store=world.store, uv=hooked, fetch=never)

    assert package.version == "3.1"


def test_compiled_for_another_machine_is_refused(world: World) -> None:
    """What is not pure Python cannot be built for a foreign target; all such come at once."""
    locked = []
    for name in ("one", "two"):
        folder = world.own(name, name)
        (folder / "TAG").write_text(f"cp{PYTHON.replace('.', '')}-abi3-linux_x86_64")
        locked.append(own(folder, name))
    pure = own(world.own("three", "three"), "three")

    with pytest.raises(NoWheels) as caught:
        build(world, *locked, pure, target=ARM)

    assert [problem.package for problem in caught.value.problems] == ["one 1.0", "two 1.0"]
    assert caught.value.problems[0].reason == (
        "it is not pure Python, and was built for linux_x86_64 here"
    )
    assert "find-links" in str(caught.value.hint)


def test_compiled_against_a_newer_glibc_is_refused(world: World) -> None:
    """linux_x86_64 says nothing of glibc: this machine's is what counts."""
    libc, version = platform.libc_ver()
    if libc != "glibc" or platform.machine() != "x86_64":
        pytest.skip(f"this machine has {libc or 'no glibc'} on {platform.machine()}")
    major, minor = (int(part) for part in version.split(".")[:2])
    folder = world.own("fast", "fast")
    (folder / "TAG").write_text(f"cp{PYTHON.replace('.', '')}-abi3-linux_x86_64")

    def on(glibc: tuple[int, int]) -> Target:
        return Target(python=PYTHON, architecture="x86_64", glibc=glibc, full_version=PYTHON)

    (package,) = build(world, own(folder, "fast"), target=on((major, minor)))
    assert package.wheel.filename.endswith("-linux_x86_64.whl")

    with pytest.raises(NoWheels) as caught:
        build(world, own(folder, "fast"), target=on((major, minor - 1)))
    assert f"built against glibc {version}" in str(caught.value.problems[0].reason)


def test_one_is_told_before_a_build(world: World) -> None:
    """Building takes seconds, so it is announced; what is there already is not."""
    folder = world.own("lib", "lib")
    told: list[str] = []
    for _ in range(2):
        build_wheels(
            (own(folder, "lib"),),
            TARGET,
            store=world.store,
            uv=world.uv(),
            fetch=never,
            say=lambda locked: told.append(locked.name),
        )

    assert told == ["lib"]
