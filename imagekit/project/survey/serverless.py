"""`serverless.yml` of the Serverless Framework: its functions, as far as it says them itself.

https://www.serverless.com/framework/docs/providers/aws/guide/serverless.yml
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.target import Architecture
from imagekit.project.handler import handler_paths, handler_problem
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.lambda_values import architecture_of, held, python_of, supported
from imagekit.project.survey.serverless_package import packaged
from imagekit.project.survey.values import FunctionFound, Notes, Reading
from imagekit.project.survey.yaml_nodes import Node

_VARIABLE = re.compile(r"\$\{([^${}]+)\}")
_DEPTH = 8
_READ = frozenset(
    {
        *("architecture", "description", "environment", "ephemeralStorageSize", "handler"),
        *("image", "layers", "memorySize", "name", "package", "runtime", "snapStart", "timeout"),
        *("role", "module"),
    }
)
# What its own defaults are: 1024 MB and 6 s, where Lambda has 128 MB and 3 s.
_MEMORY, _TIMEOUT = 1024, 6


def read_serverless(node: Node, file: str, folder: Folder) -> Reading:
    """Every Python function of the service, and what of it stays with the framework."""
    service = _Service(file=file, node=node, folder=folder, notes=Notes())
    found = tuple(service.functions())
    service.elsewhere()
    return service.notes.reading(*found)


def is_serverless(node: Node) -> bool:
    """Whether a document is a service at all."""
    return node.get("functions") is not None and node.get("provider") is not None


class _Service(Struct, frozen=True, kw_only=True):
    file: str
    node: Node
    folder: Folder
    notes: Notes

    def functions(self) -> Iterator[FunctionFound]:
        functions = self.node.get("functions")
        # A list of maps is allowed, too; `${file(…)}` is a text.
        for one in (functions.each() or (functions,)) if functions else ():
            if one.text is not None:
                todo = "name these functions in the configuration, each with its `handler`"
                self.leave(one.line, f"functions stand elsewhere: {one.text}", todo)
            for name, entry in one.items():
                if found := self._function(name, entry):
                    yield found

    def leave(self, line: int, what: str, todo: str) -> None:
        self.notes.leave(f"{self.file}:{line}", what, todo)

    def _function(self, name: str, entry: Node) -> FunctionFound | None:
        where = f"{self.file}:{entry.line}"
        runtime = self._text(entry, "runtime", name)
        python = python_of(runtime) if runtime else None
        if runtime and python is None:
            self.leave(entry.line, f"{name} is {runtime}, not Python", "leave it to serverless")
            return None
        found = FunctionFound(name=name, where=where, architecture=self._architecture(entry, name))
        others = sorted(key for key, _ in entry.items() if key not in _READ)
        if others:
            todo = f"they stay in {self.file}, which goes on making them"
            self.leave(entry.line, f"{', '.join(others)} of {name}", todo)
        found = replace(
            found,
            python=supported(python, where, self.notes),
            settings=held(self._settings(entry, name), where, self.notes),
        )
        return self._image(entry, found) if entry.get("image") else self._zip(entry, found)

    def _zip(self, entry: Node, found: FunctionFound) -> FunctionFound:
        handler = self._text(entry, "handler", found.name)
        if handler is not None and (problem := handler_problem(handler)):
            self.leave(entry.line, f"handler {problem}", "write `handler`")
            handler = None
        if handler is not None:
            paths = handler_paths(handler)
            if any(self.folder.has(path) for path in paths):
                self.notes.say(found.where, f"{found.name}: {handler} in {paths[0]}")
            else:
                todo = "correct `handler`; if a package of the lock holds it, nothing to do"
                self.leave(entry.line, f"handler {handler}: there is no {paths[0]}", todo)
        tables = (self.node.get("package"), entry.get("package"))
        keys = packaged([table for table in tables if table], handler, self.folder, self.file)
        self.notes.left += keys.left
        return replace(
            found,
            handler=handler,
            source=keys.source,
            include=keys.include,
            exclude=keys.exclude,
        )

    def _image(self, entry: Node, found: FunctionFound) -> FunctionFound:
        node = entry.get("image")
        command = node.get("command") if node else None
        words = [word.text for word in command.each()] if command else []
        what = f"{found.name} is an image, whose Dockerfile {self.file} does not name itself"
        todo = "imagekit init --from Dockerfile says what that has; write `source` and `base`"
        self.leave(entry.line, what, todo)
        handler = words[0] if len(words) == 1 else None
        return replace(found, handler=handler, packaging="image")

    def _settings(self, entry: Node, name: str) -> dict[str, object]:
        named = self._text(entry, "name", name, inherited=False)
        text = self._text(entry, "snapStart", name)
        return {
            "name": named,
            "memory": self._number(entry, "memorySize", name) or _MEMORY,
            "timeout": self._number(entry, "timeout", name) or _TIMEOUT,
            "storage": self._number(entry, "ephemeralStorageSize", name),
            "description": self._text(entry, "description", name, inherited=False),
            "snapstart": True if text == "true" else None,
            "layers": list(self._layers(entry, name)) or None,
            "env": dict(self._env(entry, name)) or None,
        }

    def _architecture(self, entry: Node, name: str) -> Architecture | None:
        word = self._text(entry, "architecture", name)
        return architecture_of(word) if word else None

    def _env(self, entry: Node, name: str) -> Iterator[tuple[str, str]]:
        for place in (self.node.get("provider", "environment"), entry.get("environment")):
            for key, node in place.items() if place else ():
                value = self._resolved(node)
                # What differs by stage is not for a configuration of all of them.
                if value is not None and (node.text == value or "${self:" in (node.text or "")):
                    yield key, value
                else:
                    todo = f'serverless sets it; to deploy with imagekit: `env.{key} = "…"` in '
                    what = f"variable {key} of {name} is computed"
                    self.leave(node.line, what, f"{todo}functions.{name}.lambda")

    def _layers(self, entry: Node, name: str) -> Iterator[str]:
        layers = entry.get("layers") or self.node.get("provider", "layers")
        for node in layers.each() if layers else ():
            if value := self._resolved(node):
                yield value
            else:
                todo = "its Python packages belong into the lock, its modules into `source`; "
                todo += "else write its ARN in `lambda.layers`"
                self.leave(node.line, f"a layer of {name} is computed", todo)

    def _text(self, entry: Node, key: str, name: str, *, inherited: bool = True) -> str | None:
        node = entry.get(key) or (self.node.get("provider", key) if inherited else None)
        if node is None:
            return None
        value = self._resolved(node)
        if value is None and not isinstance(node.value, dict):
            what = f"{key} of {name} is computed: {node.text or 'elsewhere'}"
            self.leave(node.line, what, "write its value in the configuration")
        return value

    def _number(self, entry: Node, key: str, name: str) -> object:
        text = self._text(entry, key, name)
        return int(text) if text is not None and text.isdecimal() else text

    def _resolved(self, node: Node, depth: int = 0) -> str | None:
        """Text with `${self:a.b}` put in; None where something else would have to be asked."""
        if node.computed or node.text is None or depth > _DEPTH:
            return None
        text = node.text
        for found in _VARIABLE.findall(text):
            value = self._variable(found, depth)
            if value is None:
                return None
            text = text.replace(f"${{{found}}}", value)
        return None if "${" in text else text

    def _variable(self, inside: str, depth: int) -> str | None:
        first, _, default = (part.strip() for part in inside.partition(","))
        if first.startswith("self:"):
            node = self.node.get(*first.removeprefix("self:").split("."))
            if node is not None:
                return self._resolved(node, depth + 1)
        literal = re.fullmatch(r"'([^']*)'|\"([^\"]*)\"|(\d+)", default)
        given = literal.groups() if literal else ()
        return next((each for each in given if each is not None), None)

    def elsewhere(self) -> None:
        """What concerns the service as a whole."""
        if requirements := self.node.get("custom", "pythonRequirements"):
            keys = ", ".join(sorted(key for key, _ in requirements.items()))
            todo = "imagekit reads the lock itself, and needs no Docker for it"
            self.leave(requirements.line, f"custom.pythonRequirements ({keys})", todo)
        for key in ("resources", "stepFunctions", "layers"):
            if node := self.node.get(key):
                self.leave(node.line, key, f"it stays in {self.file}, which goes on making it")
