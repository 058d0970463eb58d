"""ZIPs whose packages are Lambda layers: what the ZIP names is there, whole, and seen by Python."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.check.archive import check_zip
from imagekit.check.opened import OpenZip
from imagekit.model.lambda_layer import ATTACHED
from tests.check.make import APP, encrypted, layered, made_zip, packed, zip_info
from tests.contents.test_elf import AARCH64, elf

DEMO = packed((zip_info("python/demo/__init__.py"), b"ANSWER = 42\n"))
NAMES = [f"imagekit-{number}-python3-13-x86_64" for number in range(2)]
OTHER = packed((zip_info("python/other.py"), b""))


def found(made: OpenZip) -> list[tuple[str, str]]:
    return [(finding.rule, finding.place) for finding in check_zip(made).findings]


def test_sound_layers_trip_no_rule() -> None:
    """Several of them make one folder with each other."""
    assert found(layered(DEMO, OTHER)) == []


def test_what_lies_in_a_layer_is_judged_like_the_rest() -> None:
    """A library for another machine is found wherever it lies."""
    foreign = packed((zip_info("python/demo/native.so"), elf(AARCH64, ("GLIBC_2.17",))))

    assert found(layered(foreign)) == [("R1", "demo/native.so")]


def test_layers_that_are_not_at_hand_are_unseen() -> None:
    """It is said, and is no reason to refuse the ZIP."""
    report = check_zip(layered(DEMO, OTHER, at_hand=1))

    assert report.unseen == (f"the layer {NAMES[1]}",)
    assert report.findings == ()


def test_another_layer_than_the_one_it_was_built_with() -> None:
    """Deploying it would run other packages than were checked."""
    mixed = layered(DEMO, OTHER)

    assert found(replace(mixed, layers=mixed.layers[::-1])) == [
        ("U2", NAMES[0]),
        ("U2", NAMES[1]),
    ]


def test_code_that_hides_a_package_of_a_layer() -> None:
    """`/var/task` comes first: a folder there is all that Python sees of that name."""
    code = (APP, (zip_info("demo/mine.py"), b""))

    assert found(layered(DEMO, code=code)) == [("U2", "demo")]


def test_layers_count_against_the_limit() -> None:
    """With the code together, not each by itself."""
    beside = replace(layered(DEMO), attached_layer_bytes=262_143_000)

    assert found(beside) == []
    assert found(replace(beside, attached_layer_bytes=262_143_999)) == [("Z1", "made.zip")]


def test_a_description_that_nobody_can_read() -> None:
    """Without it nobody knows which layers the code needs."""
    assert found(made_zip(APP, (zip_info(ATTACHED), b"{}"))) == [("U2", ATTACHED)]
    secret = encrypted(layered(DEMO), ATTACHED)
    assert ("U2", ATTACHED) in found(secret)


def test_a_layer_that_is_no_zip() -> None:
    """It is named, and not taken for a missing one."""
    assert found(layered(b"no archive")) == [("Z11", NAMES[0])]
