"""What a manifest and a config say, in the ways in which others write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

import pytest
from msgspec.structs import replace

from imagekit.check.documents import parse_config, parse_manifest
from imagekit.check.findings import report_json
from imagekit.check.image import check_image
from imagekit.check.opened import OpenImage
from imagekit.model.digest import Digest
from imagekit.model.errors import ChecksFailed
from imagekit.model.image import INDEXES, LAYER
from imagekit.pipeline.checking import require
from imagekit.report.check import check_lines
from tests.check.broken import AWS, SOUND
from tests.check.make import CODE, PYTHON, MadeLayer


def found(image: OpenImage) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in check_image(image).findings]


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_object_is_said_so(data: bytes) -> None:
    """Whatever was served; nothing else is judged."""
    report = check_image(replace(SOUND.open(), manifest_bytes=data))

    assert [finding.rule for finding in report.findings] == ["M1"]
    assert "P2" not in report.rules_run


@pytest.mark.parametrize("data", [b"", b"7", b'{"config": 1, "rootfs": []}'])
def test_a_config_of_any_shape_is_judged(data: bytes) -> None:
    """What is odd is said and never raises."""
    image = SOUND.open()
    manifest = json.loads(image.manifest_bytes or b"")
    manifest["config"]["digest"] = str(Digest.of(data))
    image = replace(image, config_bytes=data, manifest_bytes=json.dumps(manifest).encode())

    assert check_image(image).errors


@pytest.mark.parametrize(
    "value",
    ['{"layers": [1, null], "config": []}', '{"layers": {}, "manifests": 3}', '{"mediaType": 1}'],
)
def test_documents_of_any_shape_are_read(value: str) -> None:
    """A field of the wrong type is as good as absent."""
    manifest, config = parse_manifest(value.encode()), parse_config(value.encode())

    assert manifest is not None
    assert config is not None
    assert manifest.config.digest == ""
    assert config.argv == ()


@pytest.mark.parametrize("media_type", INDEXES)
def test_an_index_of_one_image_is_an_index(media_type: str) -> None:
    """BuildKit writes one for its attestations: Lambda takes neither, and the report says why."""
    entries = [
        {"digest": str(Digest.of(b"")), "platform": {"architecture": "amd64", "os": "linux"}},
        {"digest": str(Digest.of(b"1")), "platform": {"architecture": "unknown", "os": "unknown"}},
    ]
    image = replace(SOUND, media_type=media_type, manifest={"manifests": entries}).open()
    report = check_image(replace(image, config_bytes=b"", layers=()))

    assert [finding.rule for finding in report.findings] == ["M2"]
    assert "attestations" in report.findings[0].what


def test_a_manifest_must_be_what_it_is_served_as() -> None:
    """ECR translates by tag (E18): bytes of one family under the name of the other are wrong."""
    docker = replace(SOUND, family="docker").open()

    assert ("M1", "error") in found(replace(docker, media_type=SOUND.open().media_type))


@pytest.mark.parametrize("characters", [25_000, 4_194_000])
def test_the_limits_of_a_manifest_are_exact(characters: int) -> None:
    """Slower from 25,400 bytes on, refused beyond 4,194,304 characters."""
    bare = len(replace(SOUND, manifest={"annotations": {"note": ""}}).open().manifest_bytes or b"")
    limit = 25_399 if characters < 30_000 else 4_194_304

    def rules(length: int) -> list[str]:
        note = {"annotations": {"note": "x" * (length - bare)}}
        return [rule for rule, _ in found(replace(SOUND, manifest=note).open())]

    assert rules(limit) == ([] if limit < 30_000 else ["M11"])
    assert rules(limit + 1) == (["M11"] if limit < 30_000 else ["M12"])


def test_127_layers_are_the_most() -> None:
    """ECR's old quota; a manifest of so many is slow as well, unless its words are few."""
    layer = MadeLayer.of()
    image = replace(SOUND, layers=(*SOUND.layers, *[layer] * 125))

    assert found(image.open()) == []
    assert found(image.with_layer(layer).open()) == [("T7", "warning")]


def test_a_manifest_needs_layers() -> None:
    """ECR refuses one without (containers-roadmap#876)."""
    image = replace(SOUND, layers=(), config={"Entrypoint": ["/x"]})

    assert ("T8", "error") in found(image.open())


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ],
)
def test_foreign_layers_are_of_both_families(media_type: str) -> None:
    """Their bytes may not be in the registry at all."""
    top = replace(SOUND.layers[1], media_type=media_type)

    assert ("M9", "error") in found(replace(SOUND, layers=(SOUND.layers[0], top)).open())


def test_zstd_is_known_by_its_media_type() -> None:
    """Also where the layer's bytes are not here."""
    base = replace(SOUND.layers[0], media_type=f"{LAYER['oci'][:-4]}zstd", here=False)
    image = replace(SOUND, layers=(base, SOUND.layers[1])).open()

    assert found(image) == [("M8", "error")]


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"User": ""}, []),
        ({"User": "root"}, ["M14"]),
        ({"Volumes": {"/data": {}}, "StopSignal": "SIGINT"}, ["M14"]),
        ({"ExposedPorts": {"8080/tcp": {}}, "Labels": {"a": "b"}}, []),
        ({"Entrypoint": None, "Cmd": None}, ["M15"]),
        ({"Entrypoint": ["python3.13", "-m", "awslambdaric"]}, ["M15"]),
        ({"WorkingDir": "var/task", "Env": ["PYTHONPATH=/var/task"]}, ["M16"]),
        ({"Entrypoint": None, "Cmd": [f"/{PYTHON}", "-m", "awslambdaric", "app.handler"]}, []),
        ({"Cmd": ["handler"]}, ["M22"]),
        ({"Cmd": ["sys.exit"]}, ["M22"]),
        ({"Cmd": ["a..b"]}, ["M22"]),
    ],
)
def test_settings(changes: dict[str, object], rules: list[str]) -> None:
    """What Lambda does with each of them."""
    assert [rule for rule, _ in found(SOUND.with_config(**changes).open())] == rules


@pytest.mark.parametrize("command", [[], ["a.handler", "b"]])
def test_aws_base_takes_one_argument(command: list[str]) -> None:
    """`if [ $# -ne 1 ]` in /lambda-entrypoint.sh; the base itself has none."""
    assert found(AWS.with_config(Cmd=command).open()) == [("M21", "error")]


def test_the_argument_may_stand_in_the_entry_point() -> None:
    """ENTRYPOINT and CMD are one list when the image starts."""
    image = AWS.with_config(Entrypoint=["/lambda-entrypoint.sh", "app.handler"], Cmd=None)

    assert found(image.open()) == []


def test_pythonpath_may_be_appended_to() -> None:
    """What AWS's base has stays in it (R7)."""
    env = [*AWS.config["Env"], "PYTHONPATH=/opt/mine:/var/runtime"]

    assert found(AWS.with_config(Env=env).open()) == []


@pytest.mark.parametrize("architecture", ["", "386", "x86_64"])
def test_lambda_has_two_architectures(architecture: str) -> None:
    """Spelt as Go does."""
    image = replace(SOUND, settings={"architecture": architecture}).open()

    assert found(image) == [("M18", "error")]


def test_the_functions_architecture_is_compared() -> None:
    """Deploying would be green, and every invocation fail."""
    for wanted, rules in (("x86_64", []), ("arm64", [("M18", "error")])):
        assert found(replace(SOUND, opened={"architecture": wanted}).open()) == rules


@pytest.mark.parametrize("diff_ids", [[], None, ["sha256:" + "0" * 64]])
def test_there_is_one_diff_id_for_each_layer(diff_ids: list[str] | None) -> None:
    """As many, in the same order."""
    image = replace(SOUND, settings={"rootfs": {"type": "layers", "diff_ids": diff_ids}}).open()

    assert ("M20", "error") in found(image)


def test_the_manifest_names_the_config() -> None:
    """By its digest."""
    image = SOUND.open()

    assert found(replace(image, config_bytes=image.config_bytes + b" ")) == [("M20", "error")]


def test_an_archive_has_no_manifest() -> None:
    """What `docker save` writes is pushed by Docker, which compresses: only the rest is judged."""
    plain = tuple(replace(layer, blob=layer.tar) for layer in SOUND.layers)
    image = replace(SOUND, layers=plain).open()
    layers = tuple(replace(layer, descriptor=None) for layer in image.layers)
    report = check_image(replace(image, manifest_bytes=None, layers=layers))

    assert report.findings == ()
    assert "M6" not in report.rules_run
    assert "T1" in report.rules_run


@pytest.mark.parametrize(
    ("rule", "changes"),
    [("E10", {"mediaType": None}), ("M11", {"annotations": {"note": "x" * 30_000}})],
)
def test_what_is_ours_is_judged_harder(rule: str, changes: dict[str, object]) -> None:
    """Every doubtful thing is an error on what imagekit made; advice stays advice (decision 6)."""
    ours = replace(SOUND, layers=(SOUND.layers[0], MadeLayer.of(*CODE, ours=True)))

    assert found(replace(SOUND, manifest=changes).open()) == [(rule, "warning")]
    severity = "error" if rule == "E10" else "warning"
    assert found(replace(ours, manifest=changes).open()) == [(rule, severity)]


def test_the_report_is_json() -> None:
    """Scripts read it: names of keys are a contract."""
    image: Callable[[], OpenImage] = SOUND.with_config(User="app", Cmd=[]).open
    value = report_json(check_image(image()))

    assert json.loads(json.dumps(value)) == value
    assert value["ok"] is False
    assert value["unseen"] == []
    assert value["findings"] == [
        {
            "id": "M23",
            "severity": "error",
            "place": "the config",
            "what": "awslambdaric gets no handler",
            "lambda": "ValueError: Handler not set",
        },
        {
            "id": "M14",
            "severity": "warning",
            "place": "the config",
            "what": "Lambda ignores USER app",
            "lambda": None,
        },
    ]


def test_settings_that_are_too_long_say_the_limit_and_what_to_do() -> None:
    """Variables are named with their sizes and never shown: a value may be a secret."""
    env = ["PATH=/usr/bin", "MODEL=" + "x" * 16_384, "NAME=é"]
    image: OpenImage = SOUND.with_config(Env=env).open()
    (finding,) = check_image(image).findings

    assert finding.rule == "M13"
    assert "Lambda takes 16,384 (largest: MODEL 16,384, PATH 8, NAME 2)" in finding.what
    assert "xxx" not in finding.what
    assert finding.hint is not None
    assert "`include`" in finding.hint
    (told,) = cast("list[dict[str, object]]", report_json(check_image(image))["findings"])
    assert told["hint"] == finding.hint
    assert f"    hint: {finding.hint}" in check_lines(check_image(image))


def test_a_build_that_breaks_the_limit_has_the_hint() -> None:
    """As every error has."""
    image: OpenImage = SOUND.with_config(Env=["MODEL=" + "x" * 16_384]).open()
    with pytest.raises(ChecksFailed) as refused:
        require(check_image(image))

    assert "`include`" in str(refused.value.hint)
