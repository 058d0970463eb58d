"""What an image or a ZIP that is there weighs."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.check.inventory.footprint import (
    base_is_away,
    footprint_of,
    largest_files,
    limits_of,
)
from imagekit.check.inventory.read import Reader
from imagekit.check.opened import OpenImage
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, UsageError
from imagekit.model.footprint import Amount
from imagekit.model.image import LayerRecord
from tests.check.inventory.kit import image, installed, inventory, layer, weights, zipped
from tests.check.make import MadeLayer, Member, folder, link, sound_zip

NUMPY = installed("numpy", "2.5.5", {"numpy/core.so": b"x" * 100, "numpy/a.py": b"a"})
BYTECODE = Member(name="var/task/numpy/__pycache__/a.cpython-313.pyc", data=b"pyc")
APP = Member(name="var/task/app.py", data=b"code!")
OS = Member(name="usr/lib/libc.so.6", data=b"libc")
OURS = ("from somewhere", "imagekit numpy: numpy==2.5.5", "imagekit source")


def test_layers_and_packages_are_named_as_imagekit_made_them() -> None:
    """The base as a whole, packages by their RECORD with their bytecode, the rest is the source."""
    found = footprint_of(inventory(layer(OS), layer(*NUMPY, BYTECODE), layer(APP), history=OURS))

    assert [(one.name, one.kind) for one in found.layers][1:] == [
        ("numpy", "packages"),
        ("source", "source"),
    ]
    assert found.layers[0].kind == "base"
    assert {"base": (4, 1), "source": (5, 1)}.items() <= weights(found).items()
    numpy = dict(found.layers[1].packages[0].categories)
    assert (numpy["libraries"], numpy["bytecode"]) == (Amount(100, 1), Amount(3, 1))
    assert dict(found.categories)["own"] == Amount(5, 1)


def test_every_byte_and_file_is_counted_once() -> None:
    """Folders, whiteouts and devices are no files; links are, and weigh nothing."""
    gone = Member(name="var/task/.wh.old.py")
    found = footprint_of(
        inventory(layer(*NUMPY, folder("var/task/empty"), link("var/task/l", "app.py"), gone, APP))
    )

    sizes = [len(member.data) for member in (*NUMPY, APP)]
    assert found.amount == Amount(sum(sizes), len(sizes) + 1)


def test_a_foreign_image_is_told_by_its_records_in_full() -> None:
    """Nobody says what its base is: packages where there are RECORDs, else other files."""
    found = footprint_of(inventory(layer(OS, *installed("six", "1.0", {"six.py": b"12"}))))

    assert found.layers[0].kind == "other"
    assert {"six 1.0", "other files"} == weights(found).keys()


def test_a_zip_is_packages_and_the_projects_own_files() -> None:
    """What no package claims in a ZIP is the function's own."""
    found = footprint_of(
        zipped(
            {
                "six.py": b"12",
                "six-1.0.dist-info/RECORD": b"six.py,,\n",
                "app.py": b"12345",
            }
        )
    )

    assert weights(found) == {"six 1.0": (11, 2), "source": (5, 1)}
    assert (found.packaging, found.limit_bytes) == ("zip", 262_144_000)


def test_a_layer_that_is_not_here_is_known_by_its_record() -> None:
    """A sparse layout lacks layers on purpose: their sum counts, their files are nobody's."""
    opened = image(layer(OS, here=False), layer(APP), history=("imagekit x: x==1", OURS[2]))
    record = LayerRecord(
        fingerprint=Digest.of(b"f"),
        diff_id=Digest.of(b"d"),
        digest=Digest.of(b"b"),
        size_bytes=1,
        unzipped_bytes=4_000,
        tar_bytes=5_120,
        files=7,
    )
    known = replace(opened, layers=(replace(opened.layers[0], known=record), *opened.layers[1:]))

    with_record, without = (Reader().read(one) for one in (known, opened))

    assert footprint_of(with_record).amount.unzipped_bytes == 4_005
    assert footprint_of(without).amount.unzipped_bytes == 5
    assert footprint_of(without).layers[0].unread == "its bytes are not here"
    assert limits_of(with_record)[0].used - limits_of(without)[0].used == 5_120


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (gzip.compress(b"x" * 700), "number"),
        (gzip.compress(b"\0" * 1024)[:-9], "ends early"),
        (b"\x28\xb5\x2f\xfd" + bytes(60), "zstd"),
    ],
)
def test_a_layer_that_cannot_be_read_is_said_and_the_rest_is_told(blob: bytes, why: str) -> None:
    """An image from elsewhere may hold anything; what can be read is still worth knowing."""
    found = footprint_of(inventory(MadeLayer(blob=blob, tar=b""), layer(APP)))

    assert why in str(found.layers[0].unread)
    assert found.amount == Amount(5, 1)


def test_bytes_that_are_not_those_of_the_digest_are_not_believed() -> None:
    """A damaged store or registry must not pass for the image."""
    opened = image(layer(OS))
    other = image(layer(APP))
    swapped = replace(opened, layers=(replace(opened.layers[0], open=other.layers[0].open),))

    found = footprint_of(Reader().read(swapped))

    assert "digest" in str(found.layers[0].unread)


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    """A layer of many megabytes is read as it streams by, with its content hashed."""
    big = tmp_path / "layer"
    made = layer(Member(name="var/task/big.bin", data=bytes(64 * 1024 * 1024)))
    big.write_bytes(made.blob)
    opened = image(made)
    on_disk = replace(opened.layers[0], open=lambda: big.open("rb"))
    tracemalloc.start()
    try:
        found = Reader(content=True).read(replace(opened, layers=(on_disk,)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert footprint_of(found).amount.unzipped_bytes == 64 * 1024 * 1024
    assert peak < 16 * 1024 * 1024


def test_an_index_is_refused_with_a_way_on() -> None:
    """Lambda takes a single image, and so does this."""
    index = OpenImage(name="x", manifest_bytes=None, media_type="", config_bytes=b"")

    with pytest.raises(UsageError) as raised:
        Reader().read(index)

    assert "index" in raised.value.what


def test_a_broken_zip_is_refused_with_its_reason() -> None:
    """No traceback of the library's."""
    broken = replace(sound_zip(), source=io.BytesIO(b"PK garbage"))

    with pytest.raises(CannotBuild) as raised:
        Reader(content=True).read(broken)

    assert raised.value.hint == "imagekit check made.zip"
    assert "zip" in raised.value.causes[0]


def test_limits_say_how_near_they_are() -> None:
    """Those that Lambda counts: unzipped and uploaded of a ZIP, layers and manifest of an image."""
    zip_limits = {limit.rule: limit.used for limit in limits_of(zipped({"app.py": b"12345"}))}
    image_limits = {limit.rule: limit.used for limit in limits_of(inventory(layer(OS), layer(APP)))}

    assert zip_limits["Z1"] == 5
    assert 5 < zip_limits["Z2"] < 500
    assert image_limits["T7"] == 2
    assert image_limits["T6"] == sum(len(one.tar) for one in (layer(OS), layer(APP)))
    assert 0 < image_limits["M11"] < 2_000


def test_the_largest_files_come_first() -> None:
    """With their layer and their package: what to look at when it is too much."""
    found = largest_files(inventory(layer(OS), layer(*NUMPY), layer(APP), history=OURS), 2)

    assert [(one.path, one.layer, one.package) for one in found] == [
        ("var/task/numpy/core.so", "numpy", "numpy 2.5.5"),
        (NUMPY[-1].name, "numpy", "numpy 2.5.5"),
    ]


def test_a_base_that_is_not_here_is_in_the_sums_or_said_to_be_missing() -> None:
    """Known in sum alone, it counts once for all of its layers; else how many layers do not."""
    opened = image(layer(OS), layer(OS), layer(APP), history=("", "", "imagekit source"))
    away = tuple(replace(one, open=None) for one in opened.layers[:2])
    read = Reader().read(replace(opened, layers=(*away, opened.layers[2])))
    counted = replace(read, base_bytes=1000)
    (own, *_), (whole, *_) = limits_of(read), limits_of(counted)

    assert base_is_away(read)
    assert footprint_of(read).amount.unzipped_bytes == 5
    assert footprint_of(read).missing == 2
    assert own.what == "layers as tars, without 2 of them"
    assert footprint_of(counted).amount.unzipped_bytes == 1005
    assert footprint_of(counted).missing == 0
    assert (whole.what, whole.used) == ("layers as tars", own.used + 1000)


def test_a_base_of_which_a_layer_is_here_is_not_counted_twice() -> None:
    """Its sum would have that layer, too; an image without a base has none that is away."""
    opened = image(layer(OS), layer(*NUMPY), layer(APP), history=("", "", "imagekit source"))
    away = replace(opened.layers[0], open=None)

    assert not base_is_away(Reader().read(replace(opened, layers=(away, *opened.layers[1:]))))
    assert not base_is_away(inventory(layer(APP), history=("imagekit source",)))
    assert not base_is_away(zipped({"app.py": b""}))
