"""An extension's layers: where they may lie, what they may not do, what plans need of them."""

from __future__ import annotations

import tarfile

import pytest
from msgspec.structs import replace

from imagekit.check.extension import Look, look_at
from imagekit.check.layer import read_layer
from imagekit.check.machine import Expected
from imagekit.check.opened import OpenLayer
from imagekit.model.digest import Digest
from tests.check.make import MadeImage, MadeLayer, Member, folder, link, tar, with_folders
from tests.contents.test_elf import AARCH64, X86_64, elf

EXPECTED = Expected(machine="x86_64")
AGENT = Member(name="opt/extensions/agent", data=elf(X86_64, ("GLIBC_2.17",)), mode=0o755)


def opened(*layers: MadeLayer) -> tuple[OpenLayer, ...]:
    image = MadeImage(layers=layers).open()
    return tuple(
        replace(found, diff_id=Digest.of(made.tar))
        for found, made in zip(image.layers, layers, strict=True)
    )


def look(*layers: MadeLayer) -> Look:
    found = opened(*layers)
    read = [
        read_layer(number, layer, EXPECTED, lambda _: True) for number, layer in enumerate(found)
    ]
    return look_at("agent:1", found, read, EXPECTED)


def at(*members: Member) -> Look:
    """One layer with these members, folders written out."""
    return look(MadeLayer.of(*members))


def exactly(*members: Member) -> Look:
    """One layer with these members and no other."""
    return look(MadeLayer.raw(tar(members)))


def rules(found: Look) -> list[tuple[str, str]]:
    return [(one.rule, one.severity) for one in found.report.findings]


def test_a_sound_extension() -> None:
    """Nothing is said, and what plans need is known."""
    layer = MadeLayer.of(AGENT, Member(name="opt/agent/rules.json", data=b"{}"))
    found = look(layer)

    assert (found.outside, found.removed, found.report.findings) == ((), (), ())
    assert found.facts.programs == ("agent",)
    assert found.facts.places == ("agent", "extensions/agent")
    assert found.facts.glibc == "2.17"
    (known,) = found.facts.layers
    assert (known.digest, known.diff_id) == (Digest.of(layer.blob), Digest.of(layer.tar))
    assert (known.size_bytes, known.tar_bytes) == (len(layer.blob), len(layer.tar))
    assert found.facts.unzipped_bytes == len(layer.tar)


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        (Member(name="lambda-adapter", data=b"#!", mode=0o755), "/lambda-adapter"),
        (folder("tmp"), "/tmp/"),
        (Member(name="optional/a"), "/optional/a"),
        (link("usr", "opt"), "/usr"),
    ],
)
def test_what_is_outside_opt_is_named(member: Member, shown: str) -> None:
    """A folder too: its mode would become that of the base's folder."""
    assert shown in at(AGENT, member).outside


def test_opt_is_a_folder() -> None:
    """A link in its place would hide the base's."""
    assert exactly(link("opt", "usr/local")).outside == ("/opt",)


def test_a_hard_link_stays_within() -> None:
    """One to a file of the layer is doubtful; one to a file of the base is outside."""
    inside = Member(name="opt/b", kind=tarfile.LNKTYPE, link="opt/extensions/agent")
    outside = Member(name="opt/b", kind=tarfile.LNKTYPE, link="etc/passwd")

    assert at(AGENT, inside).outside == ()
    assert rules(at(AGENT, inside)) == [("T3", "warning")]
    assert at(AGENT, outside).outside == ("/opt/b",)


@pytest.mark.parametrize("name", ["opt/.wh.python", "opt/extensions/.wh..wh..opq", ".wh.etc"])
def test_whiteouts_are_named(name: str) -> None:
    """They would take away what the base has."""
    found = at(AGENT, Member(name=name))

    assert found.removed == (name,)
    assert found.outside == ()


def test_a_closed_root_closes_the_image() -> None:
    """The root folder's own entry decides on the mode of `/`."""
    found = exactly(folder("./", 0o700), folder("opt"), Member(name="opt/a"))

    assert ("P2", "error") in rules(found)


@pytest.mark.parametrize(
    ("member", "rule"),
    [
        (replace(AGENT, mode=0o644), ("X1", "error")),
        (replace(AGENT, data=elf(AARCH64, None)), ("R1", "error")),
        (Member(name="opt/secret", mode=0o600), ("P2", "warning")),
        (Member(name="opt/extensions/note.txt", data=b"read me"), ("X1", "error")),
    ],
)
def test_rules_hold_here_too(member: Member, rule: tuple[str, str]) -> None:
    """As for any layer that others made."""
    assert rules(at(member)) == [rule]


def test_parents_are_asked_for() -> None:
    """Lambda's unpacker wants every folder in the same layer."""
    assert rules(exactly(folder("opt"), AGENT)) == [("T1", "error")]


def test_other_bytes_than_promised() -> None:
    """The manifest names one blob, the registry has another."""
    made = MadeLayer.of(AGENT)
    (layer,) = opened(made)
    other = replace(layer, open=opened(MadeLayer.of(Member(name="opt/x")))[0].open)
    read = [read_layer(0, other, EXPECTED, lambda _: True)]

    assert rules(look_at("agent:1", (layer,), read, EXPECTED)) == [("M20", "error")]


def test_zstd_under_the_name_of_gzip() -> None:
    """Nobody knows that Lambda reads it."""
    assert rules(look(MadeLayer(blob=b"\x28\xb5\x2f\xfd" + bytes(20), tar=b""))) == [
        ("M8", "error")
    ]


def test_later_layers_win() -> None:
    """What an image made in two steps is what counts: here the mode is mended."""
    found = look(MadeLayer.of(replace(AGENT, mode=0o644)), MadeLayer.of(AGENT))

    assert found.report.findings == ()
    assert len(found.facts.layers) == 2


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("opt/agent/deep/er/file", "agent"),
        ("opt/otel-instrument", "otel-instrument"),
        ("opt/extensions/agent", "extensions/agent"),
        ("opt/python/ddtrace/a/b.py", "python/ddtrace"),
        (
            "opt/python/lib/python3.13/site-packages/ddtrace/a.py",
            "python/lib/python3.13/site-packages/ddtrace",
        ),
        ("opt/lib/libx.so.1", "lib/libx.so.1"),
    ],
)
def test_a_place_is_what_is_its_own(path: str, place: str) -> None:
    """Folders that extensions share belong to nobody."""
    assert at(Member(name=path, data=b"#!", mode=0o755)).facts.places == (place,)


def test_python_packages_are_known_by_their_metadata() -> None:
    """Under `/opt/python`, where functions look; their names as PyPI normalises them."""
    found = at(
        Member(name="opt/python/Ruamel_Yaml-1.0.dist-info/METADATA"),
        Member(name="opt/python/lib/python3.13/site-packages/six-1.17.0.dist-info/METADATA"),
        Member(name="opt/elsewhere/other-1.0.dist-info/METADATA"),
    )

    assert found.facts.packages == (("ruamel-yaml", "1.0"), ("six", "1.17.0"))


def test_nothing_but_folders() -> None:
    """An image without files has no place."""
    assert look(MadeLayer.raw(tar(with_folders(folder("opt/extensions"))))).facts.places == ()
