"""Where the files of a Dockerfile's `COPY` come from, and what of them imagekit can bring."""

from __future__ import annotations

from pathlib import PurePosixPath

from msgspec import Struct, field

from imagekit.model.reference import Reference
from imagekit.project.survey.docker_run import all_steps
from imagekit.project.survey.docker_stages import TASK_ROOT, Copy, Stage, find_stage
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.shipping import data_beside, is_paper, joined, shipped
from imagekit.project.survey.values import Notes


class Copies(Struct):
    """Follows the copies of the last stage into the stages before it."""

    file: str
    folder: Folder
    context: str
    """The folder that `COPY` starts from, relative to the project."""
    every: tuple[Stage, ...]
    notes: Notes
    source: list[str] = field(default_factory=list)
    include: list[str] = field(default_factory=list)
    extensions: list[str] = field(default_factory=list)

    def follow(self, copy: Copy, stage: Stage) -> None:
        """Take what one copy brings, or note why it cannot be carried over."""
        if copy.stage is not None:
            self._from_stage(copy, stage)
            return
        if not copy.sources:
            todo = "make it a file of the project, and name it in `source`"
            self._leave(copy.line, f"the file {copy.to} stands in the Dockerfile", todo)
        for source in copy.sources:
            self._one(copy, source, stage)

    def _leave(self, line: int, what: str, todo: str) -> None:
        self.notes.leave(f"{self.file}:{line}", what, todo)

    def _one(self, copy: Copy, source: str, stage: Stage) -> None:
        arrives = _below(copy.to, stage.workdir)
        path = joined(self.context, source.lstrip("/"))
        if "://" in source or path is None:
            self._leave(copy.line, f"{source} lies outside the project", "bring it into the folder")
        elif arrives is not None:
            self._carry(copy, source, path, arrives)
        elif not is_paper(path):
            todo = "a base image with it: `docker build` one, push it, name it as `base`"
            self._leave(copy.line, f"{source} goes to {copy.to}, outside the code", todo)

    def _carry(self, copy: Copy, source: str, path: str, arrives: str) -> None:
        found = shipped(path, arrives, copy.into or len(copy.sources) > 1, self.folder)
        if found is None:
            todo = "name what your code reads in `source` or `include`"
            self._leave(copy.line, f"there is no {source} here", todo)
        elif found.renamed:
            todo = "imagekit renames nothing: move it to where it shall arrive, and name it there"
            self._leave(copy.line, found.renamed, todo)
        else:
            self.source += found.source
            self.include += found.include
            data = data_beside(path, self.folder) if found.source == (".",) else ()
            if data:
                what = "COPY brings every file; imagekit takes modules and packages, not "
                todo = f'name what your code reads: `include = ["{data[0]}"]`'
                self._leave(copy.line, what + ", ".join(data), todo)

    def _from_stage(self, copy: Copy, stage: Stage) -> None:
        image = copy.stage or ""
        other = find_stage(image, self.every[: stage.number])
        if other is not None and other.instructions:
            self._from_own_stage(copy, stage, other)
            return
        image = other.image.text if other is not None else image
        sources = [PurePosixPath(source).as_posix() for source in copy.sources]
        if sources == ["/opt"] and copy.to == "/opt" and _is_reference(image):
            self.notes.say(f"{self.file}:{copy.line}", f"extension {image}")
            self.extensions.append(image)
        elif not image.partition("@")[0].rpartition("/")[2].startswith("uv"):  # a build's tool
            what = f"COPY --from={image} {' '.join(copy.sources)} {copy.to}"
            todo = "imagekit puts whole layers on top (`extensions`), of images that fill /opt; "
            todo += "for single files: a base image with them, named as `base`"
            self._leave(copy.line, what, todo)

    def _from_own_stage(self, copy: Copy, stage: Stage, other: Stage) -> None:
        """What an earlier stage had copied to there; what it installed is the lock's business."""
        moved = [
            found
            for source in copy.sources
            for inner in other.copies
            if inner.stage is None and (found := self._moved(copy, source, inner))
        ]
        for one in moved:
            self.follow(one, stage)
        if not moved and not any(step.installs for step in all_steps(other.instructions)):
            what = f"COPY --from={copy.stage} {' '.join(copy.sources)} is made by a RUN"
            self._leave(copy.line, what, "make it before the build, and name it in `include`")

    def _moved(self, copy: Copy, source: str, inner: Copy) -> Copy | None:
        """The copy from the project that `inner` in one stage and `copy` out of it add up to."""
        taken = "/" + "/".join(part for part in PurePosixPath(source).parts if part not in "/.")
        target = copy.to.rstrip("/")
        if (rest := _under(inner.to, taken)) is not None:
            to = f"{target}/{rest}".rstrip("/") or "/"
            into = inner.into or len(inner.sources) > 1
            return Copy(line=inner.line, sources=inner.sources, to=to, into=into)
        rest = _under(taken, inner.to)
        if rest is None or len(inner.sources) != 1:
            return None
        path = f"{inner.sources[0].rstrip('/')}/{rest}"
        within = joined(self.context, path.lstrip("/")) or ""
        if not (self.folder.has(within) or self.folder.holds(within)):
            return None
        return Copy(line=copy.line, sources=(path,), to=copy.to, into=copy.into)


def _below(to: str, workdir: str) -> str | None:
    """Where a copy arrives, relative to the code; None outside of it."""
    for root in (workdir, TASK_ROOT):
        if root != "/" and (rest := _under(to, root)) is not None:
            return rest
    return to.strip("/") if workdir == "/" and to == "/" else None


def _under(path: str, root: str) -> str | None:
    if path == root:
        return ""
    prefix = f"{root.rstrip('/')}/"
    return path.removeprefix(prefix) if path.startswith(prefix) else None


def _is_reference(image: str) -> bool:
    try:
        return bool(Reference.parse(image).repository)
    except ValueError:
        return False
