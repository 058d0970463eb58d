"""The same bytes, whoever builds, wherever, whenever: compressed layers and ZIP included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.projects import Project, all_bytes
from tests.services.cli import succeeded
from tests.services.needs import leave_out
from tests.services.wheels import make_wheel

Variant = Callable[[Project, Path], "tuple[Project, tuple[str, ...]]"]
MODULE = "import json\n\n\ndef f{n}(x):\n    return json.dumps(x) or 'b' * {n}\n"


def plain(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """Nothing but an empty store."""
    return project, ()


def narrow_umask(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """Files made under umask 077, as some servers have it."""
    return project, ("sh", "-c", 'umask 077; exec "$@"', "-")


def far_time_zone(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """Fourteen hours ahead, another language."""
    return project.with_env(TZ="Pacific/Kiritimati", LC_ALL="C", LANG="C"), ()


def one_core(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """A single CPU."""
    return project, ("taskset", "-c", "0")


def another_hash_seed(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """Sets in another order."""
    return project.with_env(PYTHONHASHSEED="12345"), ()


def another_user(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """Another uid and gid, which may still read what root keeps for itself."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        leave_out("another user", "only root can become one, with setpriv")
    os.chown(scratch, 4321, 4321)
    # pytest's own folders are closed to others, and typer asks about the real user.
    temporary = Path(tempfile.gettempdir())
    for folder in (project.folder, *project.folder.parents):
        if temporary in folder.parents:
            folder.chmod(0o755)
    may = "+dac_override,+dac_read_search"
    ids = ("--reuid=4321", "--regid=4321", "--clear-groups")
    return project, ("setpriv", *ids, f"--inh-caps={may}", f"--ambient-caps={may}")


def copied_backwards(project: Project, scratch: Path) -> tuple[Project, tuple[str, ...]]:
    """The same files made in another order, with other times and modes, on another disk."""
    home = Path("/dev/shm") if Path("/dev/shm").is_dir() else scratch
    folder = home / f"imagekit-{os.getpid()}" / "elsewhere"
    for path in sorted(project.folder.rglob("*"), reverse=True):
        if path.is_file() and "dist" not in path.parts:
            target = folder / path.relative_to(project.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (1, 1))
            target.chmod(0o600)
    return Project(folder=folder, env=project.env), ()


VARIANTS: tuple[Variant, ...] = (
    plain,
    narrow_umask,
    far_time_zone,
    one_core,
    another_hash_seed,
    another_user,
    copied_backwards,
)


@pytest.fixture
def many(imaged: Project, wheels: Path) -> Project:
    """An image of a dozen packages with bytecode, scripts and odd names."""
    for number in range(12):
        make_wheel(
            wheels,
            f"part{number}",
            "1.0",
            {
                f"part{number}/m{each}.py": MODULE.replace("{n}", str(each)).encode()
                for each in range(9)
            },
            data={"scripts": {f"run{number}": b"#!python\nprint()\n"}},
        )
    imaged.replace("bytecode = false", "bytecode = true")
    from tests.e2e.projects import write_pylock

    write_pylock(imaged.folder, wheels.glob("*.whl"))
    (imaged.folder / "more").mkdir()
    for name in ("z.txt", "a.txt", "ä.txt"):
        (imaged.folder / "more" / name).write_text(name, encoding="utf-8")
    imaged.replace("[functions.app]", '[functions.app]\ninclude = ["more/*"]')
    succeeded(imaged.run("lock"))
    return imaged


def outputs(project: Project, prefix: tuple[str, ...], scratch: Path) -> dict[str, str]:
    """Digests of every file of the layout and of the ZIP, from an empty store, other folder."""
    env = {"IMAGEKIT_CACHE_DIR": str(scratch / "store"), "HOME": os.environ["HOME"]}
    out = scratch / "out"
    where = ("--project", project.folder, "--output", out, "--locked")
    for packaging in ("image", "zip"):
        succeeded(
            project.run(
                "build", *where, "--packaging", packaging, env=env, prefix=prefix, cwd=scratch
            )
        )
    return all_bytes(out)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.__name__)
def test_two_builds_are_the_same_bytes(many: Project, tmp_path: Path, variant: Variant) -> None:
    """Layout and ZIP are equal file by file under another umask, zone, folder, user, core count."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    expected = outputs(many, (), first)
    changed, prefix = variant(many, second)
    try:
        got = outputs(changed, prefix, second)
    finally:
        if changed.folder != many.folder:
            shutil.rmtree(changed.folder.parent)

    assert len(expected) >= 5, expected
    assert got == expected


def test_scoring_is_the_same_bytes_for_everyone(scoring: Project, tmp_path: Path) -> None:
    """The real thing, with all of it different at once and an empty store each time."""
    succeeded(scoring.run("lock"))
    digests = []
    for number, (env, prefix) in enumerate(
        (
            ({}, ()),
            (
                {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "77"},
                ("taskset", "-c", "0", "sh", "-c", 'umask 077; exec "$@"', "-"),
            ),
        )
    ):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        made = scoring.build(
            *("--project", scoring.folder, "--output", scratch / "out", "--locked"),
            env={**env, "IMAGEKIT_CACHE_DIR": str(scratch / "store")},
            prefix=prefix,
            cwd=scratch,
        )
        digests.append((made["digest"], all_bytes(scratch / "out")))

    assert digests[0] == digests[1]


def test_source_date_epoch_touches_created_alone(imaged: Project, tmp_path: Path) -> None:
    """SOURCE_DATE_EPOCH changes the image's `created`, never a layer."""
    plain_layers = [each["digest"] for each in imaged.build()["layers"]]
    dated = imaged.build(env={"SOURCE_DATE_EPOCH": "1700000000"})

    assert [each["digest"] for each in dated["layers"]] == plain_layers


def test_bytecode_is_valid_for_the_target(many: Project, tmp_path: Path) -> None:
    """Each module of the ZIP has bytecode of the unchecked-hash kind."""
    succeeded(many.run("build", "--packaging", "zip"))
    target = tmp_path / "unzipped"
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", str(many.folder / "dist/app.zip"), str(target)],
        check=True,
    )
    modules = sorted(target.rglob("*.py"))
    assert len(modules) > 100
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, module
