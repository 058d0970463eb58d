"""Reading what is there: the descriptions of other tools, the code, the locks.

template, serverless.yml, Dockerfile, Chalice, or handlers in the code
─→ what the project says of all its functions ─→ Survey
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.errors import ConfigError, LockError, Problem, UsageError
from imagekit.project.config import FunctionConfig
from imagekit.project.locks import LockFile
from imagekit.project.locks import find as find_lock
from imagekit.project.survey.candidates import ADAPTED, Module, read_module
from imagekit.project.survey.descriptions import Description, described, named
from imagekit.project.survey.facts import Facts, choose_python, nearest_lock
from imagekit.project.survey.folder import Folder, read_folder, read_text
from imagekit.project.survey.lambda_values import sound
from imagekit.project.survey.layout import place, plain
from imagekit.project.survey.values import FunctionFound, Notes, Reading, Survey

_PYPROJECT = "pyproject.toml"
_PYTHON_VERSION = ".python-version"


def survey(root: Path, source: str | None = None) -> Survey:
    """What the project in `root` is; `source` names the only file to take functions from.

    Raises UsageError where there is nothing to package, or two files describe functions;
    ConfigError with every place where a file does not parse.
    """
    if not root.is_dir():
        raise UsageError(what=f"there is no folder {root}", hint="use `--project DIR`")
    folder = read_folder(root)
    facts = Facts(
        pyproject=_pyproject(root),
        python_version=read_text(root, _PYTHON_VERSION)
        if (root / _PYTHON_VERSION).is_file()
        else None,
    )
    return _Surveyor(root=root, folder=folder, facts=facts).survey(source)


def _pyproject(root: Path) -> Mapping[str, object]:
    import tomli

    if not (root / _PYPROJECT).exists():
        return {}
    try:
        return tomli.loads(read_text(root, _PYPROJECT))
    except tomli.TOMLDecodeError as error:
        problem = Problem(f"{_PYPROJECT}:{error.lineno}", f"not TOML: {error.msg}")
        hint = f"correct line {error.lineno} of {_PYPROJECT}"
        raise ConfigError(problems=(problem,), hint=hint) from error


class _Surveyor(Struct):
    root: Path
    folder: Folder
    facts: Facts
    notes: Notes = field(default_factory=Notes)

    @property
    def project(self) -> str:
        return plain(self.facts.name or self.folder.name) or "app"

    def survey(self, source: str | None) -> Survey:
        reading = self._reading(source)
        self.notes.found += reading.found
        self.notes.left += reading.left
        modules = list(self._modules())
        functions = reading.functions or self._in_code(modules)
        functions = tuple(self._with_handler(one, modules) for one in functions)
        finished = tuple(self._finished(one) for one in _apart(functions))
        self._say_locks(finished)
        return Survey(
            functions=finished,
            found=tuple(sorted(self.notes.found, key=lambda said: _order(said.where))),
            left=tuple(sorted(self.notes.left, key=lambda left: _order(left.where))),
        )

    def _reading(self, source: str | None) -> Reading:
        around = Description(root=self.root, folder=self.folder, project=self.project)
        return named(around, source) if source is not None else described(around)

    # Handlers in the code

    def _modules(self) -> Iterator[Module]:
        for path, text in sorted(self.folder.texts.items()):
            if path.endswith(".py") and (module := read_module(path, text)):
                yield module

    def _in_code(self, modules: list[Module]) -> tuple[FunctionFound, ...]:
        if not modules:
            raise UsageError(
                what=f"there is nothing to package in {self.root.resolve()}: no Python module, "
                "no template.yaml, serverless.yml or Dockerfile with a function",
                hint="write `def handler(event, context):` into app.py, or use `--project DIR`",
            )
        found = place(modules, self.folder, self.facts.name)
        for module in modules:
            self._say_near_misses(module)
        for function in found:
            self.notes.say(function.where, f"handler {function.handler}")
        return found or (FunctionFound(name=self.project, where="the code"),)

    def _say_near_misses(self, module: Module) -> None:
        """What could be a handler with one more line."""
        for one in module.coroutines:
            what = f"async def {one.function}: Lambda's client awaits nothing"
            todo = f"call it from a plain one: `return asyncio.run({one.function}(event, …))`"
            self.notes.leave(f"{one.path}:{one.line}", what, todo)
        for app in module.applications if not module.candidates else ():
            what = f"{app.name} = {app.kind}(…) is no handler"
            self.notes.leave(f"{app.path}:{app.line}", what, ADAPTED[app.kind].format(app.name))

    def _with_handler(self, function: FunctionFound, modules: list[Module]) -> FunctionFound:
        """Where no file names the handler: the one that the code has, or all of them to choose."""
        if function.handler is not None:
            return function
        found = place(modules, self.folder)
        match [one.handler for one in found if one.handler]:
            case [only] if function.packaging == "image":
                self.notes.say(found[0].where, f"handler {only}")
                return replace(function, handler=only, source=function.source or found[0].source)
            case handlers:
                for module in modules:
                    self._say_near_misses(module)
                todo = "write it as `handler`: package.module.function"
                self.notes.leave(function.where, f"no handler of {function.name} was found", todo)
                return replace(function, others=tuple(handlers))

    # What holds for every function

    def _finished(self, function: FunctionFound) -> FunctionFound:
        python = function.python
        if function.base is None:
            python = choose_python(function, self.facts, self.notes)
        member = function.member or self._member(function)
        lock = function.lock or (None if member else nearest_lock(function.source, self.folder))
        filled = replace(
            function,
            python=python,
            architecture=function.architecture or "x86_64",
            member=member,
            lock=lock,
        )
        return sound(self._without_needless_lock(filled), self.notes)

    def _without_needless_lock(self, function: FunctionFound) -> FunctionFound:
        """A lock that is found by itself need not be named."""
        if function.lock is None or "/" in function.lock:
            return function
        bare = replace(function, lock=None)
        try:
            found = self._lock(bare).path
        except LockError:
            return function
        return bare if found == (self.root / function.lock).resolve() else function

    def _member(self, function: FunctionFound) -> str | None:
        for at in self.facts.members(self.folder):
            if any(f"{entry}/".startswith(f"{at}/") for entry in function.source or ()):
                content = read_text(self.root, f"{at}/{_PYPROJECT}")
                return Facts(pyproject=_parsed(content), python_version=None).name
        return None

    def _lock(self, function: FunctionFound) -> LockFile:
        """The lock that a build will find. Raises LockError."""
        config = FunctionConfig(
            name=function.name,
            handler=function.handler or "",
            root=self.root.resolve(),
            groups=function.groups,
            extras=function.extras,
            member=function.member,
            lock=self.root / function.lock if function.lock else None,
        )
        return find_lock(config, self.root.resolve())

    def _say_locks(self, functions: tuple[FunctionFound, ...]) -> None:
        """What each function's packages come from, as a build will find it."""
        for function in functions:
            try:
                lock = self._lock(function)
            except LockError as error:
                where = _shown(error.path, self.root)
                self.notes.leave(where, "; ".join(error.problems), error.hint or "make a lock")
                continue
            if lock.kind != "none":
                kept = "; imagekit.lock will keep what uv resolves"
                bare = lock.kind in ("requirements", "project")
                self.notes.say(_shown(lock.path, self.root), "packages" + (kept if bare else ""))
            else:
                self.notes.say("packages", f"none for {function.name}: no lock, no dependencies")


def _order(where: str) -> tuple[str, int]:
    """By file and line."""
    file, _, line = where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (where, 0)


def _parsed(text: str) -> Mapping[str, object]:
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError:
        return {}  # uv refuses the workspace, and says why


def _shown(path: Path, root: Path) -> str:
    import os

    return Path(os.path.relpath(path.resolve(), root.resolve())).as_posix()


def _apart(functions: tuple[FunctionFound, ...]) -> Iterator[FunctionFound]:
    """With names that differ by more than case: they go into tags and file names."""
    taken: set[str] = set()
    for function in functions:
        name = base = plain(function.name) or "function"
        number = 2
        while name.lower() in taken:
            name = f"{base}-{number}"
            number += 1
        taken.add(name.lower())
        yield replace(function, name=name)
