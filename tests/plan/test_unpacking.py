"""What a ZIP unpacks at start: as little as possible, whole packages, never your own code."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from imagekit.model.errors import TooLarge
from imagekit.model.packaging import Unpacks
from imagekit.plan.door import behind, behind_bytecode, door_of, door_source
from imagekit.plan.unpacking import (
    Piece,
    check_storage,
    in_bucket,
    nested,
    outer_bytes,
    storage_for,
)

MB = 1_000_000
LIMIT = 262 * MB


def piece(name: str, unzipped: int, packed: int, *tops: str, movable: bool = True) -> Piece:
    return Piece(
        name=name,
        unzipped_bytes=unzipped * MB,
        packed_bytes=packed * MB,
        disk_bytes=unzipped * MB,
        tops=frozenset(tops or (name,)),
        movable=movable,
    )


SOURCE = piece("source", 1, 0, movable=False)
LARGE = piece("pyarrow", 160, 60)
MIDDLE = piece("numpy", 90, 30)
SMALL = piece("boto3", 30, 3)


def test_what_fits_stays_as_it_is() -> None:
    """Nothing to unpack, nothing to wait for."""
    assert nested([MIDDLE, SMALL, SOURCE], LIMIT).layers == ()


def test_as_little_as_possible_is_unpacked() -> None:
    """30 MB that shrink to 3 make the room that is missing; the large one stays."""
    found = nested([LARGE, MIDDLE, SMALL, SOURCE], LIMIT)

    assert found.layers == ("boto3",)
    assert (found.packed_bytes, found.unpacked_bytes) == (3 * MB, 30 * MB)
    assert outer_bytes([LARGE, MIDDLE, SMALL, SOURCE], found) == (160 + 90 + 3 + 1) * MB


def test_the_fewest_bytes_not_the_best_ratio() -> None:
    """The large one shrinks best, and takes twice as long to unpack as the one that will do."""
    large, small = piece("pyarrow", 200, 60), piece("six", 5, 1)

    assert nested([large, MIDDLE, small, SOURCE], LIMIT).layers == ("numpy",)


def test_several_together_where_one_will_not_do() -> None:
    """Each once; whatever is left over when all of them are not enough is told elsewhere."""
    pieces = [piece(name, 60, 40) for name in "abcdef"]

    assert len(nested([*pieces, SOURCE], LIMIT).layers) == 6
    assert len(nested([*pieces[:5], SOURCE], LIMIT).layers) == 3


def test_room_for_being_wrong() -> None:
    """Compressed sizes are foreseen: a ZIP that would just fit is not cut that fine."""
    assert nested([piece("a", 258, 10), SOURCE], LIMIT).layers == ("a",)


def test_packages_that_share_a_name_stay_together() -> None:
    """A regular package lies in one folder of `sys.path`, whoever puts files into it."""
    pieces = [
        piece("core", 100, 50, "google"),
        piece("cloud", 100, 50, "google", "grpc"),
        piece("grpcio", 90, 80, "grpc"),
        SOURCE,
    ]

    assert nested(pieces, LIMIT).layers == ("core", "cloud", "grpcio")


def test_scripts_tie_nothing_together() -> None:
    """`bin` is no package."""
    pieces = [piece("a", 150, 10, "a", "bin"), piece("b", 150, 140, "b", "bin"), SOURCE]

    assert nested(pieces, LIMIT).layers == ("a",)


def test_what_is_tied_to_your_code_stays_with_it() -> None:
    """Your own packages, and what shares a name with them."""
    pieces = [
        piece("mine", 10, 1, "shop", movable=False),
        piece("theirs", 200, 20, "shop"),
        piece("other", 100, 90),
        SOURCE,
    ]

    assert nested(pieces, LIMIT).layers == ("other",)
    assert in_bucket(pieces, "b").layers == ("other",)


def test_all_that_may_goes_into_the_bucket() -> None:
    """In the plan's order, and nothing of it counts against the limit."""
    pieces = [LARGE, MIDDLE, SMALL, SOURCE]
    found = in_bucket(pieces, "packages")

    assert found.layers == ("pyarrow", "numpy", "boto3")
    assert outer_bytes(pieces, found) == 1 * MB


def unpacks(disk: int) -> Unpacks:
    return Unpacks(layers=("a",), packed_bytes=0, unpacked_bytes=disk, disk_bytes=disk)


@pytest.mark.parametrize(
    ("disk", "storage"), [(512 * 1024**2, None), (512 * 1024**2, 512), (10_240 * 1024**2, 10_240)]
)
def test_a_tmp_that_is_just_large_enough(disk: int, storage: int | None) -> None:
    """512 MB where nothing is said (lambda_rules P6)."""
    check_storage(unpacks(disk), storage)


@pytest.mark.parametrize(
    ("disk", "storage", "hint"),
    [
        (512 * 1024**2 + 1, None, "write `lambda.storage = 640`"),
        (700 * 1024**2, 640, "write `lambda.storage = 832`"),
        (10_240 * 1024**2 + 1, 10_240, 'write `packaging = "image"`'),
    ],
)
def test_a_tmp_that_is_too_small(disk: int, storage: int | None, hint: str) -> None:
    """With what would do; where nothing would, another packaging."""
    with pytest.raises(TooLarge) as refused:
        check_storage(unpacks(disk), storage)

    assert refused.value.hint == hint
    assert "/tmp" in refused.value.what


def test_storage_leaves_room_to_the_function() -> None:
    """An eighth more, in steps of 64 MB, never less than Lambda's own default."""
    assert storage_for(10) == 512
    assert storage_for(512 * 1024**2) == 576
    assert replace(unpacks(1), bucket="b").key is None


@pytest.mark.parametrize(
    ("paths", "handler", "door"),
    [
        (("app.py",), "app.handler", "app.py"),
        (("shop/__init__.py", "shop/app.py"), "shop.app.handler", "shop/__init__.py"),
        (("shop/app.py",), "shop.app.handler", "shop/app.py"),
        (("shop/app.py",), "shop/app.handler", "shop/app.py"),
        (("a/b/__init__.py", "a/b/c.py"), "a.b.c.handler", "a/b/__init__.py"),
        (("app.py", "app/__init__.py"), "app.handler", "app/__init__.py"),
        (("app.cpython-313-x86_64-linux-gnu.so",), "app.handler", None),
        (("other.py",), "app.handler", None),
    ],
)
def test_the_door_is_the_first_file_that_is_run(
    paths: tuple[str, ...], handler: str, door: str | None
) -> None:
    """A package before the module in it, a package before a module of its name."""
    assert door_of(paths, handler) == door


def test_what_is_behind_a_door() -> None:
    """The module beside it, and its bytecode: that of the door's name would hide the door."""
    assert behind("shop/__init__.py") == "shop/__init__.imagekit.py"
    assert behind_bytecode("__pycache__/app.cpython-313.pyc", "app.py") == (
        "__pycache__/app.imagekit.cpython-313.pyc"
    )
    assert behind_bytecode("a/__pycache__/b.cpython-313.pyc", "a/b.py") == (
        "a/__pycache__/b.imagekit.cpython-313.pyc"
    )
    for other in ("a/__pycache__/bc.cpython-313.pyc", "__pycache__/b.cpython-313.pyc", "a/b.py"):
        assert behind_bytecode(other, "a/b.py") == other
    compile(door_source("a/b.py"), "a/b.py", "exec")
