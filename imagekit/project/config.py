"""The configuration as values: what `[tool.imagekit]` or `imagekit.toml` says, already checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from imagekit.model.budget import NO_BUDGET, Budget
from imagekit.model.ecr import RepositorySettings
from imagekit.model.packaging import Asked
from imagekit.model.slim import BY_DEFAULT, SlimSettings
from imagekit.model.target import Architecture


class LambdaSettings(Struct, frozen=True, kw_only=True):
    """What a deployment may set on the function. None: not named, so never touched."""

    name: str | None = None
    """The deployed function's name, where it differs."""
    memory: int | None = None
    """MB."""
    timeout: int | None = None
    """Seconds."""
    storage: int | None = None
    """MB of `/tmp`."""
    role: str | None = None
    description: str | None = None
    snapstart: bool | None = None
    layers: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] | None = None


class FunctionConfig(Struct, frozen=True, kw_only=True):
    """One function, with the project's keys already folded in; its own keys win."""

    name: str
    handler: str
    root: Path
    """The folder whose configuration names it: relative paths start here."""
    where: str = ""
    """File and key path, for errors: `pyproject.toml: tool.imagekit.functions.scoring`."""
    source: tuple[str, ...] | None = None
    """None: `src/*`, else the packages and modules beside the configuration."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    member: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    extensions: tuple[str, ...] = ()
    """Image references whose layers go on top of the base, in this order."""
    system: tuple[str, ...] = ()
    """Packages of the base's own distribution; with them, Docker makes the image."""
    run: tuple[str, ...] = ()
    """Shell commands, run in the image once its packages are there."""
    dockerfile: Path | None = None
    """The project's own Dockerfile.template."""
    base: str | None = None
    python: str | None = None
    architectures: tuple[Architecture, ...] = ("x86_64",)
    repository: str | None = None
    """With `{function}` filled in."""
    layer_repository: str | None = None
    """Where package layers are shared; with `{function}` filled in."""
    packaging: Asked = "auto"
    bytecode: bool = True
    bucket: str | None = None
    budget: Budget = NO_BUDGET
    lock: Path | None = None
    settings: LambdaSettings = LambdaSettings()
    slim: SlimSettings = BY_DEFAULT
    shared_handler: str | None = None
    """The command of the image that functions of the same contents can share; None: no other has
    the same."""

    @property
    def commands(self) -> frozenset[str]:
        """Handlers that the image of this function may name as its command."""
        return frozenset({self.handler, self.shared_handler or self.handler})


class Stage(Struct, frozen=True, kw_only=True):
    """One place that functions are deployed to. None: as without stages."""

    name: str
    region: str | None = None
    profile: str | None = None
    """Of AWS's own configuration files."""
    role_arn: str | None = None
    """Assumed with the caller's own credentials."""
    repository: str | None = None
    """As written, `{function}` not yet filled in."""
    layer_repository: str | None = None
    """As written; what images that are promoted here share."""
    function_name: str | None = None
    """As written, such as `{function}-prod`."""
    alias: str | None = None
    settings: LambdaSettings = LambdaSettings()


class ProjectConfig(Struct, frozen=True, kw_only=True):
    """One project: a folder with a configuration, its members', and their functions."""

    path: Path
    """The file that was read."""
    root: Path
    functions: tuple[FunctionConfig, ...]
    """Those asked for, or all, in the order of the files."""
    whole: bool = True
    """Whether these are all functions that there are."""
    members: tuple[Path, ...] = ()
    """Folders of a workspace's members; none where it is no workspace."""
    requires_python: str | None = None
    """`[project] requires-python` of the pyproject.toml in `root`."""
    project_name: str | None = None
    """`[project] name` there."""
    bases: Mapping[str, str] = field(default_factory=dict)
    """References of published bases, by name."""
    ecr: RepositorySettings = field(default_factory=RepositorySettings)
    stages: tuple[Stage, ...] = ()
    """In the order of the file."""
    stage_order: tuple[tuple[str, ...], ...] = ()
    """Waves of stages; none where nothing says an order."""
