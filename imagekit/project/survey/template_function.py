"""One function of a SAM or CloudFormation template, in the words of the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.target import Architecture
from imagekit.project.config import LambdaSettings
from imagekit.project.handler import handler_paths, handler_problem
from imagekit.project.survey.docker_function import DockerReader
from imagekit.project.survey.dockerfile import read_dockerfile
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.lambda_values import architecture_of, held, python_of, supported
from imagekit.project.survey.shipping import data_beside, everything, joined, whole
from imagekit.project.survey.values import FunctionFound, Notes
from imagekit.project.survey.yaml_nodes import Node

_READ = frozenset(
    {
        *("Architectures", "Code", "CodeUri", "Description", "Environment", "EphemeralStorage"),
        *("FunctionName", "Handler", "ImageConfig", "ImageUri", "InlineCode", "Layers"),
        *("MemorySize", "PackageType", "Role", "Runtime", "SnapStart", "Timeout"),
    }
)


class TemplateFunction(Struct, frozen=True, kw_only=True):
    """A resource with the global properties already in it."""

    file: str
    name: str
    line: int
    properties: Mapping[str, Node]
    metadata: Node | None
    defaults: Mapping[str, Node]
    """What the template's parameters are if nobody says otherwise."""
    folder: Folder
    notes: Notes

    def read(self) -> FunctionFound | None:
        """The function; None where it is not Python's."""
        runtime = self.text("Runtime")
        python = python_of(runtime) if runtime else None
        if runtime and python is None:
            what = f"{self.name} is {runtime}, not Python"
            self.leave(self.line, what, "leave it to the template")
            return None
        image = self.text("PackageType") == "Image"
        found = self._image() if image else self._zip()
        self._elsewhere()
        return replace(
            found,
            python=supported(python, self.at("Runtime"), self.notes) or found.python,
            architecture=self._architecture() or found.architecture,
            settings=self._settings(image=image),
        )

    def at(self, key: str) -> str:
        """File and line of a property."""
        node = self.properties.get(key)
        return f"{self.file}:{node.line if node else self.line}"

    def leave(self, line: int, what: str, todo: str) -> None:
        """Note what the configuration cannot say."""
        self.notes.leave(f"{self.file}:{line}", what, todo)

    def plain(self, node: Node | None) -> Node | None:
        """The value where the template itself says it; a parameter's default counts, and is said.

        None for what only a stack knows, which is noted.
        """
        if node is None or node.computed is None:
            return node
        argument = node.argument or ""
        if node.computed == "Ref" and argument in self.defaults:
            where = f"{self.file}:{node.line}"
            self.notes.say(where, f"parameter {argument}: its default was taken")
            return self.defaults[argument]
        if node.computed == "Sub" and "${" not in argument and argument:
            return Node(argument, node.line)
        return None

    def text(self, *keys: str) -> str | None:
        """A property as text; noted where it is computed."""
        node = self._under(*keys)
        found = self.plain(node)
        if node is not None and found is None:
            what = f"{'.'.join(keys)} of {self.name} is computed (!{node.computed})"
            self.leave(node.line, what, "write its value in the configuration")
        return found.text if found is not None else None

    def number(self, *keys: str) -> object:
        """A property as a number, or as what stands there in its place."""
        text = self.text(*keys)
        return int(text) if text is not None and text.isdecimal() else text

    def _under(self, *keys: str) -> Node | None:
        first, *rest = keys
        node = self.properties.get(first)
        return node.get(*rest) if node is not None and rest else node

    # Where its code is

    def _zip(self) -> FunctionFound:
        handler = self.text("Handler")
        top = self._code()
        if handler is not None and (problem := handler_problem(handler)):
            self.leave(self.line, f"Handler {problem}", "write `handler`")
            handler = None
        if handler is not None and top is not None:
            self._require(handler, top)
        return FunctionFound(
            name=self.name,
            where=f"{self.file}:{self.line}",
            handler=handler,
            source=None if top is None else self._source(handler, top),
        )

    def _source(self, handler: str | None, top: str) -> tuple[str, ...]:
        return whole(top) if top else everything(handler, self.folder)

    def _code(self) -> str | None:
        """The folder that `sam build` would start from, relative to the project."""
        for key in ("InlineCode", "Code"):
            inline = self._under(key) if key == "InlineCode" else self._under(key, "ZipFile")
            if inline is not None:
                todo = "make it a module of the project, and name its handler"
                self.leave(inline.line, f"the code of {self.name} stands in the template", todo)
                return None
        node = self.properties.get("CodeUri") or self.properties.get("Code")
        written = self.plain(node) if node is not None else Node(".", self.line)
        text = written.text if written is not None else None
        line = node.line if node is not None else self.line
        top = None if text is None else joined(self.file.rpartition("/")[0], text)
        if top is None or not self.folder.holds(top):
            what = f"the code of {self.name} is not in a folder here: {text or 'elsewhere'}"
            self.leave(line, what, "name its modules and packages in `source`")
            return None
        if data := data_beside(top, self.folder) if top == "" else ():
            what = f"CodeUri {text} brings every file; imagekit takes modules and packages, not "
            todo = f'name what your code reads: `include = ["{data[0]}"]`'
            self.leave(line, what + ", ".join(data), todo)
        return top

    def _require(self, handler: str, top: str) -> None:
        paths = [f"{top}/{path}".lstrip("/") for path in handler_paths(handler)]
        if any(self.folder.has(path) for path in paths):
            self.notes.say(self.at("Handler"), f"{self.name}: {handler} in {paths[0]}")
            return
        what = f"Handler {handler}: there is no {paths[0]}"
        todo = "correct `handler`; if a package of the lock holds it, nothing to do"
        self.leave(self.properties["Handler"].line, what, todo)

    def _image(self) -> FunctionFound:
        context = self._metadata("DockerContext") or "."
        name = self._metadata("Dockerfile") or "Dockerfile"
        top = joined(self.file.rpartition("/")[0], context)
        path = None if top is None else f"{top}/{name}".lstrip("/")
        bare = FunctionFound(name=self.name, where=f"{self.file}:{self.line}", packaging="image")
        command = self._command()
        if path is None or path not in self.folder.texts:
            what = f"{self.name} is an image, and there is no {path or context}"
            self.leave(self.line, what, "write its `base`, `handler` and `source`")
            return replace(bare, handler=command)
        dockerfile = read_dockerfile(self.folder.texts[path], path)
        reader = DockerReader(
            dockerfile=dockerfile, folder=self.folder, context=top or "", notes=self.notes
        )
        found = reader.read(self.name).functions[0]
        return replace(found, where=bare.where, handler=command or found.handler)

    def _metadata(self, key: str) -> str | None:
        node = self.metadata.get(key) if self.metadata else None
        return node.text if node else None

    def _command(self) -> str | None:
        command = self._under("ImageConfig", "Command")
        words = [word.text for word in command.each()] if command else []
        return words[0] if len(words) == 1 else None

    # What it runs with

    def _architecture(self) -> Architecture | None:
        node = self.properties.get("Architectures")
        first = self.plain(next(iter(node.each()), None)) if node is not None else None
        word = first.text if first is not None else None
        if node is not None and word is None:
            todo = "write `architecture`"
            self.leave(node.line, f"Architectures of {self.name} is computed", todo)
        return architecture_of(word) if word else None

    def _settings(self, *, image: bool) -> LambdaSettings:
        role = self.properties.get("Role")
        values = {
            "name": self._name(),
            "memory": self.number("MemorySize"),
            "timeout": self.number("Timeout"),
            "storage": self.number("EphemeralStorage", "Size"),
            "description": self.text("Description"),
            "role": role.text if role is not None and role.computed is None else None,
            "snapstart": True if self.text("SnapStart", "ApplyOn") == "PublishedVersions" else None,
            "layers": None if image else (list(self._layers()) or None),
            "env": dict(self._env()) or None,
        }
        return held(values, f"{self.file}:{self.line}", self.notes)

    def _name(self) -> str | None:
        name = self.text("FunctionName")
        return None if name == self.name else name

    def _layers(self) -> Iterator[str]:
        layers = self.properties.get("Layers")
        for node in layers.each() if layers else ():
            found = self.plain(node)
            if found is not None and found.text:
                yield found.text
            else:
                what = f"a layer of {self.name} is computed: !{node.computed} {node.argument}"[:120]
                todo = "its Python packages belong into the lock, its modules into `source`; "
                todo += "else write its ARN in `lambda.layers`"
                self.leave(node.line, what, todo)

    def _env(self) -> Iterator[tuple[str, str]]:
        variables = self._under("Environment", "Variables")
        for name, node in variables.items() if variables else ():
            # A default is right for what a function is, not for what it is told in each stage.
            if node.computed is None and node.text is not None:
                yield name, node.text
            else:
                what = f"variable {name} of {self.name} is computed (!{node.computed})"
                todo = f'the template sets it; to deploy with imagekit: `env.{name} = "…"` in '
                self.leave(node.line, what, todo + f"functions.{self.name}.lambda")

    def _elsewhere(self) -> None:
        role = self.properties.get("Role")
        made = {"Role"} if role is not None and role.computed else set()
        others = sorted((set(self.properties) - _READ) | made)
        if others:
            what = f"{', '.join(others)} of {self.name}"
            self.leave(self.line, what, f"they stay in {self.file}, which goes on making them")
