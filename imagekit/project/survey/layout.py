"""Where a module would lie in the artefact: which folder its imports start from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from imagekit.project.handler import handler_problem
from imagekit.project.neverlist import is_code_folder, is_module
from imagekit.project.survey.candidates import Candidate, Module
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.shipping import whole
from imagekit.project.survey.values import FunctionFound

_SRC = "src"
_GENERIC = frozenset(
    {"app", "main", "handler", "handlers", "index", "lambda_function", "function", "lambda_handler"}
    | {"src", "lambda", "lambdas", "functions", "code", "services", "__init__"}
)


class Placed(Struct, frozen=True, kw_only=True):
    """A handler with the folder that its imports start from."""

    candidate: Candidate
    top: str
    """Relative to the project; empty for the project itself."""
    default: bool
    """The configuration's default `source` brings it."""

    @property
    def handler(self) -> str:
        """`package.module.function`."""
        path = self.candidate.path.removeprefix(f"{self.top}/" if self.top else "")
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"{module}.{self.candidate.function}"


def place(
    modules: Sequence[Module], folder: Folder, project: str | None = None
) -> tuple[FunctionFound, ...]:
    """A function for every handler that is sure, or for every likely one if none is.

    What else a module has of that kind stands beside it as a choice. `project` names the only one.
    """
    placed = [
        one
        for module in modules
        for candidate in module.candidates
        if handler_problem((one := _placed(candidate, module, folder)).handler) is None
    ]
    sure = [one for one in placed if one.candidate.sure]
    chosen = sure or placed
    names = _names(chosen, project or folder.name)
    others = [one for one in placed if one not in chosen]
    return tuple(
        FunctionFound(
            name=name,
            where=f"{one.candidate.path}:{one.candidate.line}",
            handler=one.handler,
            others=tuple(
                other.handler for other in others if other.candidate.path == one.candidate.path
            ),
            source=None if one.default else _source(one, folder),
        )
        for name, one in zip(names, chosen, strict=True)
    )


def _placed(candidate: Candidate, module: Module, folder: Folder) -> Placed:
    path = candidate.path
    own, _, _ = path.rpartition("/")
    if own and not folder.has(f"{own}/__init__.py") and _leans_on_siblings(own, module, folder):
        # A folder of its own, as `CodeUri: hello_world/` has it: `import util` beside it.
        return Placed(candidate=candidate, top=own, default=own == _SRC)
    if folder.holds(_SRC):
        if path.startswith(f"{_SRC}/"):
            return Placed(candidate=candidate, top=_SRC, default=True)
    elif _by_default(path, folder):
        return Placed(candidate=candidate, top="", default=True)
    return Placed(candidate=candidate, top=_import_root(path, folder), default=False)


def _leans_on_siblings(own: str, module: Module, folder: Folder) -> bool:
    """Whether it imports modules beside it by their bare names, and none of the top has them."""
    beside = {name.removesuffix(".py").rstrip("/") for name in folder.inside(own)}
    at_top = {name.removesuffix(".py").rstrip("/") for name in folder.inside("")}
    return bool(module.imports & beside - at_top)


def _by_default(path: str, folder: Folder) -> bool:
    top, slash, _ = path.partition("/")
    return is_code_folder(top) and folder.holds_python(top) if slash else is_module(top)


def _import_root(path: str, folder: Folder) -> str:
    """The nearest folder upwards that is no package."""
    at = path.rpartition("/")[0]
    while at and folder.has(f"{at}/__init__.py"):
        at = at.rpartition("/")[0]
    return at


def _source(one: Placed, folder: Folder) -> tuple[str, ...]:
    inside = one.candidate.path.removeprefix(f"{one.top}/" if one.top else "")
    first, slash, _ = inside.partition("/")
    if slash:  # a package of this folder; what lies beside it belongs to other functions
        return (f"{one.top}/{first}".lstrip("/"),)
    return whole(one.top)


def _names(placed: Sequence[Placed], project: str) -> list[str]:
    """One name each, as short as they stay apart: of the folder, the module, or the function."""
    if len(placed) == 1:
        return [plain(project) or _telling(_words(placed[0])) or "function"]
    taken: set[str] = set()
    names = []
    for one in placed:
        name = next((name for name in _proposals(one, placed) if name.lower() not in taken), None)
        number = 2
        while name is None:
            proposal = f"{plain(one.candidate.function)}-{number}"
            name = proposal if proposal.lower() not in taken else None
            number += 1
        taken.add(name.lower())
        names.append(name)
    return names


def _proposals(one: Placed, placed: Sequence[Placed]) -> Iterator[str]:
    together = sum(other.candidate.path == one.candidate.path for other in placed)
    own = plain(one.candidate.function.removesuffix("_handler"))
    words = _words(one)
    telling = _telling(words)
    alike = sum(_telling(_words(other)) == telling for other in placed)
    if together > 1:
        yield own
        yield f"{telling or words[-1]}-{own}"
    elif telling and alike == 1:
        yield telling
    yield plain("-".join(words[-2:]))
    yield plain("-".join(words))


def _words(one: Placed) -> list[str]:
    parts = one.candidate.path.removesuffix(".py").split("/")
    return [part for part in parts if plain(part)]


def _telling(words: Iterable[str]) -> str | None:
    """The last word that says more than that it is a function."""
    telling = (plain(word) for word in words if word.lower() not in _GENERIC)
    return next(reversed(list(telling)), None)


def plain(text: str) -> str:
    """Text as the name of a function in the configuration, empty if nothing is left of it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:64]
