"""Runs inside the artefact, by its own Python (3.9 or later), and says what imports cost.

Nothing of imagekit is there: this text is an argument of `python -c`, so that, as with
`python -m awslambdaric`, the working directory comes first on the path. What follows are words:
`all MODULE RUNS ROOTS`, the handler's module, how often, and where bytecode counts. It imports the
runtime client and the module in fresh processes: as they are (`asis`), without the bytecode below
ROOTS (`source`), with such bytecode in /tmp where the artefact lacks some (`cached`), and once with
every import noted (`graph`). One line of JSON on stdout tells all.

A process that measures imports nothing before it begins: what it had would be free afterwards.
"""

import sys
import time

TYPE_CHECKING = False  # importing typing would be measured
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

MARK = "imagekit-probe:"
_SOURCES_BYTES = 1 << 20
_SAID_LINES = 40


def run_all(program: str, module: str, runs: int, roots: str) -> None:
    """The first process: starts the others in turn and gathers what they say."""
    import json
    import tempfile

    words = [program, module, roots, tempfile.mkdtemp(prefix="imagekit-probe-")]
    facts = _child(words, "asis")["facts"]
    modes = ["asis", "source"]
    if facts["without_bytecode"]:
        modes.append("cached")
        facts["cached"] = _child(words, "cached")["facts"]["modules"]
    found = [_child(words, mode, facts="") for _ in range(runs) for mode in modes]
    facts["edges"] = _child(words, "graph")["facts"]["edges"]
    _tell(json.dumps({"facts": facts, "runs": found}))


def _tell(answer: str) -> None:
    sys.stdout.write(MARK + answer + "\n")
    sys.stdout.flush()


def _child(words: "Sequence[str]", mode: str, facts: str = "facts") -> "dict[str, Any]":
    """One fresh process; its answer. All ends here where the handler cannot be imported."""
    import json
    import os
    import subprocess
    from pathlib import Path

    program, module, roots, scratch = words
    answer, said = Path(scratch, "answer.json"), Path(scratch, "stderr.txt")
    argv = [sys.executable, "-X", "importtime", "-c", "import sys; exec(sys.argv[1])"]
    argv += [program, mode, module, roots, str(answer), facts]
    with said.open("wb") as stderr:
        status = subprocess.call(argv, stdout=subprocess.DEVNULL, stderr=stderr)
    log = said.read_text("utf-8", "replace")
    if status or not answer.exists():
        lines = [line for line in log.splitlines() if "import time:" not in line]
        _tell(json.dumps({"failed": lines[-_SAID_LINES:], "status": status}))
        os._exit(0)
    found: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    answer.unlink()
    return {**found, "mode": mode, "log": log}


def run_one(mode: str, module: str, roots: "tuple[str, ...]", answer: str, facts: str) -> None:
    """A process of its own: imports, then writes what it saw to the file `answer`."""
    import os

    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task").rstrip("/") + "/"
    _complete_path(task)
    edges = _watch() if mode == "graph" else set()
    if mode in ("source", "cached"):
        _bytecode(roots, None if mode == "source" else answer.rpartition("/")[0])
    sys.stderr.write(MARK + " begin\n")
    sys.stderr.flush()
    began = time.perf_counter_ns()
    try:  # noqa: SIM105 - importing contextlib would be measured
        __import__("awslambdaric.bootstrap")
    except ModuleNotFoundError:
        pass  # another client is not measured
    between = time.perf_counter_ns()
    __import__(module)
    ended = time.perf_counter_ns()
    sys.stderr.write("\n" + MARK + " end\n")
    sys.stderr.flush()
    found: dict[str, object] = {
        "wall_us": (ended - began) // 1000,
        "client_us": (between - began) // 1000,
    }
    if facts:
        found["facts"] = _facts(roots, task) | {"edges": sorted(edges)}
    import json
    from pathlib import Path

    Path(answer).write_text(json.dumps(found), "utf-8")
    os._exit(0)  # threads that the handler started must not hold it


def _complete_path(task: str) -> None:
    """As AWS's own bootstrap does before it imports a handler (lambda_rules R5)."""
    import os

    minor = "python" + ".".join(map(str, sys.version_info[:2]))
    wanted = [task.rstrip("/"), "/opt/python/lib/" + minor + "/site-packages", "/opt/python"]
    known = {os.path.abspath(each) for each in sys.path}  # noqa: PTH100 - pathlib costs 10 ms
    sys.path[1:1] = [each for each in wanted if each not in known and os.path.isdir(each)]  # noqa: PTH112


def _bytecode(roots: "tuple[str, ...]", folder: "str | None") -> None:
    """Have modules below `roots` keep their bytecode in `folder`, or have none at all."""
    external: Any = sys.modules["_frozen_importlib_external"]
    usual = external.cache_from_source
    sys.dont_write_bytecode = folder is None

    def cache_from_source(path: str, *args: object, **kwargs: object) -> str:
        if not path.startswith(roots):
            return str(usual(path, *args, **kwargs))
        if folder is None:
            raise NotImplementedError("importlib compiles where there is no place for bytecode")
        return folder + str(usual(path, *args, **kwargs))

    external.cache_from_source = cache_from_source


def _watch() -> "set[tuple[str, str]]":
    """Note who imports whom from here on, also what is there already."""
    import builtins
    import importlib

    edges: set[tuple[str, str]] = set()
    usual: Any = builtins.__import__
    usual_module: Any = importlib.import_module

    def note(importer: str, target: str, names: "Sequence[str]" = ()) -> None:
        edges.add((importer, target))
        inside = (target + "." + name for name in names if isinstance(name, str))
        edges.update((importer, name) for name in inside if name in sys.modules)

    def spy(
        name: str,
        globals: "Any" = None,
        locals: "Any" = None,
        fromlist: "Sequence[str]" = (),
        level: int = 0,
    ) -> object:
        found = usual(name, globals, locals, fromlist, level)
        known = globals or {}
        base = str(known.get("__package__") or known.get("__name__", "")) if level else ""
        base = base.rsplit(".", level - 1)[0] if level > 1 else base
        target = ".".join(part for part in (base, name) if part)
        note(str(known.get("__name__", "")), target, fromlist or ())
        return found

    def spy_module(name: str, package: "str | None" = None) -> object:
        found = usual_module(name, package)
        note(sys._getframe(1).f_globals.get("__name__", ""), getattr(found, "__name__", name))
        return found

    builtins.__import__, importlib.import_module = spy, spy_module  # type: ignore[assignment]
    return edges


def _facts(roots: "tuple[str, ...]", task: str) -> "dict[str, Any]":
    """Where every module came from, whose it is, and what own code says."""
    import os

    modules = {name: _module(module) for name, module in list(sys.modules.items())}
    files = {str(known["file"]) for known in modules.values() if known["file"]}
    owners = _owners(files)
    compiled = [
        bool(known["bytecode_bytes"])
        for known in modules.values()
        if str(known["file"]).endswith(".py") and str(known["file"]).startswith(roots)
    ]
    own = {
        name: str(known["file"])
        for name, known in sorted(modules.items())
        if str(known["file"]).startswith(task) and known["file"] not in owners
    }
    return {
        "python": sys.version.split()[0].rstrip("+"),
        "stdlib": str(os.__file__).rpartition("/")[0],
        "task": task,
        "modules": modules,
        "owners": owners,
        "sources": _sources(own),
        "with_bytecode": sum(compiled),
        "without_bytecode": len(compiled) - sum(compiled),
    }


def _module(module: "Any") -> "dict[str, object]":
    """Its file or folder, and the size of its bytecode, as far as it says; not all are modules."""
    from pathlib import Path

    spec = getattr(module, "__spec__", None)
    file = getattr(module, "__file__", None)
    cached = getattr(spec, "cached", None)
    compiled = Path(cached) if isinstance(cached, str) else None
    try:
        folder = str(next(iter(module.__path__)))
    except Exception:  # a module may answer any name with anything
        folder = None
    return {
        "file": str(Path(file).absolute()) if isinstance(file, str) else None,
        "folder": folder,
        "built_in": getattr(spec, "origin", None) in ("built-in", "frozen"),
        "bytecode_bytes": compiled.stat().st_size if compiled and compiled.exists() else None,
    }


def _owners(files: "set[str]") -> "dict[str, str]":
    """The distribution of each file, as `name version`, from what installers recorded."""
    from pathlib import Path

    owners: dict[str, str] = {}
    for root in {Path(each).absolute() for each in sys.path if Path(each).is_dir()}:
        tops: dict[str, set[str]] = {}
        for folder in sorted(root.glob("*.dist-info")):
            name, _, version = folder.name[: -len(".dist-info")].partition("-")
            label = name.replace("_", "-").lower() + " " + version
            for path in _listed(folder) or [name + "/"]:
                tops.setdefault(path.split("/")[0], set()).add(label)
                if str(root / path) in files:
                    owners[str(root / path)] = label
        for file in files - set(owners):
            found = tops.get(file[len(str(root)) + 1 :].split("/")[0], set())
            if file.startswith(str(root) + "/") and len(found) == 1:
                owners[file] = next(iter(found))
    return owners


def _listed(folder: "Path") -> "list[str]":
    """What a distribution says that it installed; nothing where its record was left out."""
    import csv

    record = folder / "RECORD"
    if not record.exists():
        return []
    with record.open(encoding="utf-8", newline="") as lines:
        return [row[0] for row in csv.reader(lines) if row]


def _sources(own: "dict[str, str]") -> "dict[str, str]":
    """What own modules say, as far as it is not too much."""
    from pathlib import Path

    found: dict[str, str] = {}
    left = _SOURCES_BYTES
    for name, file in own.items():
        if file.endswith(".py") and left > 0:
            found[name] = Path(file).read_text("utf-8", "replace")[:left]
            left -= len(found[name])
    return found


if sys.argv[2:3] == ["all"]:
    run_all(sys.argv[1], sys.argv[3], int(sys.argv[4]), sys.argv[5])
elif len(sys.argv) == 7:
    run_one(sys.argv[2], sys.argv[3], tuple(sys.argv[4].split(":")), sys.argv[5], sys.argv[6])
