"""Tags that a base is published under."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteRefused
from imagekit.model.image import MANIFEST
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.pipeline.bases.tags import Shelf
from tests.registry.fault_registry import FaultRegistry
from tests.registry.kit import client

DAY = date(2026, 11, 21)
MINE: dict[Architecture, bytes] = {"x86_64": b'{"mine": 1}', "arm64": b'{"mine": 2}'}
OTHER = b'{"other": 1}'


@pytest.fixture
def server() -> Iterator[FaultRegistry]:
    with FaultRegistry() as registry:
        yield registry


def put(server: FaultRegistry, tag: str, manifest: bytes) -> None:
    server.hold_manifest("bases/team", tag, MANIFEST["oci"], manifest)


@pytest.fixture
def shelf(server: FaultRegistry) -> Iterator[Shelf]:
    """Both architectures are to be put there."""
    with client() as registry:
        yield Shelf(
            registry=registry,
            repository=Reference(registry=server.host, repository="bases/team"),
            digests={name: Digest.of(data) for name, data in MINE.items()},
        )


def test_the_first_of_a_day(shelf: Shelf) -> None:
    """The day alone; nothing is there yet, not even the repository."""
    assert shelf.calendar_tag(DAY) == "2026.11.21"
    assert shelf.calendar_tag(date(2026, 1, 2)) == "2026.01.02"


def test_other_content_of_the_day_gets_a_number(shelf: Shelf, server: FaultRegistry) -> None:
    """The next one that is free, whichever architecture was there."""
    put(server, "2026.11.21-arm64", OTHER)
    put(server, "2026.11.21-2-x86_64", OTHER)

    assert shelf.calendar_tag(DAY) == "2026.11.21-3"


def test_equal_content_keeps_the_days_newest(shelf: Shelf, server: FaultRegistry) -> None:
    """And another machine adds its architecture under the same tag."""
    put(server, "2026.11.21-x86_64", OTHER)
    put(server, "2026.11.21-2-x86_64", MINE["x86_64"])

    assert shelf.calendar_tag(DAY) == "2026.11.21-2"


def test_going_back_is_a_publishing_too(shelf: Shelf, server: FaultRegistry) -> None:
    """What was there before something else is newest only under a new tag."""
    put(server, "2026.11.21-x86_64", MINE["x86_64"])
    put(server, "2026.11.21-2-x86_64", OTHER)

    assert shelf.calendar_tag(DAY) == "2026.11.21-3"


def test_other_content_is_refused_with_a_tag_that_is_free(
    shelf: Shelf, server: FaultRegistry
) -> None:
    """Every tag and architecture that is taken is named at once."""
    put(server, "v1-x86_64", OTHER)
    put(server, "v2-arm64", OTHER)
    put(server, "v2-x86_64", MINE["x86_64"])
    put(server, "2026.11.21-x86_64", OTHER)
    with pytest.raises(RemoteRefused) as raised:
        shelf.refuse_other_content(("v1", "v2"), DAY)

    assert raised.value.causes == (
        f"v1-x86_64 is {Digest.of(OTHER)}; this is {Digest.of(MINE['x86_64'])}",
        f"v2-arm64 is {Digest.of(OTHER)}; this is {Digest.of(MINE['arm64'])}",
    )
    assert raised.value.hint == "--tag 2026.11.21-2"
    assert raised.value.exit_code == 3


def test_equal_content_is_no_reason_to_refuse(shelf: Shelf, server: FaultRegistry) -> None:
    """It is there already; what is missing may be added."""
    put(server, "v1-x86_64", MINE["x86_64"])
    shelf.refuse_other_content(("v1",), DAY)

    assert shelf.has(("v1",), "x86_64")
    assert not shelf.has(("v1",), "arm64")
