"""The image before, as the cache of an empty store: asked once, believed only where it fits."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from imagekit.check.own import RULES_VERSION
from imagekit.console import Console
from imagekit.contents.carried import carried, is_measured
from imagekit.contents.measure import measure
from imagekit.contents.tops import tops_of
from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.package import Artifact, Package
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.net.http import Request, Response
from imagekit.oci.image import ConfigChange, Image, NewLayer, assemble
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.workshop import Workshop
from imagekit.store import Store
from tests.registry.fault_registry import Fault, FaultRegistry
from tests.services.wheels import make_wheel

OLD = Digest.of(b"made by older rules")
NEW = Digest.of(b"made by today's rules")


class NoNetwork:
    """Nothing may be asked for."""

    def send(self, request: Request) -> Response:
        raise AssertionError(request.url)


def layer(fingerprint: Digest, checks: int) -> NewLayer:
    record = LayerRecord(
        fingerprint=fingerprint,
        diff_id=Digest.of(b"tar" + fingerprint.hex.encode()),
        digest=Digest.of(b"blob" + fingerprint.hex.encode()),
        size_bytes=10,
        unzipped_bytes=20,
        tar_bytes=30,
        files=1,
        checks=checks,
    )
    return NewLayer(record=record, created_by="layer")


def packages(folder: Path) -> tuple[Package, ...]:
    wheel = make_wheel(folder, "alpha", "1.0", {"alpha/__init__.py": b"a = 1\n"})
    artifact = Artifact(
        filename=wheel.name, url=wheel.as_uri(), digest=Digest.of(wheel.read_bytes())
    )
    return (Package(name="alpha", version="1.0", wheel=artifact),)


def image(told: dict[str, object]) -> Image:
    layers = [layer(OLD, RULES_VERSION - 1), layer(NEW, RULES_VERSION)]
    return assemble(None, layers, ConfigChange(architecture="amd64"), carried=(told,))


def source(*paths: str) -> Tree:
    return Tree.of(
        FileEntry(path=path, size_bytes=0, owner="source", content=Bytes(b"")) for path in paths
    )


@contextmanager
def pushed(tmp_path: Path) -> Iterator[tuple[FaultRegistry, tuple[Package, ...]]]:
    """A registry that has the image as team/app:before, and the packages it was made of."""
    wheels = packages(tmp_path)
    first = Store(tmp_path / "first")
    measure(wheels, first, NoNetwork())
    tops_of(wheels, first)
    told = carried(wheels, first)
    assert told is not None
    made = image(told)
    with FaultRegistry() as registry:
        registry.hold("team/app", made.config)
        registry.manifests["team/app"] = {"before": (made.media_type, made.manifest)}
        yield registry, wheels


def looking(registry: FaultRegistry, tmp_path: Path, *tags: str) -> PreviousImages:
    workshop = Workshop(
        environ={},
        console=Console(out=io.StringIO(), err=io.StringIO(), verbose=True),
        store=Store(tmp_path / "fresh"),
        folder=tmp_path,
    )

    def places(function: str, architecture: Architecture) -> tuple[Reference, ...]:
        return tuple(
            Reference(registry=registry.host, repository="team/app", tag=tag) for tag in tags
        )

    return PreviousImages(workshop, places)


def test_an_empty_store_knows_what_the_image_before_knew(tmp_path: Path) -> None:
    """Weights and names come with it; two GETs, once, however often it is asked."""
    with pushed(tmp_path) as (registry, wheels):
        found = looking(registry, tmp_path, "absent", "before")
        found.know("app", "x86_64", wheels, source("app.py"))
        found.know("app", "x86_64", wheels, source("app.py"))
        layers = found.layers("app", "x86_64", [NEW, Digest.of(b"other")])

        assert is_measured(wheels, found.workshop.store)
        assert len(registry.seen) == 3, "absent, the manifest, the config"
        assert [record.fingerprint for record, _ in layers.values()] == [NEW]
        assert {str(origin.repository) for _, origin in layers.values()} == {"team/app"}


def test_a_layer_of_older_rules_is_made_again(tmp_path: Path) -> None:
    """What it passed is not what it would have to pass today, and nothing of it is read."""
    with pushed(tmp_path) as (registry, _):
        assert looking(registry, tmp_path, "before").layers("app", "x86_64", [OLD]) == {}


def test_source_in_a_folder_of_theirs_has_them_measured(tmp_path: Path) -> None:
    """Whether both fill one path differently only their files can tell."""
    with pushed(tmp_path) as (registry, wheels):
        found = looking(registry, tmp_path, "before")
        found.know("app", "x86_64", wheels, source("alpha/mine.py"))

        assert not is_measured(wheels, found.workshop.store)


def test_a_registry_in_trouble_costs_the_cache_alone(tmp_path: Path) -> None:
    """Whatever is wrong there, the push will meet it: nothing is reused, nothing raised."""
    with pushed(tmp_path) as (registry, wheels):
        registry.fault(Fault(method="GET", path="/manifests/", status=403, times=9))
        found = looking(registry, tmp_path, "before")
        found.know("app", "x86_64", wheels, source("app.py"))

        assert not is_measured(wheels, found.workshop.store)
        said = found.workshop.console.err
        assert isinstance(said, io.StringIO) and "nothing is reused" in said.getvalue()


def test_nothing_is_asked_where_nothing_is_missing(tmp_path: Path) -> None:
    """A store that has measured, and a build that lacks no layer, need no registry."""
    with pushed(tmp_path) as (registry, wheels):
        found = looking(registry, tmp_path, "before")
        found = replace(found, workshop=replace(found.workshop, store=Store(tmp_path / "first")))
        found.know("app", "x86_64", wheels, source("app.py"))
        found.layers("app", "x86_64", [])

        assert registry.seen == []
        assert PreviousImages.none(found.workshop).layers("app", "x86_64", [NEW]) == {}
