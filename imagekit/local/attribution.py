"""Who brought a module, and which layer it lies in: from its file and what installers recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct, field

from imagekit.local.importtime import Timed
from imagekit.local.probed import Module, Probed
from imagekit.model.packaging import LOADER
from imagekit.model.startup import Import, Owner

OWN = Owner("own", "your code")
STDLIB = Owner("stdlib", "standard library")
CLIENT = Owner("client", "runtime client")
BASE = Owner("base", "base")
LOADER_OWNER = Owner("client", "imagekit's loader")
"""Of a ZIP that unpacks at start."""

_CLIENT_NAMES = frozenset({"awslambdaric", "simplejson", "snapshot-restore-py"})
_CLIENT_FOLDERS = ("/opt/imagekit/", "/var/runtime/")
_NOT_STDLIB = ("site-packages", "dist-packages")
_BASE_LAYER = "base"


class Layers(Struct, frozen=True, kw_only=True):
    """Where a plan puts what; empty where no plan is known."""

    packages: Mapping[str, str] = field(default_factory=dict)
    """Layer by the package's normalised name."""
    source: str | None = None
    client: str | None = None
    own: frozenset[str] = frozenset()
    """Packages that are the user's own code: members and path dependencies."""

    @property
    def known(self) -> bool:
        """Whether there is a plan at all."""
        return self.source is not None


NO_LAYERS = Layers()


def attributed(
    timed: Sequence[Timed], probed: Probed, layers: Layers = NO_LAYERS
) -> tuple[Import, ...]:
    """The imports with owner, layer and file, in the same order.

    What left no module behind (an optional import that failed, a name that a package made up)
    belongs to the package that its name is below, else to its importer.
    """
    found: list[Import] = []
    for one in timed:
        importer = found[one.parent].owner if one.parent is not None else None
        owner = _owner(one.module, probed, layers) or importer
        module = probed.modules.get(one.module)
        found.append(
            Import(
                module=one.module,
                self_us=one.self_us,
                cumulative_us=one.cumulative_us,
                depth=one.depth,
                parent=one.parent,
                owner=owner,
                layer=_layer(owner, module, probed, layers),
                path=module.file if module else None,
            )
        )
    return tuple(found)


def owner_of(file: str, probed: Probed, layers: Layers = NO_LAYERS) -> Owner | None:
    """Of a file inside the artefact; None where nobody can be told."""
    label = probed.owners.get(file)
    if label is not None:
        return _named(label, layers)
    inside = file.removeprefix(probed.stdlib + "/")
    if inside != file and PurePosixPath(inside).parts[0] not in _NOT_STDLIB:
        return STDLIB
    if file.startswith(_CLIENT_FOLDERS):
        return CLIENT
    if file.startswith(f"{probed.task}{LOADER}/"):
        return LOADER_OWNER
    if file.startswith(probed.task):
        return OWN
    return BASE if file.startswith("/") else None


def _named(label: str, layers: Layers) -> Owner:
    name = normalised(label.partition(" ")[0])
    # A project may lock what the client needs, too; then it is a package like any other.
    if name in _CLIENT_NAMES and name not in layers.packages:
        return CLIENT
    return Owner("own" if name in layers.own else "package", label)


def _owner(module: str, probed: Probed, layers: Layers) -> Owner | None:
    """By the module, else by the nearest package that its name is below."""
    name = module
    while name:
        known = probed.modules.get(name)
        if known is not None and (found := _of_module(known, probed, layers)):
            return found
        name = name.rpartition(".")[0]
    return None


def _of_module(module: Module, probed: Probed, layers: Layers) -> Owner | None:
    if module.built_in:
        return STDLIB
    if module.file is not None:
        return owner_of(module.file, probed, layers)
    if module.folder is None:
        return None
    # A namespace package is its modules' owner's, where they have one; else its importer's.
    below = module.folder.rstrip("/") + "/"
    owners = {label for file, label in probed.owners.items() if file.startswith(below)}
    if len(owners) == 1:
        return _named(owners.pop(), layers)
    return None if owners else owner_of(below + "__init__.py", probed, layers)


def _layer(
    owner: Owner | None, module: Module | None, probed: Probed, layers: Layers
) -> str | None:
    if owner is None or not layers.known:
        return None
    match owner.kind:
        case "own" | "package":
            name = normalised(owner.name.partition(" ")[0])
            if owner == OWN:
                return layers.source
            return layers.packages.get(name, _BASE_LAYER)
        case "client":
            return layers.client or _BASE_LAYER
        case _:
            return _BASE_LAYER


def normalised(name: str) -> str:
    """A package's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()
