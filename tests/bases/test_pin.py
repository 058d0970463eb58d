"""Pinning a base: what is asked, what is read, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.bases.definition import Definition, Source
from imagekit.bases.demands import Wanted
from imagekit.bases.named import find
from imagekit.bases.pin import Pinner
from imagekit.model.digest import Digest
from imagekit.model.errors import (
    CannotBuild,
    ConfigError,
    DigestMismatch,
    HttpError,
    RemoteMismatch,
    RemoteRefused,
    TooLarge,
)
from imagekit.model.image import MANIFEST
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.registry.client import Registry
from imagekit.store import Store
from tests.bases.fake import DEBIAN, GLIBC, FakeImage, Layer, debian_layer, entries, put_index
from tests.registry.fault_registry import Fault, FaultRegistry
from tests.registry.kit import client

IMAGE = FakeImage(layers=[debian_layer(), Layer.of(entries({"opt/x": b"x" * 5000}))])


def nobody_asks() -> NoReturn:
    raise AssertionError("a registry was asked")


class Setup(Struct):
    """A registry, a store, and what was read."""

    server: FaultRegistry
    store: Store
    registry: Registry
    read: list[int] = field(default_factory=list)

    def pinner(self) -> Pinner:
        return Pinner(
            store=self.store,
            environ={},
            registry=lambda: self.registry,
            sleep=lambda _: None,
            progress=self.read.append,
        )

    def reference(self, tag: str = "3.13") -> Reference:
        return Reference(registry=self.server.host, repository="lambda/python", tag=tag)

    def put(self, image: FakeImage, tag: str = "3.13") -> None:
        image.put(self.server, "lambda/python", tag)

    def wanted(self, source: Source | None = None, architecture: Architecture = "x86_64") -> Wanted:
        return Wanted(name="team", source=source or self.reference(), architecture=architecture)

    def layers_read(self) -> int:
        blobs = {str(layer.descriptor.digest) for layer in IMAGE.layers}
        return sum(
            one.path.rpartition("/")[2] in blobs for one in self.server.saw("GET", "/blobs/")
        )


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    with FaultRegistry() as server, client() as registry:
        yield Setup(server, Store(tmp_path / "store"), registry)


def offline(store: Store) -> Pinner:
    return Pinner(store=store, environ={}, registry=nobody_asks, sleep=lambda _: None)


@contextmanager
def refused(kind: type[CannotBuild] | type[TooLarge], what: str) -> Iterator[None]:
    with pytest.raises(kind) as raised:
        yield
    assert what in str(raised.value)


def test_first_use_pins_by_digest_and_streams_each_layer_once(setup: Setup) -> None:
    """Facts come from the layers; the reference keeps its tag, for people and for tools."""
    setup.put(IMAGE)

    base = setup.pinner().base(setup.wanted())

    assert base.digest == IMAGE.digest
    assert base.reference == f"{setup.reference()}@{IMAGE.digest}"
    assert (base.name, base.family, base.in_store) == ("team", "docker", False)
    assert base.facts.python == "3.13.5"
    assert base.layers == tuple(
        replace(layer.descriptor, media_type=layer.media_type) for layer in IMAGE.layers
    )
    assert base.config.diff_ids == tuple(layer.diff_id for layer in IMAGE.layers)
    assert setup.layers_read() == 2
    assert sum(setup.read) == sum(len(layer.blob) for layer in IMAGE.layers)


def test_layers_are_not_kept(setup: Setup) -> None:
    """Base layers are never needed on disk to build on them (decision 7)."""
    setup.put(IMAGE)

    setup.pinner().base(setup.wanted())

    assert not any(setup.store.has_blob(layer.descriptor.digest) for layer in IMAGE.layers)


def test_with_a_pin_nothing_is_asked(setup: Setup) -> None:
    """A later build reads one record of the store."""
    setup.put(IMAGE)
    first = setup.pinner().base(setup.wanted())

    again = offline(setup.store).base(replace(setup.wanted(), pinned=IMAGE.digest))

    assert again == first


def test_a_pin_holds_when_the_tag_moves(setup: Setup) -> None:
    """Only `imagekit lock --upgrade-base` moves it."""
    newer = FakeImage(layers=[debian_layer({"new": b""})])
    setup.put(IMAGE)
    setup.put(newer)

    pinned = setup.pinner().base(replace(setup.wanted(), pinned=IMAGE.digest))

    assert pinned.digest == IMAGE.digest
    assert setup.pinner().base(setup.wanted()).digest == newer.digest


def test_an_empty_store_with_pin_and_facts_reads_no_layer(setup: Setup, tmp_path: Path) -> None:
    """A fresh runner: the manifest and the config, two small GETs."""
    setup.put(IMAGE)
    facts = setup.pinner().base(setup.wanted()).facts
    setup.server.forget()

    fresh = Setup(setup.server, Store(tmp_path / "fresh"), setup.registry)
    base = fresh.pinner().base(replace(fresh.wanted(), pinned=IMAGE.digest, facts=facts))

    assert base.facts == facts
    assert [one.method for one in setup.server.seen] == ["GET", "GET"]


def test_an_unpinned_base_that_is_known_is_not_streamed_again(setup: Setup) -> None:
    """Its manifest names it, and the store knows the facts."""
    setup.put(IMAGE)
    setup.pinner().base(setup.wanted())
    setup.server.forget()

    setup.pinner().base(replace(setup.wanted(), name="other"))

    assert [one.method for one in setup.server.seen] == ["GET"]


def test_the_next_version_of_a_base_is_read_where_it_is_new(setup: Setup) -> None:
    """Layers that both have are not downloaded again, and the facts are the same as of all."""
    setup.put(IMAGE)
    setup.pinner().base(setup.wanted())
    more = Layer.of(entries({"opt/python/six-1.17.dist-info/METADATA": b""}))
    setup.put(FakeImage(layers=[*IMAGE.layers, more]), "next")
    setup.server.forget()
    found = setup.pinner().base(setup.wanted(setup.reference("next")))

    assert setup.layers_read() == 0
    assert len(setup.server.saw("GET", "/blobs/")) == 2, "the config and the new layer"
    assert found.facts.packages == (("six", "1.17"),)
    assert found.facts.python == "3.13.5"


def test_each_architecture_is_pinned_by_itself(setup: Setup) -> None:
    """An index is only looked into: what is pinned is one image (lambda_rules M2)."""
    arm = FakeImage(
        layers=[Layer.of(entries({**DEBIAN, "usr/lib/aarch64-linux-gnu/libc.so.6": GLIBC}))],
        architecture="arm64",
    )
    put_index(setup.server, "lambda/python", "3.13", IMAGE, arm)

    assert setup.pinner().base(setup.wanted()).digest == IMAGE.digest
    found = setup.pinner().base(setup.wanted(architecture="arm64"))
    assert (found.digest, found.config.architecture) == (arm.digest, "arm64")


def test_an_architecture_that_is_not_there(setup: Setup) -> None:
    """Neither in an index, nor as the only image."""
    put_index(setup.server, "lambda/python", "index", IMAGE)
    setup.put(IMAGE)

    with pytest.raises(RemoteRefused, match="linux/arm64"):
        setup.pinner().base(setup.wanted(setup.reference("index"), "arm64"))
    with refused(CannotBuild, "team is for linux on x86_64, not for arm64"):
        setup.pinner().base(setup.wanted(architecture="arm64"))


def test_windows_is_refused(setup: Setup) -> None:
    """Lambda runs Linux (lambda_rules M17)."""
    setup.put(FakeImage(os="windows"))

    with refused(CannotBuild, "team is for windows on x86_64"):
        setup.pinner().base(setup.wanted())


def test_a_layer_that_breaks_off_is_read_again(setup: Setup) -> None:
    """A connection that drops in the middle of a layer costs that layer, not the build."""
    setup.put(IMAGE)
    digest = IMAGE.layers[1].descriptor.digest
    setup.server.fault(Fault(method="GET", path=f"/blobs/{digest}", hang_up="halfway"))

    assert setup.pinner().base(setup.wanted()).facts.python == "3.13.5"
    assert setup.layers_read() == 3


def test_a_registry_that_lies_about_a_layer(setup: Setup) -> None:
    """Other bytes than the manifest names are an error, and nothing is kept."""
    setup.put(IMAGE)
    digest = IMAGE.layers[0].descriptor.digest
    other = Layer.of(entries(DEBIAN | {"evil": b"1"})).blob
    setup.server.fault(Fault(method="GET", path=f"/blobs/{digest}", body=other, times=9))

    with pytest.raises(RemoteMismatch):
        setup.pinner().base(setup.wanted())
    assert setup.store.record("base", IMAGE.digest.hex) is None


def test_a_base_that_is_gone(setup: Setup) -> None:
    """The hint is the command that moves the pin."""
    with pytest.raises(HttpError) as raised:
        setup.pinner().base(replace(setup.wanted(), pinned=IMAGE.digest))

    assert "imagekit lock --upgrade-base" in str(raised.value.hint)


def test_zstd_is_refused_before_a_layer_is_read(setup: Setup) -> None:
    """Nobody knows whether Lambda takes it (lambda_rules M8)."""
    zstd = Layer.of(entries(DEBIAN), media_type="application/vnd.oci.image.layer.v1.tar+zstd")
    setup.put(FakeImage(layers=[debian_layer({"a": b""}), zstd], family="oci"))

    with refused(CannotBuild, "tar+zstd"):
        setup.pinner().base(setup.wanted())
    assert sum(setup.read) == 0


def test_documents_that_disagree(setup: Setup) -> None:
    """As many layers as diff_ids (lambda_rules M20)."""
    setup.put(replace(IMAGE, diff_ids=[Digest.of(b"one")]))

    with refused(CannotBuild, "team is broken"):
        setup.pinner().base(setup.wanted())


def test_a_config_without_end(setup: Setup) -> None:
    """A manifest may not make us read for ever."""
    manifest = json.loads(IMAGE.manifest)
    manifest["config"]["size"] = 5 << 20
    data = json.dumps(manifest).encode()
    setup.server.hold_manifest("lambda/python", "3.13", MANIFEST["docker"], data)

    with refused(TooLarge, "the config of team"):
        setup.pinner().base(setup.wanted())


def definition(tmp_path: Path, text: str) -> Definition:
    folder = tmp_path / "base_images" / "team"
    folder.mkdir(parents=True)
    (folder / "base.toml").write_text(text)
    found = find("team", (tmp_path,))
    assert isinstance(found, Definition)
    return found


def test_a_definition_adds_environment_and_labels(setup: Setup, tmp_path: Path) -> None:
    """On top of what the image says; the digest stays that of the image."""
    setup.put(IMAGE)
    text = f'from = "{setup.reference()}"\nenv = {{ TEAM = "a" }}\nlabels = {{ k = "v" }}\n'

    base = setup.pinner().base(setup.wanted(definition(tmp_path, text)))

    assert base.digest == IMAGE.digest
    assert dict(base.config.env)["TEAM"] == "a"
    assert dict(base.config.env)["PATH"]
    assert base.config.labels == (("k", "v"),)


def test_a_definition_that_says_another_python(setup: Setup, tmp_path: Path) -> None:
    """Where both say it, they must agree."""
    setup.put(IMAGE)
    found = definition(tmp_path, f'from = "{setup.reference()}"\npython = "3.12"\n')

    with pytest.raises(ConfigError) as raised:
        setup.pinner().base(setup.wanted(found))
    assert raised.value.problems[0].what == "says 3.12, and the base has Python 3.13.5"


def test_a_definition_without_this_architecture(setup: Setup, tmp_path: Path) -> None:
    """Known before anything is asked."""
    text = f'from = "{setup.reference()}"\narchitectures = ["x86_64"]\n'
    wanted = setup.wanted(definition(tmp_path, text), "arm64")

    with pytest.raises(ConfigError):
        offline(setup.store).base(wanted)


def layout(folder: Path, image: FakeImage, without: Mapping[str, bytes] | None = None) -> Path:
    """The image as an OCI layout, as another tool would write it."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (image.manifest, image.config, *(layer.blob for layer in image.layers)):
        if data not in (without or {}).values():
            (blobs / Digest.of(data).hex).write_bytes(data)
    entry = {
        "mediaType": MANIFEST[image.family],
        "digest": str(image.digest),
        "size": len(image.manifest),
        "platform": {"architecture": image.architecture, "os": image.os},
    }
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def test_a_layout_on_disk_is_taken_into_the_store(tmp_path: Path) -> None:
    """No registry has its layers; with the pin, the folder itself may go."""
    store = Store(tmp_path / "store")
    folder = layout(tmp_path / "base.oci", IMAGE)
    wanted = Wanted(name="base.oci", source=folder, architecture="x86_64")

    base = offline(store).base(wanted)

    assert base.in_store
    assert base.reference == f"{folder}@{IMAGE.digest}"
    assert base.facts.python == "3.13.5"
    shutil.rmtree(folder)
    assert offline(store).base(replace(wanted, pinned=IMAGE.digest)) == base


def test_a_layout_that_changed_under_its_pin(tmp_path: Path) -> None:
    """A pin is a promise."""
    folder = layout(tmp_path / "base.oci", IMAGE)
    wanted = Wanted(name="base.oci", source=folder, architecture="x86_64", pinned=Digest.of(b"old"))

    with pytest.raises(DigestMismatch) as raised:
        offline(Store(tmp_path / "store")).base(wanted)
    assert raised.value.hint == "imagekit lock --upgrade-base"


def test_a_sparse_layout(tmp_path: Path) -> None:
    """A base needs all of its layers."""
    folder = layout(tmp_path / "base.oci", IMAGE, without={"top": IMAGE.layers[1].blob})

    with refused(CannotBuild, "has not all of its layers"):
        offline(Store(tmp_path / "store")).base(
            Wanted(name="base.oci", source=folder, architecture="x86_64")
        )


def test_a_layout_with_a_spoilt_layer(tmp_path: Path) -> None:
    """Bytes are held to their digest before they are built on."""
    folder = layout(tmp_path / "base.oci", IMAGE)
    blob = folder / "blobs" / "sha256" / IMAGE.layers[0].descriptor.digest.hex
    blob.write_bytes(bytes(len(IMAGE.layers[0].blob)))
    store = Store(tmp_path / "store")

    with pytest.raises(DigestMismatch):
        offline(store).base(Wanted(name="base.oci", source=folder, architecture="x86_64"))
    assert not store.has_blob(IMAGE.layers[0].descriptor.digest)


def test_the_same_image_from_a_registry_and_from_a_layout(setup: Setup, tmp_path: Path) -> None:
    """Known from a registry, its layers are not here; known from a layout, they are."""
    setup.put(IMAGE)
    pinned = replace(setup.wanted(), pinned=IMAGE.digest)
    setup.pinner().base(pinned)

    folder = layout(tmp_path / "base.oci", IMAGE)
    local = offline(setup.store).base(replace(pinned, source=folder))

    assert local.in_store
    assert setup.store.has_blob(IMAGE.layers[0].descriptor.digest)
    assert not offline(setup.store).base(pinned).in_store


def test_awss_base_from_a_real_registry(aws_base: str, tmp_path: Path) -> None:
    """An image with AWS's config: its client starts, its Python is the one on its PATH."""
    with client() as registry:
        pinner = Pinner(
            store=Store(tmp_path),
            environ={},
            registry=lambda: registry,
            sleep=lambda _: None,
        )
        base = pinner.base(
            Wanted(name=aws_base, source=Reference.parse(aws_base), architecture="x86_64")
        )

    assert base.facts.runtime_client
    assert base.facts.minor == "3.13"
    assert base.facts.interpreter == "/usr/bin/python3.13"
    assert base.facts.glibc == "2.41"
    assert "awslambdaric" in dict(base.facts.packages)
    assert base.facts.unzipped_bytes > 100_000_000


def test_each_architecture_may_have_its_own_tag(setup: Setup) -> None:
    """Where the tag itself is not there, one more GET; the lock keeps what was found."""
    setup.put(IMAGE, "day-x86_64")
    wanted = setup.wanted(setup.reference("day"))
    base = setup.pinner().base(wanted)

    assert base.reference == f"{setup.reference('day-x86_64')}@{IMAGE.digest}"
    asked = [one.path.rpartition("/")[2] for one in setup.server.saw("GET", "/manifests/")]
    assert asked == ["day", "day-x86_64"]


def test_a_tag_that_is_there_and_fits_is_taken(setup: Setup) -> None:
    """Nothing else is asked for."""
    setup.put(IMAGE, "day")
    setup.put(replace(IMAGE, settings={}), "day-x86_64")
    base = setup.pinner().base(setup.wanted(setup.reference("day")))

    assert base.reference == f"{setup.reference('day')}@{IMAGE.digest}"
    assert len(setup.server.saw("GET", "/manifests/")) == 1


@pytest.mark.parametrize("index", [True, False])
def test_a_tag_that_is_for_others_gives_way(setup: Setup, index: bool) -> None:
    """An index without the architecture, or an image for another one."""
    other = replace(IMAGE, architecture="arm64")
    if index:
        put_index(setup.server, "lambda/python", "day", other)
    else:
        setup.put(other, "day")
    setup.put(IMAGE, "day-x86_64")
    base = setup.pinner().base(setup.wanted(setup.reference("day")))

    assert base.digest == IMAGE.digest


@pytest.mark.parametrize("tag", ["day", "day-x86_64"])
def test_neither_tag_is_there(setup: Setup, tag: str) -> None:
    """The registry's own answer to what was named, and what else was looked for."""
    setup.put(IMAGE, "other")
    with pytest.raises(HttpError) as raised:
        setup.pinner().base(setup.wanted(setup.reference(tag)))

    assert raised.value.status == 404
    assert raised.value.url.endswith(f"/manifests/{tag}")
    both = f"there is no {setup.reference('day-x86_64')} either: name a tag that is there"
    assert raised.value.hint == (both if tag == "day" else None)


def test_another_refusal_is_told_at_once(setup: Setup) -> None:
    """Who may not read the tag is not asked to guess another."""
    setup.put(IMAGE, "day-x86_64")
    setup.server.fault(Fault(method="GET", path="/manifests/day", times=9, status=403))
    with pytest.raises(HttpError) as raised:
        setup.pinner().base(setup.wanted(setup.reference("day")))

    assert raised.value.status == 403
    assert setup.server.saw("GET", "/manifests/day-x86_64") == []
