"""uv for the image's own platform: this machine's where it runs there, else its wheel's."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from pathlib import Path

from imagekit.model.errors import CannotBuild
from imagekit.model.target import Target
from imagekit.pipeline.packages import Packages, bring, path_of, runs_here
from imagekit.pipeline.workshop import Workshop
from imagekit.project.uv import locate

_PROGRAM = "data/scripts/uv"


def uv_for(workshop: Workshop, packages: Packages, target: Target, scratch: Path) -> Path:
    """The program, for a build that mounts it; `scratch` holds what has to be unpacked.

    Raises CannotBuild, and what asking an index raises.
    """
    if runs_here(target.oci_architecture):
        return Path(locate(workshop.environ)).resolve()
    found = packages.asked(f"uv=={version('uv')}", target)
    package = next(one for one in found if one.name == "uv")
    bring(workshop, (package,))
    with zipfile.ZipFile(path_of(workshop, package)) as wheel:
        for member in wheel.namelist():
            if member.endswith(_PROGRAM):
                program = scratch / "uv"
                program.write_bytes(wheel.read(member))
                program.chmod(0o755)
                return program
    raise CannotBuild(what=f"the wheel {package.wheel.filename} has no uv in it")
