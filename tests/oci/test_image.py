"""How an image is put together: the base kept, ours on top, and found again by its history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.model.base import Base, BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import (
    CONFIG,
    LAYER,
    MANIFEST,
    Descriptor,
    Family,
    History,
    ImageConfig,
    LayerRecord,
)
from imagekit.model.reference import Reference
from imagekit.oci.documents import dump_config, parse_config, parse_manifest
from imagekit.oci.history import (
    carried_by,
    carried_entry,
    comment,
    parse_comment,
    reusable_layers,
)
from imagekit.oci.image import (
    ConfigChange,
    Image,
    NewLayer,
    OthersLayer,
    assemble,
    unusable_layers,
)

FACTS = BaseFacts(
    python="3.13.5",
    glibc="2.41",
    interpreter="/usr/bin/python3.13",
    runtime_client=False,
    unzipped_bytes=10,
)
LOWER = Descriptor(media_type=LAYER["docker"], digest=Digest.of(b"lower"), size_bytes=5)
REFERENCE = f"registry.example:5000/base:13@{Digest.of(b'base')}"


def a_base(family: Family = "docker", reference: str = REFERENCE, **changes: object) -> Base:
    config = ImageConfig(
        architecture="arm64",
        variant="v8",
        env=(("PATH", "/usr/bin"), ("LANG", "C.UTF-8")),
        entrypoint=("/entry.sh",),
        command=("old",),
        working_dir="/srv",
        labels=(("base", "1"),),
        created="2020-01-01T00:00:00Z",
        diff_ids=(Digest.of(b"lower tar"),),
        history=(History(created_by="ADD"), History(created_by="ENV", empty_layer=True)),
    )
    return Base(
        name="python3.13",
        reference=reference,
        digest=Digest.of(b"base"),
        family=family,
        config=replace(config, **changes),
        layers=(replace(LOWER, media_type=LAYER[family]),),
        facts=FACTS,
    )


def a_record(name: str) -> LayerRecord:
    return LayerRecord(
        fingerprint=Digest.of(f"recipe {name}".encode()),
        diff_id=Digest.of(f"tar {name}".encode()),
        digest=Digest.of(f"blob {name}".encode()),
        size_bytes=100,
        unzipped_bytes=300,
        tar_bytes=2048,
        files=2,
        glibc="2.28",
        checks=1,
    )


def a_layer(name: str) -> NewLayer:
    return NewLayer(record=a_record(name), created_by=name, path=Path(name))


def built(base: Base | None = None, **change: object) -> Image:
    asked = ConfigChange(**change)  # type: ignore[arg-type] # the tests know the fields
    return assemble(base or a_base(), [a_layer("pandas"), a_layer("source")], asked)


@pytest.mark.parametrize("family", MANIFEST)
def test_family_follows_the_base(family: Family) -> None:
    """lambda_rules M10: manifest, config and every layer are of the base's family."""
    image = built(a_base(family))
    manifest = parse_manifest(image.manifest)

    assert image.media_type == MANIFEST[family]
    assert manifest.config.media_type == CONFIG[family]
    assert {layer.media_type for layer in manifest.layers} == {LAYER[family]}


def test_a_mixed_base_is_settled() -> None:
    """A Docker manifest that names OCI layers is made of one family; the bytes are the same."""
    base = replace(a_base("docker"), layers=(replace(LOWER, media_type=LAYER["oci"]),))

    assert parse_manifest(built(base).manifest).layers[0] == LOWER


def test_documents_name_each_other() -> None:
    """Digests and sizes are those of the very bytes; layers and diff_ids are in one order (M20)."""
    image = built()
    manifest, config = parse_manifest(image.manifest), parse_config(image.config)

    assert image.digest == Digest.of(image.manifest)
    assert manifest.config.digest == image.config_digest == Digest.of(image.config)
    assert manifest.config.size_bytes == len(image.config)
    assert manifest.layers == tuple(layer.descriptor for layer in image.layers)
    assert config.diff_ids == tuple(layer.diff_id for layer in image.layers)
    assert [entry.created_by for entry in config.history] == ["ADD", "ENV", "pandas", "source"]


def test_base_layers_stay_where_they_are() -> None:
    """The base's layers are named by their registry, to be mounted; ours by their files."""
    lower, pandas, source = built().layers

    assert (lower.origin, lower.path) == (Reference.parse(REFERENCE), None)
    assert [layer.by_others for layer in (lower, pandas, source)] == [True, False, False]
    assert (pandas.origin, pandas.path) == (None, Path("pandas"))


@pytest.mark.parametrize(
    "base",
    [replace(a_base(), in_store=True), a_base(reference=f"/srv/base.oci@{Digest.of(b'base')}")],
)
def test_base_without_a_registry(base: Base) -> None:
    """A base that was composed here, or lies in a folder, is in no registry."""
    assert built(base).layers[0].origin is None


def test_base_settings_are_kept() -> None:
    """What is not asked for stays the base's; `created` alone is never inherited."""
    config = parse_config(built().config)

    assert config.env == (("PATH", "/usr/bin"), ("LANG", "C.UTF-8"))
    assert (config.entrypoint, config.command) == (("/entry.sh",), ("old",))
    assert (config.working_dir, config.architecture, config.variant) == ("/srv", "arm64", "v8")
    assert config.labels == (("base", "1"),)
    assert config.created is None


def test_settings_change() -> None:
    """What is asked for wins: variables keep their place, new ones come last."""
    config = parse_config(
        built(
            env=(("LANG", "de"), ("NEW", "1")),
            command=("app.handler",),
            entrypoint=(),
            working_dir="/var/task",
            labels=(("also", "2"),),
            created="2026-01-01T00:00:00Z",
        ).config
    )

    assert config.env == (("PATH", "/usr/bin"), ("LANG", "de"), ("NEW", "1"))
    assert (config.entrypoint, config.command) == ((), ("app.handler",))
    assert config.working_dir == "/var/task"
    assert config.labels == (("also", "2"), ("base", "1"))
    assert config.created == "2026-01-01T00:00:00Z"


def test_created_changes_no_layer() -> None:
    """SOURCE_DATE_EPOCH moves the image's time, never a layer."""
    assert built().layers == built(created="2026-01-01T00:00:00Z").layers


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_layers_of_others_between_base_and_ours(family: Family) -> None:
    """By descriptor, in the base's family (M10), where they lie; their history says whose."""
    extension = OthersLayer(
        digest=Digest.of(b"agent"),
        size_bytes=7,
        diff_id=Digest.of(b"agent tar"),
        created_by="imagekit extension agent:83",
        origin=Reference.parse("registry.example/agent:83"),
    )
    image = assemble(a_base(family), [extension, a_layer("source")], ConfigChange())
    manifest, config = parse_manifest(image.manifest), parse_config(image.config)
    _, added, ours = image.layers

    assert manifest.layers[1] == Descriptor(
        media_type=LAYER[family], digest=Digest.of(b"agent"), size_bytes=7
    )
    assert config.diff_ids[1] == Digest.of(b"agent tar")
    assert config.history[2] == History(created_by="imagekit extension agent:83")
    assert (added.origin, added.path, added.by_others) == (extension.origin, None, True)
    assert not ours.by_others
    assert list(reusable_layers(manifest, config)) == [a_record("source").fingerprint]


def test_image_from_nothing() -> None:
    """Without a base the image is OCI's and says its architecture."""
    image = assemble(None, [a_layer("source")], ConfigChange(architecture="amd64"))

    assert image.media_type == MANIFEST["oci"]
    assert parse_config(image.config).architecture == "amd64"
    with pytest.raises(ValueError, match="architecture"):
        assemble(None, [], ConfigChange())


def test_broken_base_is_refused() -> None:
    """A base with another number of layers than diff_ids makes no image (M20)."""
    with pytest.raises(CannotBuild, match=r"python3\.13 is broken"):
        built(a_base(diff_ids=()))


def test_paths_are_found_later() -> None:
    """A complete layout takes the base's blobs from wherever they were put."""
    image = built().with_paths(lambda blob: Path("base") if blob == LOWER else Path("never"))

    assert [str(layer.path) for layer in image.layers] == ["base", "pandas", "source"]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_layers_that_lambda_does_not_take(media_type: str) -> None:
    """M6 to M9: what is not gzip'd is pointed out, and not called something else."""
    odd = replace(LOWER, media_type=media_type)
    manifest = parse_manifest(built(replace(a_base(), layers=(odd,))).manifest)

    assert unusable_layers(manifest) == (odd,)
    assert unusable_layers(parse_manifest(built().manifest)) == ()


def test_history_tells_of_every_layer() -> None:
    """Decision 4: from two small documents a runner with an empty disk knows every layer again."""
    image = built()
    found = reusable_layers(parse_manifest(image.manifest), parse_config(image.config))

    assert found == {record.fingerprint: record for record in map(a_record, ("pandas", "source"))}


@pytest.mark.parametrize("history", [(), (History(created_by="squashed"),) * 3])
def test_base_with_another_history(history: tuple[History, ...]) -> None:
    """A base without history, or with more entries than layers, gets one for each layer (M19)."""
    image = built(a_base(history=history))
    config = parse_config(image.config)

    assert [entry.created_by for entry in config.history] == ["base layer", "pandas", "source"]
    assert len(reusable_layers(parse_manifest(image.manifest), config)) == 2


def test_shifted_history_is_not_believed() -> None:
    """After squashing or `docker commit` a comment stands beside another layer: no reuse."""
    image = built()
    manifest, config = parse_manifest(image.manifest), parse_config(image.config)
    shifted = replace(config, diff_ids=(*config.diff_ids[1:], config.diff_ids[0]))
    shorter = replace(config, history=config.history[:-1])
    squashed = replace(manifest, layers=manifest.layers[:2])

    assert reusable_layers(manifest, shifted) == {}
    assert reusable_layers(manifest, shorter) == {}
    assert reusable_layers(squashed, config) == {}


def test_layer_compressed_anew_is_not_reused() -> None:
    """A copy may have other blobs of the same content: with them the digest would be another."""
    image = built()
    manifest, config = parse_manifest(image.manifest), parse_config(image.config)
    other = replace(manifest.layers[1], digest=Digest.of(b"other gzip"))
    zstd = replace(manifest.layers[2], media_type="application/vnd.oci.image.layer.v1.tar+zstd")
    copied = replace(manifest, layers=(manifest.layers[0], other, zstd))

    assert reusable_layers(copied, config) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "buildkit.dockerfile.v0",
        "[]",
        "{}",
        '{"imagekit":2}',
        '{"imagekit":1}',
        json.dumps({**json.loads(comment(a_record("a"))), "imagekit": 2}),
        json.dumps({**json.loads(comment(a_record("a"))), "files": "many"}),
        "\ud800",
    ],
)
def test_comments_of_others(text: str) -> None:
    """A comment that is not ours, or not of this version, is no comment."""
    record = a_record("a")
    blob = Descriptor(media_type=LAYER["oci"], digest=record.digest, size_bytes=100)

    assert parse_comment(comment(record), blob) == record
    assert parse_comment(text, blob) is None


def test_what_is_carried_is_read_back() -> None:
    """It stands in an entry of no layer, so that layers and diff_ids stay in step."""
    told = ({"of": "1f", "weights": [["alpha", "1.0", 12, 3]], "tops": ["alpha"]},)
    config = replace(
        parse_config(built().config), history=(History(created_by="x"), carried_entry(told))
    )

    assert carried_by(parse_config(dump_config(config))) == told
    assert carried_by(parse_config(built().config)) == ()


@pytest.mark.parametrize("text", ["", "[]", '{"imagekit":2,"wheels":[{}]}', '{"imagekit":1}', "{"])
def test_words_of_others_are_not_taken_for_it(text: str) -> None:
    """Another version, another tool, no JSON: nothing is carried."""
    strange = History(created_by="x", comment=text, empty_layer=True)

    assert carried_by(replace(parse_config(built().config), history=(strange,))) == ()
