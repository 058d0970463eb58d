"""The plan of a shared base: what lies on top of what it starts from (decision 9). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import basename

from msgspec.structs import replace

from imagekit.bases.definition import Definition
from imagekit.model.base import SHARED_ROOT, Base, BaseFacts
from imagekit.model.image import ImageConfig
from imagekit.model.package import Package
from imagekit.model.target import Architecture
from imagekit.oci.image import ConfigChange
from imagekit.plan.build_plan import BuildPlan, LayerPlan, appended
from imagekit.plan.packaging import IMAGE_LIMIT_BYTES

_PYTHON = re.compile(r"python[\d.]*")


def base_plan(
    definition: Definition,
    parent: Base,
    architecture: Architecture,
    layers: tuple[LayerPlan, ...],
    bytecode: str | None,
) -> BuildPlan:
    """What the definition puts on `parent`: layers of shared packages, variables, labels."""
    return BuildPlan(
        function=definition.name,
        handler="",
        target=parent.target(architecture),
        packaging="image",
        why="a shared base",
        base=parent,
        bytecode=bytecode,
        layers=layers,
        settings=ConfigChange(env=_env(definition, parent, layers), labels=definition.labels),
        limit_bytes=IMAGE_LIMIT_BYTES,
    )


def labelled(plan: BuildPlan, label: tuple[str, str]) -> BuildPlan:
    """The same plan with one more label, in place of one that the parent has under its key."""
    if plan.settings is None:
        raise ValueError("the plan of a base is that of an image")
    labels = dict(plan.settings.labels) | dict([label])
    return replace(plan, settings=replace(plan.settings, labels=tuple(sorted(labels.items()))))


def left_to_share(packages: Sequence[Package], parent: Base) -> tuple[Package, ...]:
    """Packages that `parent` does not have in the same version."""
    there = set(parent.facts.packages)
    return tuple(one for one in packages if (one.name, one.version) not in there)


def mixed(packages: Sequence[Package], parent: Base) -> Iterator[str]:
    """Why these cannot be shared on top of what `parent` shares: files of two versions would lie
    in one folder, and what only the older one has would stay."""
    there, shared = dict(parent.facts.packages), set(parent.facts.shared)
    for one in packages:
        if one.name in shared and there.get(one.name, one.version) != one.version:
            yield (
                f"{one.label} would lie among the files of {one.name} {there[one.name]}, "
                f"which {parent.name} shares in {SHARED_ROOT}"
            )


def own_copies(packages: Sequence[Package], base: Base) -> tuple[str, ...]:
    """Packages that a function brings in front of another version that its base shares: words."""
    there, shared = dict(base.facts.packages), set(base.facts.shared)
    return tuple(
        f"{one.label} (the base has {there[one.name]})"
        for one in packages
        if one.name in shared and there[one.name] != one.version
    )


def facts_with(
    facts: BaseFacts, packages: Sequence[Package], weights: Mapping[str, int], tar_bytes: int
) -> BaseFacts:
    """The facts of a base with these packages on top, whose layers are tars of `tar_bytes`."""
    added = {one.name: one.version for one in packages}
    heavy = {one.name: weights[one.name] for one in packages}
    return replace(
        facts,
        unzipped_bytes=facts.unzipped_bytes + tar_bytes,
        # What is shared comes first on the path (lambda_rules R5).
        packages=tuple(sorted((dict(facts.packages) | added).items())),
        package_bytes=tuple(sorted((dict(facts.package_bytes) | heavy).items())),
        shared=tuple(sorted({*facts.shared, *added})),
    )


def looks_by_itself(config: ImageConfig) -> bool:
    """Whether the image starts AWS's own bootstrap, which looks into `SHARED_ROOT` (R4, R5).

    AWS's images say where that lies. An entry point that is Python itself passes it by.
    """
    program = basename(config.entrypoint[0]) if config.entrypoint else ""
    return "LAMBDA_RUNTIME_DIR" in dict(config.env) and bool(
        program and not _PYTHON.fullmatch(program)
    )


def _env(
    definition: Definition, parent: Base, layers: Sequence[LayerPlan]
) -> tuple[tuple[str, str], ...]:
    variables = dict(parent.config.env) | dict(definition.env)
    if layers and not looks_by_itself(parent.config):
        variables["PYTHONPATH"] = appended(variables.get("PYTHONPATH"), SHARED_ROOT)
    return tuple(variables.items())
