"""Where bases are made: the project around, or a folder that has nothing but `base_images/`."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from imagekit import __version__
from imagekit.bases.definition import FOLDER
from imagekit.model.errors import ConfigError
from imagekit.pipeline.afresh import IMAGES, NOTHING, Afresh
from imagekit.pipeline.bases.pinned import Bases
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.request import LockMode
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig
from imagekit.project.find_config import OWN_FILE, in_folder
from imagekit.project.read_config import load


class BaseProject(Struct, frozen=True, kw_only=True):
    """What `base build` and `base publish` start from."""

    project: ProjectConfig
    decisions: Decisions
    bases: Bases

    @classmethod
    def open(cls, workshop: Workshop, lock_mode: LockMode, upgrade: str | None) -> BaseProject:
        """Read configuration and `imagekit.lock`; ConfigError, LockError.

        The base named `upgrade`, and what it starts from, is pinned afresh.
        """
        with workshop.console.stage("configuration"):
            project = project_around(workshop.folder)
        again = NOTHING
        if upgrade is not None:
            again = Afresh(kinds=IMAGES, names=frozenset((upgrade,)))
        decisions = Decisions.read(project.root, lock_mode, workshop.console, again)
        packages = Packages(workshop=workshop, project=project, decisions=decisions)
        bases = Bases(workshop=workshop, project=project, decisions=decisions, packages=packages)
        return cls(project=project, decisions=decisions, bases=bases)


def project_around(start: Path) -> ProjectConfig:
    """The project that `start` lies in, with or without functions.

    Where no configuration is, the nearest folder upwards that has `base_images/`, else `start`.
    Raises what `load` raises.
    """
    try:
        return load(start, version=__version__, whole=True, bare=True)
    except ConfigError:
        if _configured(start.absolute()):
            raise
    here = start.absolute()
    homes = (folder for folder in (here, *here.parents) if (folder / FOLDER).is_dir())
    root = next(homes, here)
    return ProjectConfig(path=root / OWN_FILE, root=root, functions=())


def _configured(start: Path) -> bool:
    """Whether there is a configuration, and so whatever is wrong is wrong in it."""
    try:
        return any(in_folder(folder, start) for folder in (start, *start.parents))
    except ConfigError:
        return True
