"""Bad input: an exit code, a name, a hint, and nothing half-written."""

from __future__ import annotations

import os
import shutil
import struct
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from tests.e2e.projects import Project, write_pylock
from tests.services.index import Fault, Index
from tests.services.needs import leave_out
from tests.services.wheels import claim, corrupt, make_wheel, truncate

Spoil = Callable[[Project, Path], None]
_ARNS = [f"arn:aws:lambda:eu-west-1:123456789012:layer:tool:{number}" for number in range(5)]
FIVE_LAYERS = f'handler = "app.handler"\npackaging = "zip-layers"\nlambda = {{ layers = {_ARNS} }}'


class Case(Struct, frozen=True, kw_only=True):
    """One way to get it wrong: what is done, how imagekit ends, what it must name."""

    spoil: Spoil
    status: int
    names: tuple[str, ...]
    arguments: tuple[str, ...] = ()


def edit(old: str, new: str, file: str = "imagekit.toml") -> Spoil:
    """Change one text in one file of the project."""
    return lambda project, wheels: project.replace(old, new, file)


def locked(make: Callable[[Path], Path]) -> Spoil:
    """Put a wheel into the lock, with the hash that it really has."""

    def spoil(project: Project, wheels: Path) -> None:
        made = make(wheels)
        write_pylock(project.folder, [*wheels.glob("demo-*.whl"), made])

    return spoil


def wheel_with(*paths: str, links: dict[str, str] | None = None) -> Callable[[Path], Path]:
    """A wheel whose files have these names."""
    return lambda folder: make_wheel(
        folder, "evil", "6.6", dict.fromkeys(paths, b"boo"), links=links
    )


def write(file: str, text: str) -> Spoil:
    """Put a file into the project."""

    def spoil(project: Project, wheels: Path) -> None:
        (project.folder / file).write_text(text, encoding="utf-8")

    return spoil


def remove(file: str) -> Spoil:
    """Take a file away."""
    return lambda project, wheels: (project.folder / file).unlink()


def plain(folder: Path) -> Path:
    """A wheel of one file, to be spoilt."""
    return make_wheel(folder, "evil", "6.6", {"evil/__init__.py": b"x = 1\n" * 99})


def colliding(project: Project, wheels: Path) -> None:
    """Two wheels with one path and other bytes."""
    make_wheel(wheels, "evil", "6.6", {"demo/__init__.py": b"other\n"})
    write_pylock(project.folder, wheels.glob("*.whl"))


def foreign(project: Project, wheels: Path) -> None:
    """A package that has wheels for Windows alone."""
    make_wheel(wheels, "evil", "6.6", {"e.pyd": b""}, tag="cp313-cp313-win_amd64")
    write_pylock(project.folder, wheels.glob("*.whl"))


def huge(project: Project, wheels: Path) -> None:
    """A wheel that says it holds 300 MB."""
    write_pylock(project.folder, [*wheels.glob("demo-*.whl"), claims(wheels, "evil", 300_000_000)])


def claims(folder: Path, name: str, size_bytes: int) -> Path:
    """A small wheel that says it unpacks to so much; deflate could (1,032 to 1)."""
    made = make_wheel(folder, name, "6.6", {f"{name}.bin": os.urandom(size_bytes // 1000)})
    return claim(made, f"{name}.bin", size_bytes=size_bytes)


CONFIG = {
    "both files": Case(
        spoil=write("pyproject.toml", '[tool.imagekit]\npython = "3.13"\n'),
        status=2,
        names=("imagekit.toml", "pyproject.toml"),
    ),
    "not TOML": Case(spoil=write("imagekit.toml", "python = [\n"), status=2, names=("imagekit",)),
    "no configuration": Case(
        spoil=remove("imagekit.toml"), status=2, names=("imagekit.toml", "pyproject.toml")
    ),
    "unknown key": Case(
        spoil=edit("[functions.app]", "[functions.app]\nhandlr = 1"),
        status=2,
        names=("functions.app.handlr", "handler"),
    ),
    "several problems at once": Case(
        spoil=edit('python = "3.13"', 'python = "2.7"\narchitecture = "mips"\nlock = 3'),
        status=2,
        names=("python", "2.7", "architecture", "mips", "lock"),
    ),
    "unknown Python": Case(
        spoil=edit('python = "3.13"', 'python = "3.9"'), status=2, names=("python", "3.9", "3.13")
    ),
    "no Python": Case(spoil=edit('python = "3.13"', ""), status=2, names=("python",)),
    "unknown architecture": Case(
        spoil=edit("bytecode = false", 'architecture = "armv7"'),
        status=2,
        names=("architecture", "armv7", "arm64"),
    ),
    "unknown architecture option": Case(
        spoil=lambda project, wheels: None,
        status=2,
        names=("armv7", "arm64"),
        arguments=("--arch", "armv7"),
    ),
    "unknown packaging": Case(
        spoil=edit('"zip"', '"rpm"'), status=2, names=("packaging", "rpm", "image")
    ),
    "no room for layers of packages": Case(
        spoil=edit('handler = "app.handler"', FIVE_LAYERS),
        status=2,
        names=("functions.app.lambda.layers", "names 5 layers", "at most 5 in all", "zip-nested"),
    ),
    "docker engine for a ZIP": Case(
        spoil=lambda project, wheels: None,
        status=2,
        names=("--engine docker", "app is a ZIP"),
        arguments=("--engine", "docker"),
    ),
    "unknown function": Case(
        spoil=lambda project, wheels: None, status=2, names=("nobody", "app"), arguments=("nobody",)
    ),
    "malformed handler": Case(
        spoil=edit('"app.handler"', '"app"'), status=2, names=("handler", "app")
    ),
    "newer imagekit wanted": Case(
        spoil=edit('python = "3.13"', 'python = "3.13"\nrequired-version = ">=99"'),
        status=2,
        names=("required-version", "99"),
    ),
    "source that is not there": Case(
        spoil=edit("[functions.app]", '[functions.app]\nsource = ["nowhere"]'),
        status=2,
        names=("source", "nowhere"),
    ),
}

LOCK = {
    "unreadable lock": Case(
        spoil=write("pylock.toml", "lock-version = [\n"), status=2, names=("pylock.toml",)
    ),
    "lock of another version": Case(
        spoil=edit('lock-version = "1.0"', 'lock-version = "7.0"', "pylock.toml"),
        status=2,
        names=("pylock.toml", "7.0"),
    ),
    "lock without a hash": Case(
        spoil=edit("sha256", "md5", "pylock.toml"), status=2, names=("pylock.toml", "demo")
    ),
    "imagekit.lock unreadable": Case(
        spoil=write("imagekit.lock", "version = [\n"), status=2, names=("imagekit.lock",)
    ),
    "imagekit.lock of another version": Case(
        spoil=write("imagekit.lock", "version = 99\n"), status=2, names=("imagekit.lock", "99")
    ),
    "wrong hash": Case(
        spoil=edit('sha256 = "', 'sha256 = "00', "pylock.toml"), status=2, names=("demo",)
    ),
    "no wheel for the target": Case(spoil=foreign, status=1, names=("evil", "win_amd64")),
}

WHEEL = {
    "up": wheel_with("../up.py"),
    "up inside": wheel_with("evil/../../up.py"),
    "absolute": wheel_with("/etc/cron.d/evil"),
    "drive letter": wheel_with("C:/evil.py"),
    "backslash": wheel_with("..\\evil.py"),
    "link": wheel_with("evil/__init__.py", links={"evil/link": "/etc/passwd"}),
    "data climbs": wheel_with("evil-6.6.data/data/../../../up"),
    "unknown scheme": wheel_with("evil-6.6.data/etc/passwd"),
    "truncated": lambda folder: truncate(plain(folder), 300),
    "no zip": lambda folder: truncate(plain(folder), 0),
    "corrupt": lambda folder: corrupt(plain(folder), "evil/__init__.py"),
    "larger than declared": lambda folder: claim(plain(folder), "evil/__init__.py", size_bytes=10),
    "wrong CRC": lambda folder: claim(plain(folder), "evil/__init__.py", crc32=1),
}

CONTENT = {
    "handler that is not there": Case(
        spoil=edit('"app.handler"', '"absent.handler"'),
        status=2,
        names=("handler", "absent", "app.handler"),
    ),
    "collision": Case(spoil=colliding, status=1, names=("demo/__init__.py", "demo", "evil")),
    "ZIP over its limit": Case(spoil=huge, status=1, names=("evil", "262")),
    "include that matches nothing": Case(
        spoil=edit("[functions.app]", '[functions.app]\ninclude = ["models/*"]'),
        status=2,
        names=("include", "models/*"),
    ),
}


def ends(project: Project, status: int, names: tuple[str, ...], *arguments: str) -> str:
    """Build, and hold what every refusal has in common; what it said."""
    done = project.run("build", *arguments)
    said = done.stderr
    assert done.returncode == status, said
    assert done.stdout == ""
    assert "Traceback" not in said
    assert "bug in imagekit" not in said
    for name in names:
        assert name in said, f"{name!r} is not named in: {said}"
    assert project.made() == []
    return said


@pytest.mark.parametrize("case", CONFIG.values(), ids=CONFIG)
def test_configuration(zipped: Project, wheels: Path, case: Case) -> None:
    """All problems of the input, each with its file and key: exit 2."""
    case.spoil(zipped, wheels)

    ends(zipped, case.status, case.names, *case.arguments)


@pytest.mark.parametrize("case", LOCK.values(), ids=LOCK)
def test_lock(zipped: Project, wheels: Path, case: Case) -> None:
    """A lock that cannot be used is named; so is the package that it is about."""
    case.spoil(zipped, wheels)

    ends(zipped, case.status, case.names, *case.arguments)


@pytest.mark.parametrize("make", WHEEL.values(), ids=WHEEL)
def test_hostile_wheel(zipped: Project, wheels: Path, make: Callable[[Path], Path]) -> None:
    """A wheel with the right hash that is broken or climbs out of its root: exit 1, named."""
    locked(make)(zipped, wheels)

    ends(zipped, 1, ("evil",))
    assert not list(zipped.folder.parent.glob("up*"))


@pytest.mark.parametrize("case", CONTENT.values(), ids=CONTENT)
def test_content(zipped: Project, wheels: Path, case: Case) -> None:
    """What cannot become an artefact: exit 1 (or 2 where a key is wrong)."""
    case.spoil(zipped, wheels)

    ends(zipped, case.status, case.names, *case.arguments)


OUTPUT = {
    "file": (("--output", "app.py"), "--output app.py cannot be written: app.py is a file"),
    "metadata nowhere": (("--metadata-file", "no/x"), "--metadata-file no/x cannot be written"),
    "metadata folder": (("--metadata-file", "."), "--metadata-file . cannot be written"),
}


@pytest.mark.parametrize("case", OUTPUT.values(), ids=OUTPUT)
def test_where_nothing_can_be_written(zipped: Project, case: tuple[tuple[str, str], str]) -> None:
    """The option is named, before anything is made."""
    arguments, said = case

    ends(zipped, 2, (said, "hint: name a f"), *arguments)


def test_a_file_where_the_folder_is_to_be(zipped: Project) -> None:
    """`dist` itself."""
    (zipped.folder / "dist").touch()
    done = zipped.run("build")

    assert done.returncode == 2, done.stderr
    assert "dist cannot be written: dist is a file" in done.stderr
    assert "hint: name a folder with `--output`" in done.stderr


BROKEN = "def handler(event, context) return 1\n"
FUTURE = "def handler(event, context): return 1\ntype New = int\n"
"""Python since 3.12."""


@pytest.mark.parametrize("bytecode", [True, False])
def test_a_handler_that_is_no_python(zipped: Project, bytecode: bool) -> None:
    """Told with file and line before anything is made, also where it was told before, and by
    `plan`; with the grammar of the target's Python, whatever imagekit runs on."""
    if bytecode:
        zipped.replace("bytecode = false", "bytecode = true")
    assert zipped.run("build").returncode == 0
    shutil.rmtree(zipped.folder / "dist")
    app = zipped.folder / "app.py"
    app.write_text(f"\n{BROKEN}", encoding="utf-8")
    said = [ends(zipped, 2, ("Python 3.13", "app.py:2: SyntaxError: expected ':'"))]
    said += [ends(zipped, 2, ()), zipped.run("plan").stderr]
    app.write_text(FUTURE, encoding="utf-8")
    assert zipped.run("build").returncode == 0
    shutil.rmtree(zipped.folder / "dist")
    zipped.replace('python = "3.13"', 'python = "3.11"')

    assert len(set(said)) == 1
    assert "hint: correct it, or set `python`" in said[0]
    ends(zipped, 2, ("Python 3.11", "app.py:2: SyntaxError: invalid syntax"))


def test_own_source_that_is_no_python_beside_the_handler(zipped: Project) -> None:
    """A template or a file for Python 2 may be meant: a warning with its line, at every build.
    What the handler's own package begins with is imported before it, and refused."""
    package = zipped.folder / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "app.py").write_text("def handler(event, context): return 1\n", encoding="utf-8")
    (package / "old.py").write_text('x = 1\nprint "x"\n', encoding="utf-8")
    zipped.replace("app.handler", "pkg.app.handler")
    done = [zipped.run("build"), zipped.run("build")]

    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    for one in done:
        assert "warning: pkg/old.py:2: Python 3.13" in one.stderr
        assert "Missing parentheses in call to 'print'" in one.stderr
    shutil.rmtree(zipped.folder / "dist")
    (package / "__init__.py").write_text("return\n", encoding="utf-8")
    ends(zipped, 2, ("pkg/__init__.py:1: SyntaxError: 'return' outside function",))


def test_stale_lock_is_refused_under_locked(zipped: Project) -> None:
    """`--locked` refuses a missing imagekit.lock and one whose inputs changed, and writes none."""
    lock = zipped.folder / "imagekit.lock"
    zipped.replace("bytecode = false", "bytecode = true")
    ends(zipped, 2, ("imagekit.lock", "imagekit lock"), "--locked")
    assert not lock.exists()
    assert zipped.run("lock").returncode == 0
    before = lock.read_bytes()
    assert zipped.run("build", "--locked").returncode == 0
    shutil.rmtree(zipped.folder / "dist")
    zipped.replace('python = "3.13"', 'python = "3.12"')
    ends(zipped, 2, ("imagekit.lock",), "--locked")
    assert lock.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--locked", "--frozen"), "--frozen takes them unread: not both"),
        (("--complete",), "--complete is about images, and app is a ZIP"),
        (("--format", "docker-archive"), "leave `--format docker-archive` out"),
    ],
)
def test_options_that_contradict_are_refused(
    zipped: Project, arguments: tuple[str, ...], names: str
) -> None:
    """Each other, or what is made: exit 2 before anything is."""
    done = zipped.run("build", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert names in done.stderr
    assert zipped.made() == []


def test_wrong_bytes_from_the_index(zipped: Project, index: Index, tmp_path: Path) -> None:
    """Bytes with another digest than the lock's are refused, never kept."""
    other = make_wheel(tmp_path / "other", "demo", "1.0", {"demo/__init__.py": b"ANSWER = 666\n"})
    index.fault(Fault(path=r"/files/demo-.*whl$", times=99, body=other.read_bytes()))

    ends(zipped, 1, ("demo", "sha256"))
    index.clear_faults()
    assert zipped.run("build").returncode == 0


def test_an_index_that_hangs_up_once_is_asked_again(zipped: Project, index: Index) -> None:
    """A download cut short is temporary."""
    index.fault(Fault(path=r"/files/demo-.*whl$", times=1, cut_bytes=50))
    index.fault(Fault(path=r"/files/demo-.*whl$", times=1, status=503))

    assert zipped.run("build").returncode == 0


def test_an_index_that_is_down(zipped: Project, index: Index) -> None:
    """An index that never gets well: exit 3, with the file and the status."""
    index.fault(Fault(path=r"/files/", times=999, status=503))

    ends(zipped, 3, ("demo", "503"))


def test_settings_over_16_kb(imaged: Project) -> None:
    """The image's settings (entry point, command, environment) have a limit too."""
    imaged.replace("[functions.app]", f'[functions.app]\nenv = {{ BIG = "{"x" * 17_000}" }}')
    done = imaged.run("build")

    assert done.returncode in (1, 2), done.stderr
    assert "ENV" in done.stderr
    assert imaged.made() == []


def test_a_failed_check_stops_a_push(imaged: Project, registry: str) -> None:
    """Nothing that Lambda would refuse is pushed: the tag does not appear."""
    elf = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHI", 3, 183, 1)
    (imaged.folder / "native.so").write_bytes(elf.ljust(64, b"\0"))
    imaged.replace("[functions.app]", '[functions.app]\ninclude = ["native.so"]')
    done = imaged.run("build", "--push", "--to", f"{registry}/refused:one")

    assert done.returncode == 1, done.stderr
    assert "native.so" in done.stderr
    assert done.stdout == ""
    tags = f"http://{registry}/v2/refused/tags/list"
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        urllib.request.urlopen(tags)
    missing.value.close()


def test_an_answer_that_nobody_could_read_stops_a_push(imaged: Project, registry: str) -> None:
    """Nothing is pushed whose reference would be lost."""
    to = ("--to", f"{registry}/unread:one", "--metadata-file", "nowhere/x.json")
    ends(imaged, 2, ("--metadata-file nowhere/x.json cannot be written",), "--push", *to)

    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        urllib.request.urlopen(f"http://{registry}/v2/unread/tags/list")
    missing.value.close()


@pytest.mark.parametrize("where", ["store", "dist"])
def test_disk_full(zipped: Project, wheels: Path, tmp_path: Path, where: str) -> None:
    """No space in the store or where the artefact goes: exit 1, named, nothing half-written."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        leave_out("full disk", "only root can mount one, with unshare")
    make_wheel(wheels, "big", "1.0", {"big.bin": os.urandom(3_000_000)}, compress=False)
    write_pylock(zipped.folder, wheels.glob("*.whl"))
    small = tmp_path / "small"
    small.mkdir()
    env = {"IMAGEKIT_CACHE_DIR": str(small)} if where == "store" else {}
    output = zipped.folder / "dist" if where == "store" else small / "dist"
    mount = (
        f'mount -t tmpfs -o size=1m tmpfs {small} && "$@"; s=$?; ls -R {small}/dist >&2; exit $s'
    )
    done = zipped.run(
        *("build", "--output", output),
        env=env,
        prefix=("unshare", "--mount", "sh", "-c", mount, "-"),
    )

    assert done.returncode == 1, done.stderr
    assert str(small) in done.stderr
    assert "space" in done.stderr.lower()
    assert not done.stderr.rstrip().endswith(".zip"), "nothing half-written"
    assert "Traceback" not in done.stderr
