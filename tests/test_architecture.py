"""The plan of the house, held by tests: who may import whom, and how large things may grow."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import imagekit

ROOT = Path(imagekit.__file__).parent

FLOORS: tuple[tuple[str, ...], ...] = (
    ("model",),
    ("net", "store", "console"),
    ("project", "registry", "aws", "daemon"),
    ("contents", "oci"),
    ("bases", "check"),
    ("plan",),
    ("engines", "bundle", "local", "deploy", "report"),
    ("pipeline",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
KNOWN_BY_ONE_ROOM = {"boto3": "aws", "botocore": "aws", "docker": "daemon"}
ASSETS = {"base_images"}


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT)
        if inside.parts[0] in ASSETS or (inside.name == "__init__.py" and len(inside.parts) == 1):
            continue
        room = inside.parts[0].removesuffix(".py")
        yield room, inside, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def docstrings(tree: ast.Module) -> set[int]:
    """Which strings stand for themselves."""
    alone = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(node) for node in alone if isinstance(node, ast.Constant)}


def test_every_room_has_a_floor() -> None:
    """A module lies in a room of the plan; a piece that fits none changes the plan."""
    assert {room for room, _, _ in modules()} <= set(FLOOR)


def test_imports_go_down() -> None:
    """A room imports only rooms on lower floors; rooms on one floor do not know each other."""
    upward = [
        f"{path} imports {name}"
        for room, path, tree in modules()
        for name in imported(tree)
        if name.startswith("imagekit.")
        and (other := name.split(".")[1]) != room
        and other in FLOOR
        and FLOOR[other] >= FLOOR[room]
    ]

    assert upward == []


def test_foreign_sdks_have_one_door() -> None:
    """Only `aws` knows boto3, only `daemon` knows the Docker SDK."""
    strays = [
        f"{path} imports {name}"
        for room, path, tree in modules()
        for name in imported(tree)
        if KNOWN_BY_ONE_ROOM.get(name.split(".")[0], room) != room
    ]

    assert strays == []


def test_no_message_names_a_document_that_users_do_not_have() -> None:
    """Comments and docstrings say which rule of Lambda's it is; what is printed does not."""
    told = [
        f"{path}:{node.lineno}: {node.value}"
        for _, path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "lambda_rules" in node.value
        and id(node) not in docstrings(tree)
    ]

    assert told == []


def test_only_the_console_prints() -> None:
    """stdout is the answer and stderr the talk, so one module writes to both."""
    prints = [
        str(path)
        for room, path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and room != "console"
    ]

    assert prints == []


def test_files_hold_one_idea() -> None:
    """No file over 400 lines, the median at most 150."""
    lines = {
        str(path): len((ROOT / path).read_text("utf-8").splitlines()) for _, path, _ in modules()
    }

    assert {path: count for path, count in lines.items() if count > 400} == {}
    assert statistics.median(lines.values()) <= 150


def test_functions_fit_a_screen() -> None:
    """No function over 60 lines; nine in ten at most 35; the median at most 12."""
    lengths = {
        f"{path}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for _, path, tree in modules()
        for node in functions(tree)
    }
    ordered = sorted(lengths.values())

    assert {name: count for name, count in lengths.items() if count > 60} == {}
    assert ordered[int(len(ordered) * 0.9)] <= 35
    assert statistics.median(ordered) <= 12


def test_functions_take_at_most_six_parameters() -> None:
    """More than six parameters are a value that has no name yet; commands are the exception."""
    wide = [
        f"{path}:{node.name}"
        for room, path, tree in modules()
        for node in functions(tree)
        if room != "cli"
        and len({arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)} - {"self", "cls"}) > 6
    ]

    assert wide == []


def test_values_are_structs() -> None:
    """A start makes some 240 classes: a dataclass takes half a millisecond, a struct a hundredth
    of that. Dataclasses are for exceptions, and for values that hide or do not compare a field."""
    needless = [
        f"{path}: {node.name}"
        for _, path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and "dataclass" in "".join(map(ast.unparse, node.decorator_list))
        and not node.bases  # errors are the only ones
        and not any("=False" in ast.unparse(line) for line in node.body)
    ]

    assert needless == []
