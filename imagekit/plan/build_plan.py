"""`BuildPlan`, the waist: engines, bundles, reports and tests read this one frozen value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from imagekit.model.base import SHARED_ROOT, Base
from imagekit.model.digest import Digest
from imagekit.model.extension import Extension
from imagekit.model.gain import BytecodeGain
from imagekit.model.lambda_layer import LambdaLayer
from imagekit.model.package import Package
from imagekit.model.packaging import Packaging, Unpacks
from imagekit.model.slim import NOTHING_LEFT_OUT, Slimmed
from imagekit.model.target import Target
from imagekit.model.tree import Tree
from imagekit.oci.image import ConfigChange
from imagekit.plan.docker_steps import NO_STEPS, DockerSteps
from imagekit.plan.layering import group
from imagekit.plan.recipe import packages_fingerprint, source_fingerprint

TASK_ROOT = "/var/task"
"""The project and its packages."""

CLIENT_ROOT = "/opt/imagekit"
"""A runtime client that the base does not bring (decision 9)."""

Kind = Literal["client", "packages", "source"]


class LayerPlan(Struct, frozen=True, kw_only=True):
    """One layer: what is in it, where it lands, and the fingerprint of its recipe."""

    name: str
    kind: Kind
    packages: tuple[Package, ...]
    root: str
    why: str
    fingerprint: Digest
    unzipped_bytes: int
    """Sum of the files' sizes, without bytecode."""
    files: Tree | None = None
    """The project's own files; None where wheels are the content."""


class BuildPlan(Struct, frozen=True, kw_only=True):
    """Everything that was decided about one artefact."""

    function: str
    handler: str
    target: Target
    packaging: Packaging
    why: str
    base: Base | None
    """None for a ZIP."""
    bytecode: str | None
    """Full version of the CPython that compiles; None ships no bytecode."""
    layers: tuple[LayerPlan, ...]
    """In stacking order: stable ones first, source last."""
    settings: ConfigChange | None
    """None for a ZIP."""
    limit_bytes: int
    extensions: tuple[Extension, ...] = ()
    """Their layers lie between the base's and `layers`."""
    without_bytecode: tuple[str, ...] = ()
    """Layers of a ZIP whose bytecode will hardly fit: an estimate, for people alone."""
    gains: tuple[BytecodeGain, ...] = ()
    """What bytecode buys, where a measurement was kept: first in a ZIP that has not room for all
    of it."""
    steps: DockerSteps = NO_STEPS
    """What only the Docker engine can do."""
    unpacks: Unpacks | None = None
    """Layers of a ZIP that are unpacked to `/tmp` at start."""
    attaches: tuple[LambdaLayer, ...] = ()
    """Lambda layers that hold what a ZIP has not, in the order in which Lambda unpacks them."""
    others_bytes: int = 0
    """Unzipped, of the Lambda layers of others, as far as it is known."""
    slim: Slimmed = NOTHING_LEFT_OUT
    """What it is made without."""

    @property
    def contents(self) -> tuple[object, ...]:
        """What an image is made of: plans that agree in it give one image."""
        base = self.base and (self.base.reference, self.base.digest)
        layers = tuple(layer.fingerprint for layer in self.layers)
        return self.target, base, self.extensions, layers, self.settings, self.steps

    @property
    def unzipped_bytes(self) -> int:
        """Of base, extensions, packages and source, without bytecode."""
        base = self.base.facts.unzipped_bytes if self.base else 0
        added = sum(extension.facts.unzipped_bytes for extension in self.extensions)
        return base + added + sum(layer.unzipped_bytes for layer in self.layers)

    @property
    def packages(self) -> tuple[Package, ...]:
        """Every package of the project, in layer order; the runtime client's are not among them."""
        return tuple(
            package
            for layer in self.layers
            if layer.kind == "packages"
            for package in layer.packages
        )

    @property
    def client(self) -> tuple[Package, ...]:
        """The runtime client's packages, where the image brings it."""
        return tuple(p for layer in self.layers if layer.kind == "client" for p in layer.packages)


def package_layers(
    packages: Sequence[Package],
    weights: Mapping[str, int],
    bytecode: str | None,
    root: str = TASK_ROOT,
) -> tuple[LayerPlan, ...]:
    """Layers of a project's packages, or a base's; `weights` gives unzipped bytes by name."""
    return tuple(
        LayerPlan(
            name=found.name,
            kind="packages",
            packages=found.packages,
            root=root,
            why=found.why,
            fingerprint=packages_fingerprint(found.packages, root=root, bytecode=bytecode),
            unzipped_bytes=sum(weights[package.name] for package in found.packages),
        )
        for found in group(packages, weights)
    )


def client_layer(
    packages: Sequence[Package], weights: Mapping[str, int], bytecode: str | None
) -> LayerPlan:
    """The layer of the Lambda runtime client, for a base that has none."""
    return LayerPlan(
        name="runtime client",
        kind="client",
        packages=tuple(packages),
        root=CLIENT_ROOT,
        why="the base brings no Lambda runtime client",
        fingerprint=packages_fingerprint(packages, root=CLIENT_ROOT, bytecode=bytecode),
        unzipped_bytes=sum(weights[package.name] for package in packages),
    )


def source_layer(tree: Tree, bytecode: str | None) -> LayerPlan:
    """The layer of the project's own files, the last one."""
    return LayerPlan(
        name="source",
        kind="source",
        packages=(),
        root=TASK_ROOT,
        why="your code changes most often",
        fingerprint=source_fingerprint(tree, root=TASK_ROOT, bytecode=bytecode),
        unzipped_bytes=tree.size_bytes,
        files=tree,
    )


def image_settings(
    base: Base, handler: str, env: Sequence[tuple[str, str]], *, adds_client: bool
) -> ConfigChange:
    """What the config must say so that Lambda starts the handler on this base."""
    variables = dict(base.config.env) | dict(env)
    if adds_client:
        variables.setdefault("LAMBDA_TASK_ROOT", TASK_ROOT)
        for folder in (SHARED_ROOT, CLIENT_ROOT):
            variables["PYTHONPATH"] = appended(variables.get("PYTHONPATH"), folder)
    return ConfigChange(
        # lambda_rules M15, M23: the interpreter's real path; `-m` puts the working directory first.
        entrypoint=(base.facts.interpreter, "-m", "awslambdaric") if adds_client else None,
        command=(handler,),
        working_dir=TASK_ROOT if adds_client or not base.config.working_dir else None,
        env=tuple(variables.items()),
    )


def appended(path: str | None, folder: str) -> str:
    """A search path with the folder at its end, unless it is there already."""
    # lambda_rules R7: PYTHONPATH is appended to, never replaced.
    folders = path.split(":") if path else []
    return ":".join(folders if folder in folders else [*folders, folder])
