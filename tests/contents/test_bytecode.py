"""Bytecode: valid on a read-only disk, and the same bytes wherever it is compiled."""

from __future__ import annotations

import importlib.util
import marshal
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType

import pytest

from imagekit.contents.bytecode import PIECE_BYTES, bytecode_of, compile_tree, pieces
from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.project.interpreter import Interpreter
from tests.contents.support import PYTHON, contents

TAG = sys.implementation.cache_tag
ROOT = "/var/task"


def entry(path: str, data: bytes, owner: str = "pkg 1.0") -> FileEntry:
    return FileEntry(path=path, size_bytes=len(data), owner=owner, content=Bytes(data))


def tree(files: Mapping[str, bytes], owner: str = "pkg 1.0") -> Tree:
    return Tree.of(entry(path, data, owner) for path, data in files.items())


def compiled(files: Mapping[str, bytes], root: str = ROOT) -> dict[str, bytes]:
    return contents(compile_tree(tree(files), root=root, interpreter=PYTHON))


def code_of(pyc: bytes) -> CodeType:
    code = marshal.loads(pyc[16:])
    assert isinstance(code, CodeType)
    return code


def test_every_module_gets_bytecode_beside_it() -> None:
    """PEP 3147 names; other files stay as they are."""
    files = {"a.py": b"x = 1\n", "pkg/b.py": b"", "pkg/data.txt": b"x = 1\n"}

    found = compiled(files)

    assert found.keys() == files.keys() | {
        f"__pycache__/a.{TAG}.pyc",
        f"pkg/__pycache__/b.{TAG}.pyc",
    }


def test_it_is_of_the_unchecked_hash_kind() -> None:
    """C7 of Lambda's rules: the other kinds die with normalised times, or read every source."""
    source = b"x = 1\n"
    pyc = compiled({"a.py": source})[f"__pycache__/a.{TAG}.pyc"]

    assert pyc[:4] == importlib.util.MAGIC_NUMBER
    assert pyc[4:8] == b"\x01\0\0\0"
    assert pyc[8:16] == importlib.util.source_hash(source)


def test_python_imports_it_and_never_looks_at_the_source(tmp_path: Path) -> None:
    """Compiled from one source, imported beside another: the bytecode is what runs."""
    for path, data in compiled({"module.py": b"answer = 42\n"}).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "module.py").write_bytes(b"answer = 'compiled again'\n")

    program = "import sys; sys.path[:0] = [sys.argv[1]]; import module; print(module.answer)"
    argv = [sys.executable, "-I", "-B", "-c", program, str(tmp_path)]
    said = subprocess.run(argv, capture_output=True, check=True, text=True)

    assert said.stdout == "42\n"


@pytest.mark.parametrize(
    ("root", "name"),
    [("/opt/x", "/opt/x/pkg/é.py"), ("/opt/x/", "/opt/x/pkg/é.py"), ("/", "/pkg/é.py")],
)
def test_tracebacks_name_the_final_place(root: str, name: str) -> None:
    """Not a folder of whoever built it."""
    pyc = compiled({"pkg/é.py": b"def f(): ...\n"}, root)[f"pkg/__pycache__/é.{TAG}.pyc"]

    assert code_of(pyc).co_filename == name


def test_sources_keep_their_docstrings_and_asserts() -> None:
    """Optimisation level 0, whatever PYTHONOPTIMIZE says here."""
    pyc = compiled({"a.py": b'"""Doc."""\nassert False\n'})[f"__pycache__/a.{TAG}.pyc"]

    assert "Doc." in code_of(pyc).co_consts
    with pytest.raises(AssertionError):
        exec(code_of(pyc), {})


def test_what_is_not_python_of_this_version_stays_source() -> None:
    """Templates and Python 2 files are in many wheels; compileall leaves them out as well."""
    files = {
        "good.py": b"x = 1\n",
        "template.py": b"import {{ name }}\n",
        "python2.py": b"print 'hello'\n",
        "null.py": b"x = 1\0\n",
        "encoding.py": b"# coding: no-such-thing\nx = 1\n",
        "latin.py": b"# coding: latin-1\nx = '\xe9'\n",
    }

    made = bytecode_of(tree(files), root=ROOT, interpreter=PYTHON)

    assert made.left_out == ("encoding.py", "null.py", "python2.py", "template.py")
    assert {made_one.path for made_one in made.entries} == {
        f"__pycache__/{name}.{TAG}.pyc" for name in ("good", "latin")
    }


def test_warnings_of_the_compiler_stay_inside() -> None:
    """A `SyntaxWarning` in somebody's package is no news, and no reason to leave a module out."""
    made = bytecode_of(tree({"a.py": rb"x = '\d'"}), root=ROOT, interpreter=PYTHON)

    assert made.left_out == ()


def test_bytecode_that_was_there_is_replaced() -> None:
    """Stale, or another Python's; a module that is bytecode alone is a module."""
    files = {
        "a.py": b"x = 1\n",
        f"__pycache__/a.{TAG}.pyc": b"stale",
        "__pycache__/gone.cpython-27.pyc": b"stale",
        "only.pyc": b"a module without source",
    }

    found = compiled(files)

    assert found.keys() == {"a.py", f"__pycache__/a.{TAG}.pyc", "only.pyc"}
    assert found[f"__pycache__/a.{TAG}.pyc"] != b"stale"


def test_programs_and_links_are_not_compiled() -> None:
    """Nobody imports from `bin/`, and a link's module is compiled where it lies."""
    link = FileEntry(
        path="link.py", size_bytes=0, owner="p 1", content=Bytes(b""), link_target="bin/run.py"
    )
    found = compile_tree(
        Tree.of([entry("bin/run.py", b"x = 1\n"), link]), root=ROOT, interpreter=PYTHON
    )

    assert [one.path for one in found] == ["bin/run.py", "link.py"]


def test_bytecode_belongs_to_whoever_owns_the_source() -> None:
    """Reports count it there."""
    both = Tree.of([entry("a.py", b"", "one 1"), entry("b.py", b"", "two 2")])

    made = bytecode_of(both, root=ROOT, interpreter=PYTHON)

    assert {one.path[12]: one.owner for one in made.entries} == {"a": "one 1", "b": "two 2"}


SIZES = {f"pkg/m{number:03}.py": 100_000 for number in range(30)}


def modules(seed: int) -> dict[str, bytes]:
    """Modules that share words, so that marshal's references depend on what came before."""
    words = [f"word_{number}" for number in range(400)]
    chosen = random.Random(seed)
    return {
        path: "\n".join(
            f"def {chosen.choice(words)}(one='{chosen.choice(words)} {chosen.choice(words)}'):\n"
            f"    return ('{chosen.choice(words)}', one in {{'{chosen.choice(words)}', 'x'}})"
            for _ in range(size // 100)
        ).encode()
        for path, size in SIZES.items()
    }


def test_the_number_of_cores_changes_no_byte() -> None:
    """The pieces are the same, whoever compiles which of them and when."""
    files = tree(modules(1))
    assert len(pieces(files)) > 1

    made = []
    for workers in (1, 3):
        with ThreadPoolExecutor(workers) as pool:
            made.append(compile_tree(files, root=ROOT, interpreter=PYTHON, pool=pool))

    assert contents(made[0]) == contents(made[1])


def test_the_environment_changes_no_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither hash seed nor optimisation, warnings, path, folder or locale of whoever builds."""
    files = {"pkg/a.py": modules(2)["pkg/m000.py"], "pkg/b.py": b"x = {'a', 'b', 'c'}\nassert x\n"}
    before = compiled(files)
    (tmp_path / "struct.py").write_text("raise SystemExit('shadowed')")
    for name, value in {
        "PYTHONHASHSEED": "7",
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONPATH": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "",
        "LC_ALL": "C",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    assert compiled(files) == before


def test_pieces_depend_on_the_sources_alone() -> None:
    """Sorted, each source once, cut by owner and size."""
    large = bytes(PIECE_BYTES // 2)
    one = [entry(f"one/{name}.py", large, "one 1") for name in "cab"]
    two = [entry(f"two/{name}.py", b"", "two 1") for name in "ba"]

    cut = pieces(Tree.of([*two, *one]))

    assert [[source.path for source in piece] for piece in cut] == [
        ["one/a.py", "one/b.py"],
        ["one/c.py"],
        ["two/a.py", "two/b.py"],
    ]


def test_a_package_compiles_to_the_same_alone_and_among_others() -> None:
    """An image compiles each wheel for its layer, a ZIP all of them at once."""
    one, two = (
        tree(
            {f"{name}/{path}": data for path, data in list(modules(seed).items())[:5]}, f"{name} 1"
        )
        for seed, name in enumerate(("one", "two"))
    )
    alone = bytecode_of(two, root=ROOT, interpreter=PYTHON)
    among = bytecode_of(Tree.of([*one, *two]), root=ROOT, interpreter=PYTHON)

    mine = [made for made in among.entries if made.owner == "two 1"]
    assert [(m.path, m.content) for m in mine] == [(m.path, m.content) for m in alone.entries]


def test_a_tree_without_python_starts_no_interpreter() -> None:
    """Nothing to compile, nothing to ask."""
    gone = Interpreter(version="3.13.0", argv=("/no/such/python",))

    found = compile_tree(tree({"a.txt": b""}), root=ROOT, interpreter=gone)

    assert [one.path for one in found] == ["a.txt"]


def test_an_interpreter_that_cannot_be_started_is_named() -> None:
    """With what to type instead."""
    gone = Interpreter(version="3.13.0", argv=("/no/such/python",))

    with pytest.raises(CommandFailed) as found:
        compile_tree(tree({"a.py": b""}), root=ROOT, interpreter=gone)

    assert (found.value.argv[0], found.value.status) == ("/no/such/python", 127)
    assert found.value.hint


def test_a_crash_names_the_file(tmp_path: Path) -> None:
    """Compilers have bugs; the file that met one is what a person can act on."""
    crashing = tmp_path / "crashing.py"
    crashing.write_text(
        "import os, struct, sys\n"
        "for frame in (b'3.13.0 cpython-313', b'pyc of a'):\n"
        "    os.write(1, struct.pack('<I', len(frame)) + frame)\n"
        "os.write(1, b'half')\n"
        "sys.stderr.write('Fatal Python error')\n"
        "sys.stderr.flush()\n"
        "os._exit(134)\n"
    )
    interpreter = Interpreter(version="3.13.0", argv=(sys.executable, str(crashing)))

    with pytest.raises(CommandFailed) as found:
        compile_tree(tree({"a.py": b"", "b.py": b""}), root=ROOT, interpreter=interpreter)

    assert found.value.status == 134
    assert found.value.stderr_tail == "at b.py\nFatal Python error"


def test_another_version_than_the_lock_names_is_not_used() -> None:
    """It was replaced since it was found: other bytes would come out under the same recipe."""
    other = Interpreter(version="3.99.0", argv=PYTHON.argv)

    with pytest.raises(CannotBuild, match=rf"is Python {PYTHON.version}"):
        compile_tree(tree({"a.py": b""}), root=ROOT, interpreter=other)


def test_the_standard_library_compiles_whole() -> None:
    """Real sources, some of them odd: what compileall compiles is compiled."""
    stdlib = Path(os.__file__).parent
    files = {
        path.relative_to(stdlib).as_posix(): path.read_bytes()
        for folder in ("asyncio", "email", "encodings", "lib2to3/tests/data")
        for path in sorted((stdlib / folder).glob("*.py"))
    }

    made = bytecode_of(tree(files), root="/usr/lib/python3", interpreter=PYTHON)

    assert all("lib2to3/tests" in path for path in made.left_out)
    assert len(made.entries) == len(files) - len(made.left_out) > 150
