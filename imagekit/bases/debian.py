"""A base composed from Debian's packages with mmdebstrap: no registry, no Docker daemon.

mmdebstrap installs into a tar; `bases.rewrite` makes that tar fit for Lambda; Debian's own Python
compiles the standard library; the layer, its config and its manifest go into the store. A recipe
is composed once: what it gave is remembered, as Debian's archive moves on.
"""

from __future__ import annotations

import json
import platform
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict, replace

from imagekit.bases.definition import DebianOrigin, Definition
from imagekit.bases.record import keep, load_pinned
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.model.image import (
    CONFIG,
    LAYER,
    LAYER_FORMAT,
    Descriptor,
    History,
    ImageConfig,
    Manifest,
)
from imagekit.model.target import Architecture
from imagekit.store import Store

KIND = "composed"

COMPOSE_FORMAT = 1
"""Raised when the same packages give other bytes: what is left out, modes, compiling."""

_DEBIAN: dict[Architecture, str] = {"x86_64": "amd64", "arm64": "arm64"}
_MACHINES: dict[Architecture, tuple[str, ...]] = {
    "x86_64": ("x86_64", "amd64", "AMD64"),
    "arm64": ("aarch64", "arm64"),
}
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
_TASK_ROOT = "var/task"
# What a package writes down of the time is the same in every run (reproducible-builds.org,
# "SOURCE_DATE_EPOCH"): the time that our tars have, 1980-01-01.
_EPOCH = "315532800"


class Composer(Struct, frozen=True, kw_only=True):
    """Composes Debian bases into `store`, with the programs on the PATH of `environ`."""

    store: Store
    environ: Mapping[str, str]

    def base(
        self, definition: Definition, architecture: Architecture, *, afresh: bool = False
    ) -> Base:
        """The base, composed unless this recipe was before; `afresh` does it once more.

        Errors: CannotBuild where mmdebstrap is missing or cannot install for this architecture,
        CommandFailed with what it said.
        """
        recipe = fingerprint(definition, architecture)
        known = None if afresh else self._remembered(recipe)
        if known is not None:
            return known
        self._require_tools(architecture)
        with self.store.folder() as folder:
            archive = self._install(definition, architecture, folder)
            base = self._assemble(definition, architecture, archive)
        keep(self.store, base)
        self.store.put_record(KIND, recipe.hex, {"digest": str(base.digest)})
        return base

    def _remembered(self, recipe: Digest) -> Base | None:
        match self.store.record(KIND, recipe.hex):
            case {"digest": str(digest)}:
                return load_pinned(self.store, Digest.parse(digest))
            case _:
                return None

    def _require_tools(self, architecture: Architecture) -> None:
        path = self._path()
        if shutil.which("mmdebstrap", path=path) is None:
            raise CannotBuild(
                what="composing a Debian base needs mmdebstrap, which is not installed",
                hint="apt-get install mmdebstrap, or use a base from a registry",
            )
        if not composes(architecture):
            raise CannotBuild(
                what=f"a Debian base for {architecture} cannot be composed on {platform.machine()}",
                causes=("Debian's packages are set up by running them",),
                hint=f"compose it on an {architecture} machine, or use a base from a registry",
            )

    def _install(self, definition: Definition, architecture: Architecture, folder: Path) -> Path:
        from imagekit.project.command import run

        archive, origin = folder / "root.tar", _origin(definition)
        argv = [
            "mmdebstrap",
            "--variant=minbase",
            "--format=tar",
            f"--architectures={_DEBIAN[architecture]}",
            f"--include={','.join(origin.packages)}",
            *(f"--customize-hook={_hook(step)}" for step in definition.run),
            origin.suite,
            str(archive),
            *([origin.mirror] if origin.mirror else []),
        ]
        same = {"PATH": self._path(), "LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": _EPOCH}
        try:
            run(argv, cwd=folder, environ={**self.environ, **same})
        except CommandFailed as error:
            # Without root, mmdebstrap needs newuidmap and a line for the user in /etc/subuid.
            error.hint = (
                f"mmdebstrap --variant=minbase {origin.suite} /dev/null shows more; "
                "without root it needs: apt-get install uidmap"
            )
            raise
        return archive

    def _path(self) -> str:
        # mmdebstrap runs dpkg and chroot, which Debian keeps out of a plain user's PATH.
        return f"{self.environ.get('PATH', '/usr/bin:/bin')}:{_SBIN}"

    def _assemble(self, definition: Definition, architecture: Architecture, archive: Path) -> Base:
        from imagekit.bases.bytecode import recompiled
        from imagekit.bases.rewrite import read_root, root_bytes
        from imagekit.oci.layer import gzip

        origin = _origin(definition)
        root = read_root(archive, f"Debian {origin.suite}", folders=frozenset({_TASK_ROOT}))
        tar = root_bytes(recompiled(root, archive, self.store))
        diff_id = Digest.of(tar)
        blob = gzip(tar)
        del tar
        layer = Descriptor(
            media_type=LAYER["oci"], digest=self.store.put_blob(blob), size_bytes=len(blob)
        )
        return self._finish(definition, layer, _config(definition, architecture, diff_id))

    def _finish(self, definition: Definition, layer: Descriptor, config: ImageConfig) -> Base:
        from imagekit.bases.facts import facts_of
        from imagekit.bases.listing import read_layer
        from imagekit.bases.view import View
        from imagekit.oci.documents import dump_config, dump_manifest

        with self.store.blob_path(layer.digest).open("rb") as stream:
            listing = read_layer(stream, layer, config.diff_ids[0], definition.name)
        facts = facts_of(View([listing]), config, listing.tar_bytes, definition.name)
        config = replace(config, entrypoint=(facts.interpreter,))
        document = dump_config(config)
        manifest = dump_manifest(
            Manifest(
                family="oci",
                config=Descriptor(
                    media_type=CONFIG["oci"],
                    digest=self.store.put_blob(document),
                    size_bytes=len(document),
                ),
                layers=(layer,),
            )
        )
        digest = self.store.put_blob(manifest)
        return Base(
            name=definition.name,
            reference=f"{definition.name}@{digest}",
            digest=digest,
            family="oci",
            config=config,
            layers=(layer,),
            facts=facts,
            in_store=True,
        )


def composes(architecture: Architecture) -> bool:
    """Whether this machine runs what Debian's packages for it run when they are set up."""
    return platform.machine() in _MACHINES[architecture]


def fingerprint(definition: Definition, architecture: Architecture) -> Digest:
    """Of everything that decides the bytes, other than Debian's archive."""
    steps = {"run": definition.run} if definition.run else {}
    recipe = {
        **steps,
        "compose_format": COMPOSE_FORMAT,
        "layer_format": LAYER_FORMAT,
        "architecture": architecture,
        "origin": asdict(_origin(definition)),
        "env": definition.env,
        "labels": definition.labels,
    }
    return Digest.of(json.dumps(recipe, sort_keys=True).encode())


def _origin(definition: Definition) -> DebianOrigin:
    if not isinstance(definition.origin, DebianOrigin):
        raise TypeError(f"{definition.name} is not composed")
    return definition.origin


def _hook(step: str) -> str:
    """A step as mmdebstrap takes it: a shell's line that has the root folder as `$1`."""
    return f'chroot "$1" /bin/sh -c {shlex.quote(step)}'


def _config(definition: Definition, architecture: Architecture, diff_id: Digest) -> ImageConfig:
    origin = _origin(definition)
    steps = "".join(f"; {step}" for step in definition.run)
    packages = ", ".join(origin.packages)
    return ImageConfig(
        architecture=_DEBIAN[architecture],
        env=tuple((_ENV | dict(definition.env)).items()),
        working_dir=f"/{_TASK_ROOT}",
        labels=definition.labels,
        diff_ids=(diff_id,),
        history=(History(created_by=f"imagekit: Debian {origin.suite}, {packages}{steps}"),),
    )
