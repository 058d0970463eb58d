"""imagekit runs on Linux, macOS and Windows: nothing that only POSIX has, but where it is said.

What cannot be tried here is held by reading the code: a call that Windows lacks is found whether a
test reaches it or not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from msgspec import Struct

import imagekit

ROOT = Path(imagekit.__file__).parent

MODULES = {
    "crypt",
    "curses",
    "fcntl",
    "grp",
    "nis",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
}
"""https://docs.python.org/3/library/unix.html"""

OS_CALLS = {
    "chown",
    "chroot",
    "fchmod",
    "fchown",
    "fork",
    "forkpty",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getuid",
    "killpg",
    "lchown",
    "mkfifo",
    "mknod",
    "nice",
    "openpty",
    "pipe2",
    "posix_fadvise",
    "posix_fallocate",
    "posix_spawn",
    "pread",
    "preadv",
    "pwrite",
    "sched_getaffinity",
    "sendfile",
    "setgid",
    "setpgid",
    "setsid",
    "setuid",
    "statvfs",
    "sync",
    "sysconf",
    "uname",
    "wait",
    "wait3",
    "wait4",
    "waitpid",
}
"""Of `os`: "Availability: Unix" in https://docs.python.org/3/library/os.html."""

OTHERWISE = {
    "kill": "os.kill(pid, 0) ends the process on Windows",
    "umask": "Windows keeps only one bit of it",
    "rename": "does not replace a file on Windows; replace() does everywhere",
    "renames": "does not replace a file on Windows; replace() does everywhere",
    "startfile": "Windows alone has it",
    "system": "another shell on each system",
    "popen": "another shell on each system",
}
"""Of `os`: there on Windows, and not the same."""

SIGNALS = {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2"}

PLACES = re.compile(r"/(tmp|dev|proc|etc|usr|bin|sbin|home|var/(tmp|run|lib))(/.*)?")
"""Where something lies on a POSIX machine."""

LINKS = {"symlink_to", "hardlink_to", "symlink", "link"}
OWNERS = {"owner", "group", "lchmod"}


class Found(Struct, frozen=True):
    """Something that not every system has."""

    file: str
    what: str
    line: int = 0


LINUX_ALONE = {
    "bundle/loader/": "goes into a ZIP and runs in the function",
    "local/": "Lambda on this machine: containers and the Runtime API",
    "bases/debian.py": "runs mmdebstrap, which Debian has",
    "bases/bytecode.py": "starts a composed base's own Python, through its own loader",
}
"""Room or file to the reason why all of it may stay; each asks first whether it can run here."""

IN_AN_IMAGE = {
    "bases/facts.py": "looks for Python in a base",
    "engines/docker/recipe.py": "the shell that runs a step in the image",
    "check/scope.py": "tells a Python of the system from Lambda's",
    "pipeline/planning/extensions.py": "what belongs to an image and not to an extension",
}
"""File to the reason why the places that it names are those of an image, not of this machine."""

HERE_TOO = {
    ("engines/docker/context.py", ".link()"): "a hard link saves a copy; without one it copies",
    ("engines/docker/settle.py", ".symlink_to()"): "runs in the image that Docker builds",
    ("project/indexes/machine.py", "'/etc'"): "settings of all users on Unix; Windows comes before",
    ("project/indexes/machine.py", "'/etc/xdg'"): "the same",
    ("project/indexes/pip.py", "'/etc'"): "pip's settings on Unix; a folder that Windows lacks",
}
"""(file, what) to the reason why it is right on each system."""


@cache
def all_findings() -> tuple[Found, ...]:
    return tuple(
        found
        for path in sorted(ROOT.rglob("*.py"))
        for found in findings(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
    )


def test_nothing_is_used_that_only_some_systems_have() -> None:
    """Modules, calls, signals, places; text files of one encoding and one end of line."""
    strays = [
        f"{found.file}:{found.line}: {found.what}" for found in all_findings() if not allowed(found)
    ]

    assert strays == []


def allowed(found: Found) -> bool:
    return (
        found.file.startswith(tuple(LINUX_ALONE))
        or (found.file in IN_AN_IMAGE and found.what.startswith("'/"))
        or (found.file, found.what) in HERE_TOO
    )


def findings(file: str, text: str) -> Iterator[Found]:
    tree = ast.parse(text)
    named = documentation(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        yield from (Found(file, what, line) for what in of_node(node) if id(node) not in named)


def documentation(tree: ast.Module) -> set[int]:
    """Strings that stand alone: they say something, and name no file."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def of_node(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names if alias.name in MODULES)
        case ast.ImportFrom(module=str(module)) if module in MODULES:
            yield module
        case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in OS_CALLS | set(OTHERWISE):
            yield f"os.{name}"
        case ast.Attribute(value=ast.Name(id="signal"), attr=name) if name in SIGNALS:
            yield f"signal.{name}"
        case ast.Constant(value=str(text)) if PLACES.fullmatch(text):
            yield repr(text)
        case ast.Call():
            yield from of_call(node)


def of_call(call: ast.Call) -> Iterator[str]:
    given = {word.arg: word.value for word in call.keywords}
    match call.func:
        case ast.Name(id="open") if is_text(call, 1, given, default="r"):
            yield from without(given, "encoding", "open()")
        case ast.Attribute(attr="open") if is_text(call, 0, given, default="b"):
            yield from without(given, "encoding", ".open()")
        case ast.Attribute(attr="read_text") if not call.args:
            yield from without(given, "encoding", "read_text()")
        case ast.Attribute(attr="write_text"):
            yield from () if len(call.args) > 1 else without(given, "encoding", "write_text()")
            yield from without(given, "newline", "write_text()")
        case ast.Attribute(attr="rename"):
            yield ".rename()"
        case ast.Attribute(attr=name) if name in LINKS | OWNERS:
            yield f".{name}()"
    if any(isinstance(given.get(name), ast.Constant) for name in ("text", "universal_newlines")):
        yield from without(given, "encoding", "text=True")
    if isinstance(shell := given.get("shell"), ast.Constant) and shell.value:
        yield "shell=True"
    yield from (f"{name}=" for name in ("preexec_fn", "start_new_session") if name in given)


def is_text(call: ast.Call, place: int, given: dict[str | None, ast.expr], default: str) -> bool:
    """Whether a file is opened as text; `default` where no mode is written."""
    mode = given.get("mode") or (call.args[place] if len(call.args) > place else None)
    if not isinstance(mode, ast.Constant) or not re.fullmatch(r"[rwaxbt+]+", str(mode.value)):
        return default != "b"
    return "b" not in str(mode.value)


def without(given: dict[str | None, ast.expr], word: str, what: str) -> Iterator[str]:
    if word not in given:
        yield f"{what} without {word}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import fcntl", "fcntl"),
        ("from pwd import getpwnam", "pwd"),
        ("os.getuid()", "os.getuid"),
        ("found = os.fork", "os.fork"),
        ("os.kill(pid, 0)", "os.kill"),
        ("signal.SIGKILL", "signal.SIGKILL"),
        ("Path('/tmp/x')", "'/tmp/x'"),
        ("run(out='/dev/null')", "'/dev/null'"),
        ("path.rename(other)", ".rename()"),
        ("path.symlink_to(other)", ".symlink_to()"),
        ("path.owner()", ".owner()"),
        ("open(path)", "open() without encoding"),
        ("open(path, 'w', newline='')", "open() without encoding"),
        ("path.open('w')", ".open() without encoding"),
        ("path.read_text()", "read_text() without encoding"),
        ("path.write_text(x, newline='')", "write_text() without encoding"),
        ("path.write_text(x, encoding='utf-8')", "write_text() without newline"),
        ("run(argv, text=True)", "text=True without encoding"),
        ("run(line, shell=True)", "shell=True"),
        ("Popen(argv, start_new_session=True)", "start_new_session="),
    ],
)
def test_each_of_them_is_found(text: str, what: str) -> None:
    """A reader of code that finds nothing would find nothing wrong."""
    assert [found.what for found in findings("x.py", text)] == [what]


@pytest.mark.parametrize(
    "text",
    [
        '"""/tmp/x is said, not opened."""',
        "'see /tmp/x'",
        "open(path, 'rb')",
        "open(path, encoding='utf-8')",
        "path.open('wb')",
        "layer.open()",
        "tarfile.open(path, 'r:')",
        "path.read_text('utf-8')",
        "path.write_text(x, encoding='utf-8', newline='\\n')",
        "path.replace(other)",
        "os.replace(a, b)",
        "os.name == 'nt'",
        "run(argv, shell=False)",
    ],
)
def test_nothing_else_is(text: str) -> None:
    """What every system has needs no exception."""
    assert list(findings("x.py", text)) == []


def test_every_exception_is_needed() -> None:
    """One that is used up goes: it would cover the next one."""
    files = {one.file for one in all_findings()}

    assert set(HERE_TOO) <= {(one.file, one.what) for one in all_findings()}
    assert set(IN_AN_IMAGE) <= files
    assert {name for name in LINUX_ALONE if name.endswith(".py")} <= files
