"""Which packages share a Lambda layer: stable ones first, few layers, nothing beside your code."""

from __future__ import annotations

from imagekit.plan.lambda_layers import ALONE_BYTES, shelved
from imagekit.plan.unpacking import Piece

MB = 1_000_000


def piece(name: str, unzipped: int, *tops: str, movable: bool = True, own: bool = False) -> Piece:
    return Piece(
        name=name,
        unzipped_bytes=unzipped * MB,
        packed_bytes=unzipped * MB // 3,
        disk_bytes=unzipped * MB,
        tops=frozenset(tops or (name,)),
        movable=movable,
        own=own,
    )


SOURCE = piece("source", 1, movable=False)
HEAVY = [piece(name, size) for name, size in (("pyarrow", 150), ("pandas", 60), ("numpy", 30))]
SMALL = [piece("boto3", 2), piece("six", 1)]
OWN = piece("shared-code", 1, own=True)


def shelves(*pieces: Piece, room: int = 5) -> dict[str, list[str]]:
    """Packages by layer, in order."""
    return {
        shelf.label: [one.name for one in shelf.pieces] for shelf in shelved("app", pieces, room)
    }


def test_heavy_ones_alone_small_ones_together_own_ones_last() -> None:
    """In the order in which they change: a bump of one heavy package sends that layer alone."""
    assert shelves(*HEAVY, *SMALL, OWN, SOURCE) == {
        "pyarrow": ["pyarrow"],
        "pandas": ["pandas"],
        "numpy": ["numpy"],
        "app-packages": ["boto3", "six"],
        "app-own": ["shared-code"],
    }


def test_never_more_layers_than_there_is_room_for() -> None:
    """Lambda takes five in all: the heaviest keep their own, the rest shares one."""
    many = [piece(f"heavy-{number}", 40) for number in range(9)]

    for room in range(1, 6):
        found = shelves(*many, OWN, SOURCE, room=room)
        assert len(found) <= room
        assert sorted(name for names in found.values() for name in names) == sorted(
            [*(one.name for one in many), "shared-code"]
        )
    assert list(shelves(*many, OWN, SOURCE, room=3)) == ["heavy-0", "app-packages", "app-own"]


def test_a_small_project_has_one_layer() -> None:
    """A few hundred kilobytes are not worth a layer each."""
    assert piece("boto3", 2).unzipped_bytes < ALONE_BYTES
    assert shelves(*SMALL, SOURCE) == {"app-packages": ["boto3", "six"]}


def test_heavy_ones_alone_need_no_layer_for_others() -> None:
    """Five heavy packages fill five layers, where there are no others."""
    five = [piece(f"heavy-{number}", 20) for number in range(5)]

    assert list(shelves(*five, SOURCE)) == [one.name for one in five]


def test_nothing_that_shares_a_name_with_your_code() -> None:
    """Python would see the folder in `/var/task` alone (decision 9): it stays there, and what
    shares a name with it, too."""
    plugin = piece("plugin", 20, "mine", "plugin_data", movable=False)
    data = piece("data", 20, "plugin_data")

    assert shelves(plugin, data, *SMALL, SOURCE) == {"app-packages": ["boto3", "six"]}
    assert shelves(plugin, SOURCE) == {}


def test_a_bump_of_a_few_bytes_moves_nothing() -> None:
    """The plan's order goes by size class, and so do the layers."""
    bumped = [piece("pyarrow", 150), piece("pandas", 61), piece("numpy", 30)]

    assert shelves(*bumped, *SMALL, SOURCE) == shelves(*HEAVY, *SMALL, SOURCE)
