"""Bytecode for the target, the same on every machine (decision 3).

What `marshal` writes depends on strings that the process saw before: of 3,504 files of 15 wheels,
CPython 3.13.0 compiles one differently after other files, and two more while the code of another
file is still alive. In one order it never does. So the work is cut into pieces by the sources
alone, never by the number of cores: the files of one owner in sorted order, a new piece at every
2 MiB, each in a fresh interpreter. Hash seeds change nothing, so `-I` may ignore PYTHONHASHSEED.

Two cores, numpy + pandas + pyarrow + boto3 + Powertools (2,500 files, 41 MB): 3.6 s, and 7.0 s of
CPU time. With one piece per wheel, pandas alone keeps one core busy for 4.2 s; below 1 MiB starting
interpreters begins to cost.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.model.tree import Bytes, FileEntry, Tree

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from imagekit.project.interpreter import Interpreter

PIECE_BYTES = 2 * 1024 * 1024
"""Part of the recipe: another size may give other bytes."""

_ISOLATED = ("-I", "-S", "-B", "-X", "utf8", "-W", "ignore")
_LENGTHS = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_NOT_IMPORTED = "bin/"
_HINT = "leave the file out, or set `bytecode = false`"

Piece = tuple[FileEntry, ...]


class Bytecode(Struct, frozen=True, kw_only=True):
    """What compiling a tree gave."""

    entries: tuple[FileEntry, ...]
    """`__pycache__/*.pyc`, each owned by whoever owns its source."""
    left_out: tuple[str, ...]
    """Sources that are not Python of this version; they stay as they are."""


def compile_tree(
    tree: Tree, *, root: str, interpreter: Interpreter, pool: Executor | None = None
) -> Tree:
    """The tree with `.pyc` for every `.py` in it, in place of those that it had.

    They are of the unchecked-hash kind (PEP 552): valid whatever happens to modification times.
    `root` is where the tree will lie, such as `/var/task`: tracebacks name files under it. Pieces
    run in `pool`, one interpreter for each of its workers; without one, in a pool that all callers
    share, of one worker for each core. Raises CommandFailed where the interpreter crashes.
    """
    kept = [entry for entry in tree if not _is_bytecode(entry.path)]
    made = bytecode_of(Tree(tuple(kept)), root=root, interpreter=interpreter, pool=pool)
    return Tree.of([*kept, *made.entries])


def bytecode_of(
    tree: Tree, *, root: str, interpreter: Interpreter, pool: Executor | None = None
) -> Bytecode:
    """The `.pyc` alone, and which sources have none; see `compile_tree`."""
    todo = pieces(tree)
    task = _Task(root=root.rstrip("/"), interpreter=interpreter)
    made = _run(pool or _cores(), task, todo)
    return Bytecode(
        entries=tuple(entry for _, entry in made if entry is not None),
        left_out=tuple(sorted(source.path for source, entry in made if entry is None)),
    )


def pieces(tree: Tree) -> tuple[Piece, ...]:
    """The sources of a tree, cut by owner and size; the same tree is cut the same everywhere."""
    owners: dict[str, list[FileEntry]] = {}
    for entry in tree:
        if _is_source(entry):
            owners.setdefault(entry.owner, []).append(entry)
    return tuple(piece for entries in owners.values() for piece in _cut(entries))


def _cut(entries: Iterable[FileEntry]) -> Iterator[Piece]:
    piece: list[FileEntry] = []
    size_bytes = 0
    for entry in entries:
        piece.append(entry)
        size_bytes += entry.size_bytes
        if size_bytes >= PIECE_BYTES:
            yield tuple(piece)
            piece, size_bytes = [], 0
    if piece:
        yield tuple(piece)


def _is_source(entry: FileEntry) -> bool:
    return (
        entry.path.endswith(".py")
        and entry.link_target is None
        and not entry.path.startswith(_NOT_IMPORTED)
    )


def _is_bytecode(path: str) -> bool:
    return path.endswith(".pyc") and "__pycache__" in path.split("/")[:-1]


def _run(
    pool: Executor, task: _Task, todo: Sequence[Piece]
) -> list[tuple[FileEntry, FileEntry | None]]:
    # The large ones first, so that no core is left alone with one at the end.
    ordered = sorted(todo, key=lambda piece: -sum(entry.size_bytes for entry in piece))
    running = [pool.submit(task.compile, piece) for piece in ordered]
    try:
        return [pair for future in running for pair in future.result()]
    finally:
        for future in running:
            future.cancel()


class _Task(Struct, frozen=True, kw_only=True):
    root: str
    interpreter: Interpreter

    def compile(self, piece: Piece) -> list[tuple[FileEntry, FileEntry | None]]:
        """One fresh interpreter for these sources."""
        said, *answers = self._ask(piece)
        version, tag = said.decode().split(" ")
        if version.rstrip("+") != self.interpreter.version:
            raise CannotBuild(
                what=f"{self.interpreter.argv[0]} is Python {version} now, "
                f"not {self.interpreter.version}",
            )
        return [
            (source, _entry(source, data, tag)) for source, data in zip(piece, answers, strict=True)
        ]

    def _ask(self, piece: Piece) -> list[bytes]:
        import subprocess

        argv = (*self.interpreter.argv, *_ISOLATED, "-c", _worker())
        asked = b"".join(self._frame(entry) for entry in piece)
        try:
            done = subprocess.run(argv, input=asked, capture_output=True, check=False)
        except OSError as error:
            raise self._failed(127, error.strerror or str(error)) from error
        answers = list(_frames(done.stdout))
        if done.returncode or len(answers) != len(piece) + 1:
            tail = done.stderr.decode("utf-8", "replace")[-2000:].strip()
            at = max(0, len(answers) - 1)
            place = f"at {piece[at].path}" if at < len(piece) else "at its end"
            raise self._failed(done.returncode, f"{place}\n{tail}".strip())
        return answers

    def _frame(self, entry: FileEntry) -> bytes:
        path, source = f"{self.root}/{entry.path}".encode(), entry.content.read()
        return _LENGTHS.pack(len(path), len(source)) + path + source

    def _failed(self, status: int, tail: str) -> CommandFailed:
        argv = (*self.interpreter.argv, *_ISOLATED)
        return CommandFailed(argv=argv, status=status, stderr_tail=tail, hint=_HINT)


def _entry(source: FileEntry, data: bytes, tag: str) -> FileEntry | None:
    if not data:
        return None
    folder, _, name = source.path.rpartition("/")
    place = f"__pycache__/{name.removesuffix('.py')}.{tag}.pyc"
    return FileEntry(
        path=f"{folder}/{place}" if folder else place,
        size_bytes=len(data),
        owner=source.owner,
        content=Bytes(data),
    )


def _frames(data: bytes) -> Iterator[bytes]:
    """Whole frames only: an interpreter that crashed may leave a part of one."""
    at = 0
    while at + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        if at <= len(data):
            yield data[at - length : at]


@cache
def _cores() -> Executor:
    # One for the process: making several layers at once must not start cores x layers interpreters.
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="bytecode")


@cache
def _worker() -> str:
    from importlib.resources import files

    return files("imagekit.contents").joinpath("worker.py").read_text("utf-8")
