"""Manifest and config: what is read, what is kept, and that one value has one form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import (
    CONFIG,
    INDEXES,
    LAYER,
    MANIFEST,
    Descriptor,
    Family,
    History,
    ImageConfig,
    Manifest,
)
from imagekit.oci.documents import dump_config, dump_manifest, parse_config, parse_manifest

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = TEXT.filter(lambda text: text and "=" not in text)
PAIRS = st.dictionaries(NAME, TEXT, max_size=3).map(lambda found: tuple(sorted(found.items())))
DIGESTS = st.binary(max_size=4).map(Digest.of)
WORDS = st.lists(TEXT, max_size=3).map(tuple)
HISTORY = st.builds(
    History,
    created_by=TEXT,
    comment=TEXT,
    created=st.none() | NAME,
    author=st.none() | NAME,
    empty_layer=st.booleans(),
)
CONFIGS = st.builds(
    ImageConfig,
    architecture=st.sampled_from(["amd64", "arm64"]),
    variant=st.sampled_from(["", "v8"]),
    env=PAIRS,
    entrypoint=WORDS,
    command=WORDS,
    working_dir=TEXT,
    labels=PAIRS,
    user=TEXT,
    created=st.none() | NAME,
    diff_ids=st.lists(DIGESTS, max_size=3).map(tuple),
    history=st.lists(HISTORY, max_size=3).map(tuple),
)

# Shaped like what `docker inspect` and registries show of AWS's own Python base.
DOCKER_CONFIG: dict[str, object] = {
    "architecture": "amd64",
    "config": {
        "Hostname": "",
        "Env": ["PATH=/var/lang/bin:/usr/bin", "LAMBDA_TASK_ROOT=/var/task", "EMPTY="],
        "Cmd": None,
        "Entrypoint": ["/lambda-entrypoint.sh"],
        "WorkingDir": "/var/task",
        "Volumes": {"/data": {}},
        "Healthcheck": {"Test": ["CMD", "true"]},
        "OnBuild": ["RUN true"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"b": "2", "a": "1"},
    },
    "container_config": {"Cmd": ["old"]},
    "docker_version": "20.10.24",
    "history": None,
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(b"layer"))]},
}


@given(CONFIGS)
def test_config_round_trip(config: ImageConfig) -> None:
    """What imagekit writes it reads back, and writes the same again."""
    data = dump_config(config)

    assert parse_config(data) == config
    assert dump_config(parse_config(data)) == data


@pytest.mark.parametrize("family", MANIFEST)
@given(st.data())
def test_manifest_round_trip(family: Family, data: st.DataObject) -> None:
    """Both families survive, and both always say their own media type (lambda_rules E10)."""
    size = st.integers(0, 1 << 40)
    layers = data.draw(
        st.lists(
            st.builds(
                Descriptor, media_type=st.just(LAYER[family]), digest=DIGESTS, size_bytes=size
            )
        )
    )
    manifest = Manifest(
        family=family,
        config=Descriptor(media_type=CONFIG[family], digest=data.draw(DIGESTS), size_bytes=9),
        layers=tuple(layers),
        annotations=data.draw(PAIRS),
    )
    written = dump_manifest(manifest)

    assert json.loads(written)["mediaType"] == MANIFEST[family]
    assert parse_manifest(written) == manifest


def test_keeps_what_lambda_honours() -> None:
    """lambda_rules M14: settings that Lambda reads survive a base's config, the others do not."""
    config = parse_config(json.dumps(DOCKER_CONFIG).encode())

    assert config == ImageConfig(
        architecture="amd64",
        env=(
            ("PATH", "/var/lang/bin:/usr/bin"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("EMPTY", ""),
        ),
        entrypoint=("/lambda-entrypoint.sh",),
        working_dir="/var/task",
        labels=(("a", "1"), ("b", "2")),
        diff_ids=(Digest.of(b"layer"),),
    )
    assert set(json.loads(dump_config(config))["config"]) == {
        "Entrypoint",
        "Env",
        "Labels",
        "WorkingDir",
    }


def test_canonical_form() -> None:
    """Sorted keys, no spaces, text as UTF-8: one value has one digest."""
    config = ImageConfig(architecture="arm64", env=(("Z", "ü"), ("A", "1")))

    assert dump_config(config).decode() == (
        '{"architecture":"arm64","config":{"Env":["Z=ü","A=1"]},"os":"linux",'
        '"rootfs":{"diff_ids":[],"type":"layers"}}'
    )


def test_oci_manifest_may_not_say_what_it_is() -> None:
    """The media type is optional in OCI: the registry's word counts, else OCI is meant."""
    config = {"mediaType": CONFIG["docker"], "digest": str(Digest.of(b"")), "size": 0}
    data = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()

    assert parse_manifest(data).family == "oci"
    assert parse_manifest(data, MANIFEST["docker"]).family == "docker"


@pytest.mark.parametrize("media_type", INDEXES)
def test_index_is_no_image(media_type: str) -> None:
    """lambda_rules M2: an index is refused, with what to do."""
    said = json.dumps({"mediaType": media_type, "manifests": []}).encode()
    unsaid = json.dumps({"schemaVersion": 2, "manifests": []}).encode()

    for data, known in ((said, None), (unsaid, media_type), (unsaid, None)):
        with pytest.raises(CannotBuild, match="an index of images") as caught:
            parse_manifest(data, known)
        assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"config": []}',
        b'{"config": {"Env": [1]}}',
        b'{"config": {"Cmd": "sh -c"}}',
        b'{"config": {"Labels": {"a": 1}}}',
        b'{"architecture": 1}',
        b'{"architecture": "\\ud800"}',
        b'{"rootfs": {"diff_ids": ["sha512:00"]}}',
        b'{"history": [null]}',
    ],
)
def test_broken_config(data: bytes) -> None:
    """A config that is none is an error that says whose, whatever is wrong with it."""
    with pytest.raises(CannotBuild, match="the config of base x cannot be read"):
        parse_config(data, name="base x")


@pytest.mark.parametrize(
    "document",
    [
        {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
        {"config": {}},
        {"config": {"digest": "sha256:00", "size": 1, "mediaType": "x"}},
        {"config": {"digest": str(Digest.of(b"")), "size": "1", "mediaType": "x"}},
        {"config": {"digest": str(Digest.of(b"")), "size": 1}, "layers": {}},
        {"config": {"digest": str(Digest.of(b"")), "size": 1}, "layers": ["x"]},
    ],
)
def test_broken_manifest(document: dict[str, object]) -> None:
    """So is a manifest that is none."""
    with pytest.raises(CannotBuild, match="the manifest of the image cannot be read"):
        parse_manifest(json.dumps(document).encode())
