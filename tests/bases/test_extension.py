"""Pinning an extension: what is asked, what is read, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.bases.extension import ExtensionPinner, Open, WantedExtension
from imagekit.bases.extension_record import KIND, facts_from_json, facts_to_json
from imagekit.bases.reading import Documents
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, HttpError, RemoteRefused
from imagekit.model.extension import ExtensionFacts, ExtensionLayer
from imagekit.model.image import LAYER
from imagekit.model.reference import Reference
from imagekit.registry.client import Registry
from imagekit.store import Store
from tests.bases.fake import FakeImage, Layer, entries, put_index
from tests.registry.fault_registry import FaultRegistry
from tests.registry.kit import client

LAYER_OF = Layer.of(entries({"opt/extensions/agent": b"#!/bin/sh\n"}))
IMAGE = FakeImage(layers=[LAYER_OF])
ARM = FakeImage(layers=[Layer.of(entries({"opt/arm": b"x"}))], architecture="arm64")
FACTS = ExtensionFacts(
    layers=(
        ExtensionLayer(
            digest=Digest.of(b"blob"), size_bytes=7, diff_id=Digest.of(b"tar"), tar_bytes=1024
        ),
    ),
    programs=("agent",),
    places=("extensions/agent",),
    packages=(("six", "1.17.0"),),
    glibc="2.28",
)


class Setup(Struct):
    """A registry, a store, and what was read."""

    server: FaultRegistry
    store: Store
    registry: Registry
    read: list[bytes] = field(default_factory=list)

    def pinner(self) -> ExtensionPinner:
        return ExtensionPinner(store=self.store, registry=lambda: self.registry, read=self._take)

    def _take(self, documents: Documents, open_layer: Open) -> ExtensionFacts:
        for layer in documents.layers:
            stream = open_layer(layer)
            self.read.append(stream.read(1 << 20))
            stream.close()
        return FACTS

    def wanted(self, tag: str = "83") -> WantedExtension:
        reference = Reference(registry=self.server.host, repository="acme/agent", tag=tag)
        return WantedExtension(name=str(reference), reference=reference, architecture="x86_64")

    def put(self, image: FakeImage, tag: str = "83") -> None:
        image.put(self.server, "acme/agent", tag)


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    with FaultRegistry() as server, client() as registry:
        yield Setup(server, Store(tmp_path / "store"), registry)


def test_pinned_by_digest_and_read_once(setup: Setup) -> None:
    """The reference keeps its tag, for people and for tools; no layer stays on this disk."""
    setup.put(IMAGE)
    found = setup.pinner().extension(setup.wanted())

    assert found.name == setup.wanted().name
    assert found.digest == IMAGE.digest
    assert found.reference == f"{setup.wanted().name}@{IMAGE.digest}"
    assert found.facts == FACTS
    assert setup.read == [LAYER_OF.blob]
    assert not setup.store.has_blob(LAYER_OF.descriptor.digest)


def test_the_same_digest_is_not_read_again(setup: Setup) -> None:
    """Another project, or another tag of it: the registry says the digest, the store the rest."""
    setup.put(IMAGE)
    setup.put(IMAGE, "latest")
    setup.pinner().extension(setup.wanted())
    again = setup.pinner().extension(setup.wanted("latest"))

    assert again.facts == FACTS
    assert len(setup.read) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"rules": 0, "facts": facts_to_json(FACTS)},
        {"rules": 1, "facts": {"layers": [{}]}},
        {"rules": 1, "facts": "nothing"},
    ],
)
def test_a_record_that_says_too_little_is_made_anew(
    setup: Setup, damage: dict[str, object]
) -> None:
    """One by older rules, or one that cannot be read."""
    setup.put(IMAGE)
    setup.store.put_record(KIND, f"{IMAGE.digest.hex}-x86_64", damage)

    assert setup.pinner().extension(setup.wanted()).facts == FACTS
    assert len(setup.read) == 1


def test_each_architecture_of_an_index(setup: Setup) -> None:
    """A list gives each its own digest; pinned to the list's digest, too, as tools write it."""
    put_index(setup.server, "acme/agent", "83", IMAGE, ARM)
    on_arm = replace(setup.wanted(), architecture="arm64")
    index = setup.registry.manifest(setup.wanted().reference).digest
    by_digest = replace(on_arm, reference=replace(on_arm.reference, digest=index))

    assert setup.pinner().extension(setup.wanted()).digest == IMAGE.digest
    assert setup.pinner().extension(on_arm).digest == ARM.digest
    assert setup.pinner().extension(by_digest).reference == f"{on_arm.name}@{ARM.digest}"


def test_a_pin_holds_when_the_tag_moves(setup: Setup) -> None:
    """What the lock names is taken, whatever the tag names today."""
    setup.put(IMAGE)
    setup.put(ARM)
    wanted = setup.wanted()
    pinned = replace(wanted, reference=replace(wanted.reference, digest=IMAGE.digest))

    assert setup.pinner().extension(pinned).digest == IMAGE.digest


def test_an_index_without_the_architecture(setup: Setup) -> None:
    """The other side has none: said with those that there are."""
    put_index(setup.server, "acme/agent", "83", ARM)
    with pytest.raises(RemoteRefused) as refused:
        setup.pinner().extension(setup.wanted())

    assert "linux/amd64" in refused.value.what
    assert refused.value.causes == ("there is linux/arm64",)
    assert "another image" in (refused.value.hint or "")


def test_a_single_image_for_another_architecture(setup: Setup) -> None:
    """Even if the store knows its layers: they were read for the architecture that they are for."""
    setup.put(ARM)
    setup.pinner().extension(replace(setup.wanted(), architecture="arm64"))
    with pytest.raises(CannotBuild, match="is for linux on arm64, not for x86_64"):
        setup.pinner().extension(setup.wanted())


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_layers_that_are_no_gzip(setup: Setup, media_type: str) -> None:
    """Refused before a byte of them is read (lambda_rules M5 to M9)."""
    setup.put(FakeImage(layers=[replace(LAYER_OF, media_type=media_type)]))
    with pytest.raises(CannotBuild, match="which Lambda may refuse") as refused:
        setup.pinner().extension(setup.wanted())

    assert media_type in str(refused.value)
    assert "compression=gzip" in (refused.value.hint or "")
    assert setup.read == []


@pytest.mark.parametrize("media_type", LAYER.values())
def test_both_families_are_taken(setup: Setup, media_type: str) -> None:
    """A gzip'd tar is the same in both."""
    setup.put(FakeImage(layers=[replace(LAYER_OF, media_type=media_type)]))

    assert setup.pinner().extension(setup.wanted()).facts == FACTS


def test_documents_that_disagree(setup: Setup) -> None:
    """As many diff_ids as layers."""
    setup.put(replace(IMAGE, diff_ids=[LAYER_OF.diff_id, LAYER_OF.diff_id]))
    with pytest.raises(CannotBuild, match="name other layers"):
        setup.pinner().extension(setup.wanted())


def test_a_pin_that_is_gone_says_what_to_type(setup: Setup) -> None:
    """Registries tidy up; a tag that is not there is just a wrong tag."""
    wanted = setup.wanted()
    gone = replace(wanted, reference=replace(wanted.reference, digest=IMAGE.digest))
    with pytest.raises(HttpError) as pinned:
        setup.pinner().extension(gone)
    with pytest.raises(HttpError) as tagged:
        setup.pinner().extension(wanted)

    assert "imagekit lock --upgrade-base" in (pinned.value.hint or "")
    assert tagged.value.hint is None


def test_facts_read_back_the_same() -> None:
    """What the store keeps is what was found."""
    assert facts_from_json(facts_to_json(FACTS)) == FACTS
    assert facts_from_json(facts_to_json(replace(FACTS, glibc=None))).glibc is None
