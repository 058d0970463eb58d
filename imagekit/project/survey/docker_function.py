"""From the stages of a Dockerfile to one function, and what of it imagekit does otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from msgspec import Struct, field

from imagekit.project.config_lambda import RESERVED
from imagekit.project.handler import handler_problem
from imagekit.project.survey.docker_base import BaseFound, base_found
from imagekit.project.survey.docker_copies import Copies
from imagekit.project.survey.docker_run import Step, all_steps
from imagekit.project.survey.docker_stages import TASK_ROOT, Setting, Stage, find_stage, stages
from imagekit.project.survey.dockerfile import Dockerfile, Instruction
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.shipping import everything, joined
from imagekit.project.survey.values import FunctionFound, Notes, Reading

_AWS_ENTRY = "/lambda-entrypoint.sh"
_CLIENT = "awslambdaric"
# Variables of tools that work while an image is built.
_BUILD_TIME = ("PIP_", "UV_", "POETRY_", "PDM_", "PIPENV_", "DEBIAN_", "DEBCONF_", "VIRTUAL_ENV")
_PYC = "PYTHONDONTWRITEBYTECODE"
_IGNORED = {
    "EXPOSE": "Lambda opens no port",
    "HEALTHCHECK": "Lambda runs no health check",
    "STOPSIGNAL": "Lambda ends a function its own way",
    "USER": "Lambda chooses the user itself",
    "VOLUME": "Lambda mounts nothing there",
    "MAINTAINER": "nothing reads it",
}
_NOTHING = "nothing to do"


class DockerReader(Struct):
    """Reads one Dockerfile of the project; `context` is the folder that COPY starts from."""

    dockerfile: Dockerfile
    folder: Folder
    context: str = ""
    notes: Notes = field(default_factory=Notes)

    def read(self, name: str) -> Reading:
        """The function that the last stage is the image of."""
        every = stages(self.dockerfile)
        last = every[-1]
        base = self._base(last)
        handler = self._handler(last)
        self._entrypoint(last)
        copies = Copies(
            file=self.dockerfile.file,
            folder=self.folder,
            context=self.context,
            every=every,
            notes=self.notes,
        )
        for copy in last.copies:
            copies.follow(copy, last)
        installed = self._installed(last, every)
        self._ignored(last)
        function = FunctionFound(
            name=name,
            where=self._at(last.line),
            handler=handler,
            python=base.python if base else None,
            base=base.base if base else None,
            architecture=base.architecture if base else None,
            packaging="image",
            source=self._source(tuple(dict.fromkeys(copies.source)), handler),
            include=tuple(dict.fromkeys(copies.include)),
            groups=tuple(dict.fromkeys(group for step in installed for group in step.groups)),
            extras=tuple(dict.fromkeys(extra for step in installed for extra in step.extras)),
            lock=next(self._requirements(installed), None),
            env=tuple(self._env(last)),
            labels=tuple(self._labels(last)),
            extensions=tuple(dict.fromkeys(copies.extensions)),
        )
        return self.notes.reading(function)

    def _source(self, copied: tuple[str, ...], handler: str | None) -> tuple[str, ...] | None:
        if "." not in copied:
            return copied or None
        others = (entry for entry in copied if entry != ".")
        return tuple(dict.fromkeys((*everything(handler, self.folder), *others)))

    def _at(self, line: int) -> str:
        return f"{self.dockerfile.file}:{line}"

    def _leave(self, line: int, what: str, todo: str) -> None:
        self.notes.leave(self._at(line), what, todo)

    def _base(self, last: Stage) -> BaseFound | None:
        bottom = last.root
        written = bottom.image
        if written.unknown:
            names = ", ".join(written.unknown)
            what = f"FROM needs {names}, which only a build knows"
            self._leave(bottom.line, what, "write the image as `base`")
            return None
        found = base_found(written.text, bottom.platform)
        if found is None or written.text == "scratch":
            what = f"FROM {written.text} is no image that imagekit can build on"
            self._leave(bottom.line, what, "write an image with Python as `base`")
            return None
        if found.musl:
            what = f"FROM {written.text} is Alpine (musl), and imagekit's wheels need glibc"
            self._leave(bottom.line, what, "the configuration names AWS's own base instead")
        else:
            whose = "AWS's own base" if found.base is None else "base"
            self.notes.say(self._at(bottom.line), f"{whose} {written.text}")
        return found

    def _handler(self, last: Stage) -> str | None:
        command = last.last("CMD")
        if command is None:
            return None
        words = _words(command)
        word = words[-1] if words else ""
        # `CMD ["app.handler"]`, or with the client in front; a server's command is no handler.
        if (len(words) == 1 or _CLIENT in words) and handler_problem(word) is None:
            self.notes.say(self._at(command.line), f"handler {word}")
            return word
        what = f"CMD {command.rest} names no handler"
        self._leave(command.line, what, "write the function that Lambda calls as `handler`")
        return None

    def _entrypoint(self, last: Stage) -> None:
        entry = last.last("ENTRYPOINT")
        if entry is None:
            return
        words = _words(entry)
        if _AWS_ENTRY in words or any(_CLIENT in word for word in words):
            self.notes.say(self._at(entry.line), "the runtime client is started by imagekit's base")
            return
        todo = "imagekit starts Lambda's runtime client; else keep this Dockerfile and type "
        todo += "`imagekit check docker:NAME` after docker build"
        self._leave(entry.line, f"ENTRYPOINT {entry.rest}", todo)

    def _env(self, last: Stage) -> Iterator[tuple[str, str]]:
        for one in last.env:
            if one.name in RESERVED:
                self._leave(one.line, f"ENV {one.name}", f"{_NOTHING}: Lambda sets it itself")
            elif one.name == _PYC or one.name.startswith(_BUILD_TIME):
                self._leave(one.line, f"ENV {one.name}", f"{_NOTHING}: it is for the build alone")
            elif one.value.unknown:
                self._unknown(one)
            else:
                yield one.name, one.value.text

    def _unknown(self, one: Setting) -> None:
        names = ", ".join(f"${name}" for name in one.value.unknown)
        what = f"ENV {one.name} holds {names}, which only a build knows"
        todo = f'write `env = {{ {one.name} = "…" }}` if your code reads it'
        if one.name in ("PATH", "PYTHONPATH"):
            todo = f"{_NOTHING}: imagekit puts code and packages where Python looks"
        self._leave(one.line, what, todo)

    def _labels(self, last: Stage) -> Iterator[tuple[str, str]]:
        for one in last.labels:
            if one.value.unknown:
                what = f"LABEL {one.name} holds what only a build knows"
                self._leave(one.line, what, f'write `labels = {{ "{one.name}" = "…" }}`')
            else:
                yield one.name, one.value.text

    def _ignored(self, last: Stage) -> None:
        for one in last.instructions:
            if why := _IGNORED.get(one.word):
                self._leave(one.line, f"{one.word} {one.rest}", f"{_NOTHING}: {why}")
            elif one.word in ("ONBUILD", "SHELL"):
                self._leave(one.line, f"{one.word} {one.rest}", f"{_NOTHING}: imagekit runs none")
        workdir = last.last("WORKDIR")
        if workdir is not None and last.workdir not in ("/", TASK_ROOT):
            todo = "code lies in /var/task; open files beside it by `Path(__file__)`"
            self._leave(workdir.line, f"WORKDIR {workdir.rest}", todo)

    def _installed(self, last: Stage, every: tuple[Stage, ...]) -> tuple[Step, ...]:
        """The steps that install packages of the project, those of stages copied from too."""
        own = tuple(all_steps(last.instructions))
        for step in own:
            self._not_run(step)
        used = (find_stage(copy.stage or "", every[: last.number]) for copy in last.copies)
        # What else an earlier stage did was for making what is copied out of it.
        theirs = (step for stage in used if stage for step in all_steps(stage.instructions))
        installed = tuple(step for step in (*own, *theirs) if step.installs)
        for step in installed:
            if step.named:
                todo = "add them to the project's dependencies, or to a requirements.txt"
                what = f"packages named here alone: {' '.join(step.named)}"
                self._leave(step.line, what, todo)
        return installed

    def _not_run(self, step: Step) -> None:
        if step.system:
            todo = "a base image with them: `docker build` FROM and this RUN once, push it, "
            todo += "and name it as `base`"
            self._leave(step.line, f"system packages: {' '.join(step.system)}", todo)
        if step.other:
            todo = "imagekit runs nothing: make it before the build, or in a base image of your own"
            self._leave(step.line, f"RUN {_short(step.other)}", todo)

    def _requirements(self, installed: tuple[Step, ...]) -> Iterator[str]:
        """The requirements files of the project that were installed from."""
        for step in installed:
            for file in step.requirements:
                name = PurePosixPath(file).name
                same = {path for path in self.folder.files if PurePosixPath(path).name == name}
                near = joined(self.context, file.lstrip("/"))
                # Where it lay in the image says little: the Dockerfile's own folder comes first.
                likely = [near, joined(self.context, name), *sorted(same)]
                path = next((path for path in likely if path in same), None)
                if path is not None:
                    self.notes.say(self._at(step.line), f"packages of {path}")
                    yield path


def _words(one: Instruction) -> tuple[str, ...]:
    exec_form = one.exec_form
    return exec_form if exec_form is not None else tuple(one.rest.split())


def _short(text: str) -> str:
    return text if len(text) <= 70 else f"{text[:69]}…"
