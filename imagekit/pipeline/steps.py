"""System packages and `run` steps of a base that comes from a registry: work for a container.

mmdebstrap runs those of a Debian base while it composes it (`bases.debian`).
"""

from __future__ import annotations

from imagekit.bases.definition import Definition
from imagekit.model.base import Base
from imagekit.model.errors import CannotBuild
from imagekit.pipeline.workshop import Workshop


def with_steps(workshop: Workshop, definition: Definition, parent: Base) -> Base:
    """`parent` with the definition's `system` packages and, after them, its `run` steps.

    The steps' layers lie in the store (`Base.origins`), and the facts are read anew, as a system
    package may bring any file. Shared Python packages go on top of it, without Docker. CannotBuild
    where no engine can run them.
    """
    key = "system" if definition.system else "run"
    raise CannotBuild(
        what=f"`{key}` of the base {definition.name} needs the Docker engine on {parent.name}",
        causes=("bases are composed without Docker in this version",),
        hint='take from = "debian" for a base with system packages, or publish an image that has '
        "them and name it in `from`",
    )
