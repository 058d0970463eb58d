"""Other programs: how they are run, which uv is taken, and which CPython is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.project import interpreter
from imagekit.project.command import run
from imagekit.project.uv import Uv, locate
from imagekit.store import Store
from tests.services.needs import USER_ENVIRON

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = f"{MINOR}.{sys.version_info.micro}"


def test_a_failure_says_what_and_how_without_secrets(tmp_path: Path) -> None:
    """argv and the end of stderr are shown; a password in a URL is not."""
    url = "https://user:hunter2@index.test/simple"
    code = "import sys; print('x\\n' * 100 + sys.argv[1], file=sys.stderr); sys.exit(3)"

    with pytest.raises(CommandFailed) as caught:
        run([sys.executable, "-c", code, url], cwd=tmp_path, environ=os.environ)

    assert caught.value.status == 3
    assert "hunter2" not in str(caught.value)
    assert caught.value.stderr_tail.endswith("https://index.test/simple")
    assert len(caught.value.stderr_tail.splitlines()) == 30
    assert caught.value.argv[-1] == "https://index.test/simple"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """What cannot be started is named."""
    with pytest.raises(CannotBuild) as caught:
        run([str(tmp_path / "absent")], cwd=tmp_path, environ={})

    assert "absent" in caught.value.what


def test_a_program_that_hangs(tmp_path: Path) -> None:
    """A limit of time ends it."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]

    with pytest.raises(CommandFailed):
        run(sleeper, cwd=tmp_path, environ=os.environ, timeout_seconds=0.2)


def test_an_interrupt_ends_the_program_too(tmp_path: Path) -> None:
    """Ctrl-C for imagekit alone leaves no child behind."""
    mark = tmp_path / "pid"
    child = (
        f"import os, pathlib, time; p = pathlib.Path({str(mark)!r}); "
        "p.with_suffix('.part').write_text(str(os.getpid())); "
        "p.with_suffix('.part').rename(p); time.sleep(60)"
    )
    parent = (
        "import os, sys; from pathlib import Path; from imagekit.project.command import run; "
        f"run([sys.executable, '-c', {child!r}], cwd=Path.cwd(), environ=os.environ)"
    )
    started = subprocess.Popen([sys.executable, "-c", parent], stderr=subprocess.PIPE)
    until(mark.exists)

    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=20)

    assert b"KeyboardInterrupt" in said
    pid = int(mark.read_text())
    until(lambda: not alive(pid))


def until(holds: object, seconds: float = 20) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_uv_that_started_us_comes_first(tmp_path: Path) -> None:
    """`uv run imagekit` uses that uv; else the one that imagekit depends on."""
    mine = tmp_path / "uv"
    mine.write_text("")

    assert locate({"UV": str(mine)}) == str(mine)
    assert Path(locate({"UV": str(tmp_path / "gone")})).is_file()


def test_uv_runs_where_its_settings_lie(tmp_path: Path) -> None:
    """The configuration beside the project applies: here one that uv cannot read."""
    (tmp_path / "uv.toml").write_text("no-such-setting = [")
    uv = Uv(environ=USER_ENVIRON, folder=tmp_path)

    with pytest.raises(CommandFailed) as caught:
        uv.run("python", "find", "3.11")

    assert "uv.toml" in caught.value.stderr_tail


def fake(path: Path, said: str, log: Path) -> Path:
    """A program that answers as a Python of another kind would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho {path} >> "{log}"\necho {said}\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home without interpreters, and a uv that finds none."""
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho uv "$@" >> "{tmp_path}/log"\nexit 2\n')
    uv.chmod(0o755)
    return {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "UV": str(uv)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def log(tmp_path: Path) -> list[str]:
    path = tmp_path / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_a_uv_that_fails_is_no_end(environ: dict[str, str], store: Store, tmp_path: Path) -> None:
    """uv gives up at pyenv's broken shims; pyenv's folders are looked into all the same."""
    versions = tmp_path / "home" / ".pyenv" / "versions"
    for version in ("3.13.0", "3.13.2", "3.12.9"):
        said = f"cpython {version.replace('.', ' ')} final 0 False"
        fake(versions / version / "bin" / "python", said, tmp_path / "log")

    newest = interpreter.find("3.13", environ=environ, store=store)
    exact = interpreter.find("3.13", exact="3.13.0", environ=environ, store=store)
    other = interpreter.find("3.13", exact="3.13.9", environ=environ, store=store)

    assert newest is not None
    assert newest.version == "3.13.2"
    assert newest.path == str(versions / "3.13.2" / "bin" / "python")
    assert exact is not None
    assert exact.version == "3.13.0"
    # Not the one asked for: the caller compares, and says so or refuses.
    assert other == newest


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("cpython 3 14 0 candidate 2 False", "3.14.0rc2"),
        ("cpython 3 14 0 beta 1 False", None),
        ("cpython 3 14 0 final 0 True", None),
        ("pypy 3 14 0 final 0 False", None),
        ("cpython 3 13 0 final 0 False", None),
        ("nonsense", None),
    ],
)
def test_only_a_cpython_that_writes_its_bytecode(
    environ: dict[str, str], store: Store, tmp_path: Path, said: str, version: str | None
) -> None:
    """CPython with its global lock, a final release or a candidate, of the minor asked for."""
    candidate = fake(tmp_path / "python", said, tmp_path / "log")

    found = interpreter.find("3.14", environ=environ, store=store, extra=(candidate,))

    assert (found.version if found else None) == version


def test_a_final_release_before_its_candidates(
    environ: dict[str, str], store: Store, tmp_path: Path
) -> None:
    """3.14.0 is newer than 3.14.0rc3, wherever they lie."""
    final = fake(tmp_path / "final", "cpython 3 14 0 final 0 False", tmp_path / "log")
    candidate = fake(tmp_path / "rc", "cpython 3 14 0 candidate 3 False", tmp_path / "log")

    found = interpreter.find("3.14", environ=environ, store=store, extra=(candidate, final))

    assert found is not None
    assert found.argv == (str(final),)


def test_a_python_that_needs_a_loader(
    environ: dict[str, str], store: Store, tmp_path: Path
) -> None:
    """A composed base's Python is started by its own loader: no single program for others."""
    loader = fake(tmp_path / "ld.so", "cpython 3 14 1 final 0 False", tmp_path / "log")
    argv = (str(loader), "--library-path", "lib", "usr/bin/python3.14")

    found = interpreter.find("3.14", environ=environ, store=store, extra=(argv,))

    assert found is not None
    assert found.argv == argv
    assert found.path is None


def test_the_second_time_nothing_is_started(
    environ: dict[str, str], store: Store, tmp_path: Path
) -> None:
    """The answer is kept until the interpreter, or what is installed, changes."""
    python = fake(tmp_path / "python", "cpython 3 14 0 final 0 False", tmp_path / "log")
    first = interpreter.find("3.14", environ=environ, store=store, extra=(python,))
    ran = len(log(tmp_path))

    assert interpreter.find("3.14", environ=environ, store=store, extra=(python,)) == first
    assert len(log(tmp_path)) == ran

    fake(python, "cpython 3 14 11 final 0 False", tmp_path / "log")
    changed = interpreter.find("3.14", environ=environ, store=store, extra=(python,))
    assert changed is not None
    assert changed.version == "3.14.11"


def test_a_version_that_appears_is_seen(
    environ: dict[str, str], store: Store, tmp_path: Path
) -> None:
    """`pyenv install` after a build is noticed by the next one."""
    versions = tmp_path / "home" / ".pyenv" / "versions"
    fake(versions / "3.14.0" / "bin" / "python", "cpython 3 14 0 final 0 False", tmp_path / "log")
    interpreter.find("3.14", environ=environ, store=store)

    fake(versions / "3.14.1" / "bin" / "python", "cpython 3 14 1 final 0 False", tmp_path / "log")
    found = interpreter.find("3.14", environ=environ, store=store)

    assert found is not None
    assert found.version == "3.14.1"


def test_none_at_all(environ: dict[str, str], store: Store, tmp_path: Path) -> None:
    """uv installs only where it may; a failure to is the same as none, and says what to type."""
    assert interpreter.find("3.14", environ=environ, store=store) is None
    assert not any(" install " in line for line in log(tmp_path))

    assert interpreter.find("3.14", environ=environ, store=store, install=True) is None
    assert any(" install " in line for line in log(tmp_path))

    hint = str(interpreter.none_found("3.14").hint)
    assert "uv python install 3.14" in hint
    assert "bytecode = false" in hint


def test_the_real_thing(store: Store) -> None:
    """With the real uv and the user's own environment, at least the Python that runs this."""
    found = interpreter.find(MINOR, exact=HERE, environ=USER_ENVIRON, store=store)

    assert found is not None
    assert found.version == HERE
