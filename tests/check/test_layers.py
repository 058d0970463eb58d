"""The form of layers: bytes that are not what was promised, headers that Lambda trips over."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.check.findings import Finding
from imagekit.check.image import check_image, check_own, check_tar
from imagekit.check.machine import Expected
from imagekit.check.own import RULES_VERSION
from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.oci.tar import tar_bytes
from tests.check.broken import SOUND
from tests.check.make import CODE, MadeLayer, Member, folder, link, tar, with_folders
from tests.contents.test_elf import AARCH64, elf


def found(*layers: MadeLayer) -> list[Finding]:
    image = replace(SOUND, layers=(*SOUND.layers, *layers))
    return list(check_image(image.open()).findings)


def rules(*members: Member, ours: bool = False) -> list[tuple[str, str]]:
    layer = MadeLayer.raw(tar(members), ours=ours)
    return [(finding.rule, finding.severity) for finding in found(layer)]


DOUBTFUL: dict[str, list[Member]] = {
    "T3": [
        folder("opt"),
        Member(name="opt/a"),
        Member(name="opt/b", kind=tarfile.LNKTYPE, link="opt/a"),
    ],
    "T9": [folder("opt"), Member(name="opt/a"), Member(name="opt/a", data=b"2")],
    "T10": [folder("opt"), Member(name="opt/null", kind=tarfile.CHRTYPE)],
    "T11": [folder("opt"), Member(name="opt/a", pax={"SCHILY.xattr.user.note": "x"})],
    "T12": [folder("opt"), Member(name="opt/a", pax={"atime": "1.25"})],
    "T14": [folder("opt"), link("opt/.wh.a", "b")],
    "T15": [folder("/opt"), Member(name="/opt/a")],
    "P2": [folder("opt", mode=0o700)],
}


@pytest.mark.parametrize("rule", DOUBTFUL)
def test_doubtful_forms_are_errors_on_our_layers_alone(rule: str) -> None:
    """Images with them are known to run; imagekit never writes one (decision 6)."""
    members = DOUBTFUL[rule]
    if rule == "P2":
        members = [folder("srv"), folder("srv/closed", mode=0o700)]

    assert rules(*members) == [(rule, "warning")]
    assert rules(*members, ours=True) == [(rule, "error")]


@pytest.mark.parametrize(
    ("rule", "members"),
    [
        ("T1", [Member(name="srv/a")]),
        ("T1", [folder("srv"), folder("srv/a/b")]),
        ("T1", [folder("srv"), link("srv/a/b", "c")]),
        ("T1", [Member(name="srv/.wh.a")]),
        ("T2", [folder("srv/a"), folder("srv")]),
    ],
)
def test_folders_come_first_in_the_same_layer(rule: str, members: list[Member]) -> None:
    """Whatever lower layers have, and for links and whiteouts too."""
    assert rules(*members) == [(rule, "error")]


def test_one_finding_stands_for_many() -> None:
    """A Debian layer has hundreds of a kind: the first are named, the rest counted."""
    names = [f"opt/{letter}" for letter in "abcdefg"]
    pipes = [Member(name=name, kind=tarfile.FIFOTYPE) for name in names]
    (finding,) = found(MadeLayer.raw(tar([folder("opt"), *pipes])))

    assert finding.place.endswith(": opt/a")
    assert finding.what.endswith("likewise opt/b, opt/c, opt/d and 3 more")


def test_a_name_that_climbs_out_is_an_error() -> None:
    """No unpacker may follow it, whoever made the layer."""
    assert ("T15", "error") in rules(folder("opt"), Member(name="opt/../../etc/a"))


def test_the_root_itself_may_be_there() -> None:
    """`./` is a spelling of its own, as in every layer that mmdebstrap or umoci writes."""
    assert rules(folder("./"), folder("./opt")) == [("T15", "warning")]


@pytest.mark.parametrize(
    "member",
    [
        Member(name="opt/.wh..wh..opq"),
        Member(name="opt/.wh.README"),
        folder("opt/.wh..wh.plnk"),
        Member(name="opt/Transparent Busy.ani"),
        Member(name="opt/" + "x" * 120 + "/" + "y" * 120),
        Member(name="opt/größe.txt"),
    ],
    ids=lambda member: member.name[:20],
)
def test_what_layers_may_hold(member: Member) -> None:
    """Whiteouts, spaces, long names and names that are not ASCII (T12, T13, T14)."""
    assert found(MadeLayer.of(member)) == []


@pytest.mark.parametrize("cut", [10, 100, 300])
def test_a_truncated_layer_is_no_layer(cut: int) -> None:
    """In the middle of gzip's stream, wherever that is."""
    layer = MadeLayer.of(*CODE, Member(name="opt/a", data=bytes(range(256)) * 8))
    (finding,) = found(replace(layer, blob=layer.blob[:cut]))

    assert finding.rule == "M20"
    assert "ends early" in finding.what


def test_a_corrupt_layer_is_no_layer() -> None:
    """gzip's own checksum says so."""
    layer = MadeLayer.of(*CODE)
    (finding,) = found(replace(layer, blob=layer.blob[:-8] + bytes(8)))

    assert (finding.rule, "corrupt" in finding.what) == ("M20", True)


@pytest.mark.parametrize(
    "data",
    [b"no tar at all".ljust(1024), tar(with_folders(*CODE))[:1600], b"\1" * 512],
    ids=["text", "cut", "ones"],
)
def test_what_is_no_tar_is_no_layer(data: bytes) -> None:
    """Inside a gzip that is whole."""
    assert [finding.rule for finding in found(MadeLayer.raw(data))] == ["M20"]


def test_sizes_are_compared() -> None:
    """A manifest that promises other bytes than the blob has."""
    image = SOUND.open()
    first = image.layers[0]
    assert first.descriptor is not None
    wrong = replace(first, descriptor=replace(first.descriptor, size_bytes=7))
    report = check_image(replace(image, layers=(wrong, image.layers[1])))

    assert [finding.rule for finding in report.findings] == ["M20"]
    assert "the manifest says 7" in report.findings[0].what


def test_the_diff_id_is_compared() -> None:
    """The manifest is right about the blob, and the config wrong about the tar in it."""
    layer = SOUND.layers[1]
    other = replace(layer, tar=layer.tar + bytes(512))

    (finding,) = check_image(replace(SOUND, layers=(SOUND.layers[0], other)).open()).findings
    assert finding.rule == "M20"
    assert "diff_id" in finding.what


def test_gzip_under_an_uncompressed_name() -> None:
    """The manifest says tar, the bytes say gzip."""
    top = replace(SOUND.layers[1], media_type="application/vnd.oci.image.layer.v1.tar")
    report = check_image(replace(SOUND, layers=(SOUND.layers[0], top)).open())

    assert [finding.rule for finding in report.findings] == ["T5", "M7"]


def test_layers_that_are_not_here_are_named() -> None:
    """Rules over files then know less, and say nothing that may be wrong."""
    base = replace(SOUND.layers[0], here=False)
    report = check_image(replace(SOUND, layers=(base, SOUND.layers[1])).open())

    assert report.findings == ()
    assert report.unseen == (f"layer 0 ({Digest.of(base.blob).short})",)
    assert "M15" not in report.rules_run
    assert "T1" in report.rules_run


def test_with_no_layer_here_the_documents_are_judged() -> None:
    """As for a reference whose blobs nobody fetched."""
    layers = tuple(replace(layer, here=False) for layer in SOUND.layers)
    report = check_image(replace(SOUND, layers=layers).with_config(Cmd=["x"]).open())

    assert [finding.rule for finding in report.findings] == ["M22"]
    assert len(report.unseen) == 2
    assert not {"T1", "P2", "M15"} & set(report.rules_run)


def test_a_zstd_layer_is_unseen() -> None:
    """It is refused, and nobody looked into it."""
    layer = MadeLayer(blob=b"\x28\xb5\x2f\xfd" + bytes(20), tar=b"")
    report = check_image(SOUND.with_layer(layer).open())

    assert [finding.rule for finding in report.findings] == ["M8"]
    assert "zstd" in report.unseen[0]
    assert "M15" not in report.rules_run


def record(**changes: Any) -> LayerRecord:
    nothing = Digest.of(b"")
    made = LayerRecord(
        fingerprint=nothing,
        diff_id=nothing,
        digest=nothing,
        size_bytes=1,
        unzipped_bytes=1,
        tar_bytes=1,
        files=1,
        glibc="2.28",
        checks=RULES_VERSION,
    )
    return replace(made, **changes)


def unopened() -> Any:
    raise AssertionError("a layer that passed is not read again")


def test_our_own_layers_are_read_once() -> None:
    """A build reads neither those that passed when they were made nor the base's."""
    image = replace(SOUND, layers=(SOUND.layers[0], MadeLayer.of(*CODE, ours=True))).open()
    passed = replace(image.layers[1], open=unopened, known=record())
    base = replace(image.layers[0], open=unopened)

    assert check_own(replace(image, layers=(base, passed))).findings == ()


def test_layers_made_by_older_rules_are_read() -> None:
    """What passed an older set of rules may break a newer one."""
    wrong = MadeLayer.of(*CODE, Member(name="var/task/x.txt", mode=0o600), ours=True)
    image = replace(SOUND, layers=(SOUND.layers[0], wrong)).open()
    old = replace(image.layers[1], known=record(checks=RULES_VERSION - 1))
    report = check_own(replace(image, layers=(image.layers[0], old)))

    assert [(finding.rule, finding.severity) for finding in report.findings] == [("P2", "error")]


@pytest.mark.parametrize(("glibc", "expected"), [("2.34", []), ("2.35", ["R1"]), ("2.9", [])])
def test_a_record_knows_the_glibc(glibc: str, expected: list[str]) -> None:
    """A layer that was made for a newer base does not fit an older one; by number."""
    image = replace(SOUND, layers=(SOUND.layers[0], MadeLayer.of(*CODE, ours=True))).open()
    known = replace(image.layers[1], known=record(glibc=glibc))
    report = check_own(replace(image, layers=(image.layers[0], known)))

    assert [finding.rule for finding in report.findings] == expected


def test_what_our_writer_writes_is_sound() -> None:
    """Held by the same rules that read any layer: long names, links and programs too."""
    entries = [
        FileEntry(path=path, size_bytes=1, owner="x", content=Bytes(b"1"), executable=run)
        for path, run in (
            ("a.py", False),
            ("pkg/" + "n" * 180 + "/data.txt", False),
            ("pkg/größe und mehr.txt", False),
            ("bin/tool", True),
        )
    ]
    entries.append(
        FileEntry(path="lib.so", size_bytes=0, owner="x", content=Bytes(b""), link_target="a.py")
    )
    written = tar_bytes(Tree.of(entries), "/var/task")
    report = check_tar("a layer", io.BytesIO(written), expected=Expected())

    assert report.findings == ()
    assert {"T1", "T3", "T15", "P2", "R1"} <= set(report.rules_run)


def test_a_layer_can_be_checked_before_it_is_compressed() -> None:
    """The same rules, every one an error."""
    data = tar([Member(name="native.so", data=elf(AARCH64, None), mode=0o600)])
    report = check_tar("a layer", io.BytesIO(data), expected=Expected(machine="x86_64"))

    assert [(finding.rule, finding.severity) for finding in report.findings] == [
        ("P2", "error"),
        ("R1", "error"),
    ]


def test_several_gzip_members_are_one_layer() -> None:
    """pigz, bgzip and estargz write many."""
    data = tar(with_folders(*CODE))
    blob = gzip.compress(data[:700], mtime=0) + gzip.compress(data[700:], mtime=0)

    assert found(MadeLayer(blob=blob, tar=data)) == []
