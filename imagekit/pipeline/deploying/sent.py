"""What a deployment sends: an image by digest or an archive, and what is known of it."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.fetched import documents_of
from imagekit.check.members import UNREADABLE
from imagekit.model.digest import Digest
from imagekit.model.errors import UsageError
from imagekit.model.image import INDEXES
from imagekit.model.lambda_layer import ATTACHED, LambdaLayer, attached_of, layer_path
from imagekit.model.packaging import DESCRIPTION, Unpacks, rest_path
from imagekit.model.reference import Reference
from imagekit.model.target import ARCHITECTURES, Architecture, Target
from imagekit.pipeline.last_build import LastBuild, last_build
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig
from imagekit.project.config_stages import SNAPSTART

_AWS_ENTRY = "/lambda-entrypoint.sh"


class Source(Struct, frozen=True, kw_only=True):
    """What is to run; of an image only where it lies."""

    reference: str | None = None
    """Of an image: as it was written, or by digest where it is the newest build."""
    path: Path | None = None
    """Of an archive."""
    architecture: Architecture | None = None
    base: str | None = None
    commit: str | None = None


class Archive(Struct, frozen=True, kw_only=True):
    """A ZIP that was read."""

    path: Path
    digest: Digest
    size_bytes: int
    unzipped_bytes: int
    rest: Unpacks | None = None
    """What its loader fetches from a bucket at start."""
    layers: tuple[LambdaLayer, ...] = ()
    """The Lambda layers that it needs, in their order."""

    @property
    def sha256(self) -> str:
        """As Lambda writes it (lambda_rules L8)."""
        return base64.b64encode(bytes.fromhex(self.digest.hex)).decode()


class FoundImage(Struct, frozen=True, kw_only=True):
    """An image that was looked at in its registry."""

    reference: Reference
    """By digest."""
    architecture: Architecture | None
    snapstart: bool
    """Whether SnapStart takes it for sure: AWS's own entry point, or the label (R12)."""
    command: tuple[str, ...] = ()
    """Its CMD."""


def given(image: str | None, archive: Path | None) -> Source | None:
    """What `--image` or `--zip` names; None without either. UsageError."""
    if image and archive:
        raise UsageError(
            what="--image and --zip are two artefacts", hint="leave one of the two out"
        )
    if archive is not None and not archive.is_file():
        raise UsageError(what=f"there is no file {archive}", hint="imagekit build")
    if image is None and archive is None:
        return None
    return Source(reference=image, path=archive)


def newest(
    workshop: Workshop, root: Path, function: FunctionConfig, architecture: Architecture
) -> Source:
    """The newest build: what this machine built last, else `dist/NAME.zip`. UsageError."""
    several = len(function.architectures) > 1
    name = f"{function.name}-{architecture}" if several else function.name
    built = last_build(workshop.store, root, function.name, architecture)
    if built is not None and built.reference:
        return _of(built, architecture, reference=built.reference)
    path = built.path if built and built.path else root / "dist" / f"{name}.zip"
    if path.suffix == ".zip" and path.is_file():
        if built is None:
            return Source(path=path, architecture=architecture)
        return _of(built, architecture, path=path)
    if built is not None and built.packaging == "image":
        raise UsageError(
            what=f"the newest build of {function.name} was not pushed",
            hint=f"imagekit build --push {function.name}",
        )
    raise UsageError(
        what=f"{function.name} was not built yet, and no --image or --zip is given",
        hint=f"imagekit build --push {function.name}",
    )


def read_archive(path: Path) -> Archive:
    """Hash and measure a ZIP; UsageError where it is none."""
    import hashlib

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with zipfile.ZipFile(path) as opened:
            unzipped = sum(info.file_size for info in opened.infolist())
            rest = _in_bucket(opened)
            layers = _attached(opened)
    except UNREADABLE as error:
        raise UsageError(what=f"{path} is no ZIP: {error}", hint="imagekit build") from error
    return Archive(
        path=path,
        digest=Digest(digest),
        size_bytes=path.stat().st_size,
        unzipped_bytes=unzipped,
        rest=rest,
        layers=layers,
    )


def _attached(opened: zipfile.ZipFile) -> tuple[LambdaLayer, ...]:
    """The Lambda layers that it says it needs; zipfile.BadZipFile where nobody can read which."""
    if ATTACHED not in opened.namelist():
        return ()
    found = attached_of(opened.read(ATTACHED))
    if found is None:
        raise zipfile.BadZipFile(f"{ATTACHED} in it is not what imagekit writes")
    return found


def files_of(workshop: Workshop, archive: Archive) -> tuple[LambdaLayer, ...]:
    """Its layers, each with its file: of the store, or beside the ZIP; without one where it is in
    neither place, or is not there what the ZIP was built with."""
    found = []
    for number, layer in enumerate(archive.layers, 1):
        beside = layer_path(archive.path, number)
        if layer.digest is not None and workshop.store.has_blob(layer.digest, layer.size_bytes):
            found.append(replace(layer, path=workshop.store.blob_path(layer.digest)))
        elif beside.is_file() and _is(beside, layer):
            found.append(replace(layer, path=beside))
        else:
            found.append(layer)
    return tuple(found)


def _is(path: Path, layer: LambdaLayer) -> bool:
    import hashlib

    if layer.digest is None or path.stat().st_size != layer.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == layer.digest.hex


def _in_bucket(opened: zipfile.ZipFile) -> Unpacks | None:
    """What the loader in the ZIP fetches at start, as its description says."""
    import json

    if DESCRIPTION not in opened.namelist():
        return None
    match json.loads(opened.read(DESCRIPTION)):
        case {
            "bucket": str(bucket),
            "digest": str(digest),
            "size_bytes": int(packed),
            "unpacked_bytes": int(unpacked),
        }:
            return Unpacks(
                layers=(),
                packed_bytes=packed,
                unpacked_bytes=unpacked,
                disk_bytes=unpacked,
                bucket=bucket,
                digest=Digest(digest),
            )
    return None


def file_of(workshop: Workshop, rest: Unpacks, archive: Path) -> Path | None:
    """The file that goes into the bucket: of the store, or beside its ZIP; None: nowhere here."""
    digest = rest.digest
    if digest is not None and workshop.store.has_blob(digest, rest.packed_bytes):
        return workshop.store.blob_path(digest)
    beside = rest_path(archive)
    if beside.is_file() and beside.stat().st_size == rest.packed_bytes:
        return beside
    return None


def find_image(
    workshop: Workshop, text: str, repository: str | None, wait_seconds: float
) -> FoundImage | None:
    """The image in the registry itself, None where it is not there.

    `repository` is where it is to be run from, if not where `text` names it; a tag is resolved
    where it stands. For `wait_seconds` it may still be on its way (replication).
    """
    reference = repository_of(text, workshop.home_registry)
    if repository is not None:
        there = repository_of(repository, workshop.home_registry)
        if reference.digest is None and there.name != reference.name:
            if (fetched := workshop.registry.find_manifest(reference)) is None:
                return None
            reference = reference.at(fetched.digest)
        reference = replace(there, tag=reference.tag, digest=reference.digest)
    return _waited(workshop, classic(reference), wait_seconds)


def no_tag(workshop: Workshop, text: str) -> str:
    """In words that the registry lacks the tag; nothing of an image that is named by digest."""
    found = repository_of(text, workshop.home_registry)
    return "" if found.digest else f": {found.name} has no tag {found.tag or 'latest'}"


def others(workshop: Workshop, text: str) -> str:
    """What to type in place of an image that is not there."""
    found = repository_of(text, workshop.home_registry)
    newest_build = "leave `--image` out for the newest build"
    if found.ecr is None:
        return newest_build
    account, region = found.ecr
    listed = f"--repository-name {found.repository} --registry-id {account} --region {region}"
    return f"aws ecr list-images {listed} shows what is there, or {newest_build}"


def managed_runtime(function: FunctionConfig) -> str | None:
    """Lambda's runtime for a ZIP of the function, where the configuration says its Python."""
    if function.python is None:
        return None
    return Target.managed(function.python, function.architectures[0]).runtime


def _of(
    built: LastBuild,
    architecture: Architecture,
    *,
    reference: str | None = None,
    path: Path | None = None,
) -> Source:
    return Source(
        reference=reference,
        path=path,
        architecture=architecture,
        base=built.base,
        commit=built.commit,
    )


def _waited(workshop: Workshop, reference: Reference, seconds: float) -> FoundImage | None:
    import time

    end = time.monotonic() + seconds
    while (found := _looked_at(workshop, reference)) is None and time.monotonic() < end:
        workshop.sleep(min(2.0, max(0.0, end - time.monotonic())))
    return found


def _looked_at(workshop: Workshop, reference: Reference) -> FoundImage | None:
    fetched = workshop.registry.find_manifest(reference)
    if fetched is None:
        return None
    if fetched.media_type in INDEXES:
        raise UsageError(
            what=f"{reference} is an index of images, and Lambda takes one image",
            hint="name one image of it by its digest",
        )
    here = reference.at(fetched.digest)
    # Of what this run pushed, the store has the config already.
    documents = documents_of(workshop.registry, workshop.store, here, fetched, str(reference))
    config = documents.config
    machines = {Target.managed("3.13", one).oci_architecture: one for one in ARCHITECTURES}
    return FoundImage(
        reference=here,
        architecture=machines.get(config.architecture),
        snapstart=SNAPSTART in config.labels or config.entrypoint[:1] == (_AWS_ENTRY,),
        command=config.command,
    )


def image_to_come(plan: BuildPlan, reference: Reference) -> FoundImage:
    """What will be found under `reference`, as far as its plan says."""
    base, settings = plan.base and plan.base.config, plan.settings
    labels = {*(base.labels if base else ()), *dict(settings.labels if settings else ())}
    entrypoint = (settings and settings.entrypoint) or (base.entrypoint if base else ())
    return FoundImage(
        reference=reference,
        architecture=plan.target.architecture,
        snapstart=SNAPSTART in labels or tuple(entrypoint[:1]) == (_AWS_ENTRY,),
        command=(settings and settings.command) or (base.command if base else ()),
    )


def classic(reference: Reference) -> Reference:
    """Lambda knows ECR by its classic host alone (lambda_rules L2, L3)."""
    if reference.ecr is None:
        return reference
    # 20 ms of imports, and only images of ECR get here.
    from imagekit.aws.identity import registry_host

    return replace(reference, registry=registry_host(*reference.ecr))
