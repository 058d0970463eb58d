"""requirements.txt and bare dependencies, resolved by `uv pip compile`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imagekit.model.errors import CommandFailed, LockError
from imagekit.project.locks.requirements import read_requirements
from tests.locks.world import World, files, names, pyproject, target
from tests.services.wheels import make_wheel


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_requirements_without_hashes_are_resolved_for_the_target(world: World) -> None:
    """Markers and wheels are the target's, and what packages need comes along."""
    make_wheel(world.wheels, "top", "1.0", {"top.py": b""}, requires=["below"])
    world.wheel("below")
    for machine in ("x86_64", "aarch64"):
        world.wheel("fast", tag=f"cp313-cp313-manylinux_2_28_{machine}")
    world.wheel("arm")
    world.write("requirements.txt", 'top\nfast\narm; platform_machine == "aarch64"\n')

    assert names(world.resolve()) == ["below", "fast", "top"]
    assert files(world.resolve(target=target("arm64"))) == {
        "arm": "arm-1.0-py3-none-any.whl",
        "below": "below-1.0-py3-none-any.whl",
        "fast": "fast-1.0-cp313-cp313-manylinux_2_28_aarch64.whl",
        "top": "top-1.0-py3-none-any.whl",
    }


def test_what_was_resolved_is_kept_and_used_again(world: World) -> None:
    """With the text of `imagekit.lock`, a newer release changes nothing and uv is not run."""
    world.wheel("plain", "1.0")
    world.write("requirements.txt", "plain\n")
    first = world.resolve()
    assert first.pylock is not None
    world.wheel("plain", "2.0")
    ran = len(world.calls())

    again = world.resolve(pinned=first.pylock)

    assert [package.version for package in again.packages] == ["1.0"]
    assert again.pylock == first.pylock
    assert again.inputs == first.inputs
    assert len(world.calls()) == ran
    assert [package.version for package in world.resolve().packages] == ["2.0"]


def test_what_is_kept_fits_any_patch_version(world: World) -> None:
    """Resolved for the managed runtime, the text also serves a base with an older patch."""
    from imagekit.model.target import Target

    world.wheel("plain")
    world.write("requirements.txt", "plain\n")
    pinned = world.resolve().pylock
    older = Target(python="3.13", architecture="x86_64", glibc=(2, 41), full_version="3.13.0")

    assert names(world.resolve(target=older, pinned=pinned)) == ["plain"]


def test_only_files_with_a_named_hash_remain(world: World) -> None:
    """uv drops --hash; imagekit holds it: of two fitting wheels the one named is taken."""
    world.wheel("fast", tag="cp313-cp313-manylinux_2_28_x86_64")
    plain = world.wheel("fast", tag="py3-none-any")
    world.write("requirements.txt", f"fast==1.0 \\\n    --hash=sha256:{sha256(plain)}\n")

    assert files(world.resolve()) == {"fast": plain.name}


def test_a_wrong_hash_is_refused(world: World) -> None:
    """Where no file has the hash, nothing is taken; every such package is named."""
    world.wheel("one")
    world.wheel("two")
    world.write(
        "requirements.txt",
        f"one==1.0 --hash=sha256:{'0' * 64}\ntwo==1.0 --hash=sha256:{'1' * 64}\n",
    )

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert [problem.split(":")[0] for problem in caught.value.problems] == ["one", "two"]


def test_one_hash_asks_for_all(world: World) -> None:
    """As in pip, a package without a hash is refused where others have one."""
    one = world.wheel("one")
    world.wheel("two")
    world.write("requirements.txt", f"one==1.0 --hash=sha256:{sha256(one)}\ntwo==1.0\n")

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert "two has no --hash" in caught.value.problems[0]


def test_hashes_hold_for_what_was_kept(world: World) -> None:
    """A text from `imagekit.lock` that names other files does not get around the hashes."""
    plain = world.wheel("plain")
    world.write("requirements.txt", "plain==1.0\n")
    pinned = world.resolve().pylock
    world.write("requirements.txt", f"plain==1.0 --hash=sha256:{sha256(plain)[::-1]}\n")

    with pytest.raises(LockError):
        world.resolve(pinned=pinned)


def test_with_hashes_nothing_is_added(world: World) -> None:
    """A hashed file names everything: what packages ask for beyond it does not come in."""
    top = make_wheel(world.wheels, "top", "1.0", {"top.py": b""}, requires=["below"])
    world.wheel("below")
    world.write("requirements.txt", f"top==1.0 --hash=sha256:{sha256(top)}\n")

    assert names(world.resolve()) == ["top"]


def test_local_paths(world: World) -> None:
    """A wheel's path and an editable folder come as what they are; the project itself does not."""
    wheel = world.wheel("plain")
    world.own("lib", "lib")
    world.own(".", "scoring")
    world.write("requirements.txt", f"../wheels/{wheel.name}\n-e ./lib\n-e .\n")

    assert files(world.resolve()) == {"lib": "Directory", "plain": wheel.name}


def test_bare_dependencies_with_extras_and_groups(world: World) -> None:
    """[project.dependencies] without a lock is resolved, with the parts asked for."""
    for name in ("plain", "accelerate", "boto"):
        world.wheel(name)
    more = '[project.optional-dependencies]\nfast = ["accelerate"]\n'
    more += '[dependency-groups]\naws = ["boto"]\n'
    world.write("pyproject.toml", pyproject("plain", more=more))

    assert names(world.resolve()) == ["plain"]
    both = world.function(groups=("aws",), extras=("fast",))
    found = world.resolve(both)
    assert names(found) == ["accelerate", "boto", "plain"]
    assert found.pylock is not None


@pytest.mark.parametrize("part", ["groups", "extras", "member"])
def test_parts_that_requirements_have_not(world: World, part: str) -> None:
    """A group asked of a requirements file is an error, not an empty group."""
    world.write("requirements.txt", "")
    asked = {
        "groups": world.function(groups=("x",)),
        "extras": world.function(extras=("x",)),
        "member": world.function(member="x"),
    }

    with pytest.raises(LockError) as caught:
        world.resolve(asked[part])

    assert part in caught.value.problems[0]


def test_what_nothing_satisfies(world: World) -> None:
    """uv's own words say what cannot be satisfied."""
    world.write("requirements.txt", "absent==9\n")

    with pytest.raises(CommandFailed) as caught:
        world.resolve()

    assert "absent" in caught.value.stderr_tail


def test_inputs_follow_includes_and_nothing_else(world: World) -> None:
    """What decides about packages is in the inputs: includes too; other keys are not."""
    world.wheel("plain")
    world.write("more/constraints.txt", "plain<9\n")
    world.write("requirements.txt", "plain\n-c more/constraints.txt\n")
    first = world.resolve().inputs
    assert world.resolve().inputs == first

    world.write("more/constraints.txt", "plain<8\n")
    assert world.resolve().inputs != first

    (world.project / "requirements.txt").unlink()
    world.write("pyproject.toml", pyproject("plain"))
    bare = world.resolve().inputs
    world.write("pyproject.toml", pyproject("plain", more="[tool.imagekit]\nbytecode = false\n"))
    assert world.resolve().inputs == bare
    world.write("pyproject.toml", pyproject("plain<7"))
    assert world.resolve().inputs != bare


def test_an_include_that_is_not_there(world: World) -> None:
    """The file that includes it is named, and the one that is missing."""
    world.write("requirements.txt", "-r absent.txt\n")

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert caught.value.path == world.project / "requirements.txt"
    assert "absent.txt" in caught.value.problems[0]


def test_reading_a_requirements_file(tmp_path: Path) -> None:
    """Continuations, comments, includes, markers, names in any spelling, hashes in any order."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "more.txt").write_text("Zope.Interface --hash=sha256:AB --hash sha256:cd\n")
    (tmp_path / "all.txt").write_text(
        "# a comment with --hash=sha256:ee\n"
        "--index-url https://index.test/simple\n"
        "--requirement=more.txt\n"
        "-rmore.txt\n"
        'Some_Name[extra]==1.0 ; python_version > "3" \\\n'
        "    --hash=sha256:12 \\\n"
        "    --hash=sha512:99  # why not\n"
        "./lib[extra]\n"
        "https://files.test/x-1.0.tar.gz --hash=sha256:34\n"
        "named @ https://files.test/y.whl --hash=sha256:56\n"
    )

    found = read_requirements(tmp_path / "all.txt")

    assert found.hashed
    assert len(found.texts) == 2
    assert found.folders == ((tmp_path / "lib").resolve(),)
    assert {name: set(hashes) for name, hashes in found.hashes.items()} == {
        "zope-interface": {"ab", "cd"},
        "some-name": {"12"},
        "named": {"56"},
    }
    assert found.allowed("named") == {"56"}
    assert found.allowed("x") == {"34"}


def test_nothing_is_kept_of_an_answer_that_is_not_pinned(world: World) -> None:
    """Without a pin every call resolves afresh: a cache is no lock."""
    world.wheel("plain")
    world.write("requirements.txt", "plain\n")
    world.resolve()
    ran = len(world.calls())

    world.resolve()

    assert len(world.calls()) == ran + 1
