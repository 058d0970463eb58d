"""What is missing, as exceptions of real imports tell it, and who left it out."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from imagekit.check.opened import OpenZip
from imagekit.contents.slim.blame import blame, blame_package
from imagekit.local.importing import EXECUTE, explained, program, read
from imagekit.local.unpacked import Unpacked, unpack, with_layers
from imagekit.model.errors import CannotBuild
from imagekit.model.importing import ImportCheck, NotImported, Raised
from imagekit.model.slim import Dropped, LeftOut
from imagekit.report.importing import import_json, import_line, import_lines

ON_LINUX = sys.platform == "linux"


def imported(folder: Path, files: dict[str, str], handler: str = "app.handler") -> object:
    """What importing says, in a process of its own."""
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    argv = [sys.executable, "-I", "-S", "-B", "-c", EXECUTE, program(), handler, str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return read(done.stdout, [str(folder)])


def failure(folder: Path, text: str, **more: str) -> NotImported:
    files = {"app.py": text} | {f"{name}.py": body for name, body in more.items()}
    found = imported(folder, files)
    assert isinstance(found, NotImported)
    return found


def test_a_handler_that_imports_says_how_long_it_took(tmp_path: Path) -> None:
    """Whatever it prints, its answer is told apart from that."""
    text = "print('imagekit-import:{}')\ndef handler(event, context): ...\n"

    assert isinstance(imported(tmp_path, {"app.py": text}), int)


def test_a_slash_in_a_handler_is_a_dot(tmp_path: Path) -> None:
    """As awslambdaric reads it."""
    files = {"pkg/app.py": "def handler(event, context): ...\n"}

    assert isinstance(imported(tmp_path, files, "pkg/app.handler"), int)


def test_a_missing_module_is_named_with_the_way_to_it(tmp_path: Path) -> None:
    """From the handler's own file inwards."""
    found = failure(tmp_path, "import other\n", other="\nimport gone.tests\n")

    assert (found.kind, found.what) == ("module", "gone")
    assert found.places == ("app.py:1", "other.py:2")


def test_a_missing_file_is_named_below_the_root(tmp_path: Path) -> None:
    """A package opens its data when it is imported."""
    text = "from pathlib import Path\nPath(__file__).with_name('model.bin').read_bytes()\n"

    found = failure(tmp_path, text)

    assert (found.kind, found.what) == ("file", "model.bin")
    assert str(tmp_path) not in found.said


def test_the_cause_tells_where_a_package_wraps_it(tmp_path: Path) -> None:
    """numpy and pandas raise an ImportError of their own, which says what to do on a desktop."""
    text = "try:\n    import gone\nexcept ImportError as error:\n    raise ImportError('IMPORTANT: "
    text += "read this') from error\n"

    assert failure(tmp_path, text).what == "gone"


def test_a_name_that_a_module_lacks_may_be_a_module(tmp_path: Path) -> None:
    """`from package import tests`, where the folder was left out."""
    found = failure(tmp_path, "from other import tests\n", other="")

    assert (found.kind, found.what) == ("name", "other.tests")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "AttributeError: module 'app' has no attribute 'handler'"),
        ("import os\nos.environ['NOT_THERE']\n", "KeyError: 'NOT_THERE'"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("def broken(:\n", "SyntaxError: invalid syntax (app.py, line 1)"),
    ],
)
def test_anything_else_is_told_in_its_own_words(tmp_path: Path, text: str, said: str) -> None:
    """Nothing is guessed at."""
    found = failure(tmp_path, text)

    assert (found.kind, found.said) == ("other", said)


@pytest.mark.parametrize(
    ("message", "kind", "what"),
    [
        (
            "libarrow.so.2600: cannot open shared object file: No such file or directory",
            "library",
            "libarrow.so.2600",
        ),
        (
            "/lib64/libc.so.6: version `GLIBC_2.34' not found (required by /var/task/_x.so)",
            "glibc",
            "GLIBC 2.34",
        ),
    ],
)
def test_what_the_loader_lacks_is_named(message: str, kind: str, what: str) -> None:
    """ld.so's words, from glibc's sources."""
    found = explained([Raised(error="ImportError", message=message)])

    assert (found.kind, found.what) == (kind, what)


def test_nothing_said_is_no_answer() -> None:
    """A process that crashed said something else, or nothing."""
    assert read("Segmentation fault\n", []) is None


def missing(kind: str, what: str) -> NotImported:
    return NotImported(kind=kind, what=what, said="")  # type: ignore[arg-type] # words of a table


DROPPED = [
    ("demo 1.0", Dropped("demo/tests/__init__.py", 1, "tests")),
    ("demo 1.0", Dropped("demo/tests/data/x.csv", 1, "tests")),
    ("demo 1.0", Dropped("demo/_fast.pyx", 1, "C sources and headers")),
    ("other 2.0", Dropped("other.libs/libx-1f.so.2", 1, "asked for")),
    ("other 2.0", Dropped("other/_x.cpython-313-x86_64-linux-gnu.so", 1, "asked for")),
    ("other 2.0", Dropped("other/plugins/one.py", 1, "asked for")),
    ("deep 3.0", Dropped("deep/core/tests/_locales.py", 1, "tests")),
]


@pytest.mark.parametrize(
    ("kind", "what", "keep"),
    [
        ("module", "demo.tests", "demo/tests"),
        ("module", "demo.tests.data", None),
        ("name", "demo.tests", "demo/tests"),
        ("file", "demo/tests/data/x.csv", "demo/tests/data/x.csv"),
        ("file", "demo/tests/data", "demo/tests/data/x.csv"),
        ("file", "demo/_fast.pyx", "demo/_fast.pyx"),
        ("library", "libx-1f.so.2", "other.libs/libx-1f.so.2"),
        ("module", "other._x", "other/_x.cpython-313-x86_64-linux-gnu.so"),
        ("module", "demo.test", None),
        ("module", "demo", None),
        ("module", "other", None),
        ("module", "other.plugins", "other/plugins/one.py"),
        ("module", "deep", None),
        ("name", "deep.core", None),
        ("module", "deep.core.tests", "deep/core/tests"),
        ("name", "deep.core.tests", "deep/core/tests"),
        ("other", "demo/tests/data/x.csv", None),
    ],
)
def test_who_left_it_out(kind: str, what: str, keep: str | None) -> None:
    """The rule's file, and the pattern that brings it back; nobody where more is missing."""
    found = blame(missing(kind, what), DROPPED)

    assert (found.hint if found else None) == (f'keep = ["{keep}"]' if keep else None)


@pytest.mark.parametrize(
    ("what", "why", "hint"),
    [
        ("six.moves", "excluded", "take 'six' out of `exclude_packages`"),
        ("dateutil.tz", "the runtime brings it", "take 'python-dateutil' out of `provided`"),
        ("gone", "excluded", None),
    ],
)
def test_packages_that_are_left_out_whole(what: str, why: str, hint: str | None) -> None:
    """By the name that they are imported under."""
    left = [LeftOut("six 1.17.0", why), LeftOut("python-dateutil 2.9.0", why)]

    found = blame_package(missing("module", what), left)

    assert (found.hint if found else None) == hint


def test_what_a_person_reads() -> None:
    """What is missing, the way to it, who took it, and what to write."""
    found = NotImported(
        kind="module",
        what="demo.tests",
        said="ModuleNotFoundError: No module named 'demo.tests'",
        places=("app.py:1", "a.py:2", "b.py:3", "c.py:4", "d.py:5"),
    )
    check = ImportCheck(
        handler="app.handler",
        where="Python 3.13.0 of this machine",
        failure=found,
        blamed=blame(found, DROPPED),
    )

    assert list(import_lines(check)) == [
        "error import  app.handler: ModuleNotFoundError: No module named 'demo.tests'",
        "    the module demo.tests is not in the artefact",
        "    at app.py:1 > … > b.py:3 > c.py:4 > d.py:5",
        "    demo/tests/__init__.py was left out of demo 1.0 (tests)",
        '    hint: keep = ["demo/tests"]',
    ]
    assert import_line(check).startswith("app.handler  cannot be imported")
    assert import_json(check)["missing"] == {"kind": "module", "what": "demo.tests"}


def test_what_a_zip_holds_lies_in_a_folder(tmp_path: Path) -> None:
    """Links as links; the tags of what is compiled tell the version of Python."""
    path = tmp_path / "app.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", "x = 1\n")
        archive.writestr("demo/_x.cpython-313-x86_64-linux-gnu.so", "")
        link = zipfile.ZipInfo("demo/libx.so")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "libx.so.2")

    found = unpack(OpenZip(name="app.zip", source=path), tmp_path / "here")

    assert found.python == "3.13"
    assert (tmp_path / "here" / "app.py").read_text() == "x = 1\n"
    if ON_LINUX:
        assert (tmp_path / "here" / "demo" / "libx.so").readlink() == Path("libx.so.2")


def test_layers_lie_beside_the_zip_and_the_later_wins(tmp_path: Path) -> None:
    """Under both folders of /opt where Lambda's Python looks; a broken one is told by its name."""
    unzipped = Unpacked(roots=(tmp_path / "task",), variables={}, python=None)
    layers = [tmp_path / "app.layer-1.zip", tmp_path / "app.layer-2.zip"]
    for number, layer in enumerate(layers):
        with zipfile.ZipFile(layer, "w") as archive:
            archive.writestr("python/one.py", f"x = {number}\n")
            archive.writestr("python/lib/python3.13/site-packages/m.cpython-313.pyc", "")

    found = with_layers(unzipped, layers, tmp_path / "opt")

    python = tmp_path / "opt" / "python"
    assert found.roots == (tmp_path / "task", python / "lib/python3.13/site-packages", python)
    assert found.python == "3.13"
    assert (python / "one.py").read_text() == "x = 1\n"
    layers[0].write_bytes(b"PK")
    with pytest.raises(CannotBuild, match=r"app\.layer-1\.zip cannot be unpacked"):
        with_layers(unzipped, layers, tmp_path / "opt")


@pytest.mark.parametrize("target", ["../../outside", "/../outside"])
def test_a_link_out_of_the_artefact_is_refused(tmp_path: Path, target: str) -> None:
    """What somebody else made is not trusted with this machine's files."""
    path = tmp_path / "app.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("demo/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, target)

    with pytest.raises(CannotBuild, match="cannot be unpacked"):
        unpack(OpenZip(name="app.zip", source=path), tmp_path / "here")
