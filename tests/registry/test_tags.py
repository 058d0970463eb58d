"""Listing tags: page by page, on one host, with an end."""

from __future__ import annotations

import json

import pytest

from imagekit.model.errors import RegistryError, RemoteRefused
from imagekit.model.reference import Reference
from tests.registry.fault_registry import Fault, FaultRegistry, Rules
from tests.registry.kit import TYPE, client

NAME = "bases/team"


def filled(server: FaultRegistry, *tags: str) -> Reference:
    for tag in tags:
        server.hold_manifest(NAME, tag, TYPE, b"{}")
    return Reference(registry=server.host, repository=NAME, tag="2026.11.18")


def page(next_page: str, *tags: str, times: int = 1000) -> Fault:
    """An answer with these tags and a link."""
    body = json.dumps({"name": NAME, "tags": tags}).encode()
    link = {"Link": f'<{next_page}>; rel="next"'}
    return Fault(method="GET", path="/tags/list", times=times, status=200, body=body, headers=link)


def test_every_page_is_read() -> None:
    """Each once, following the registry's own links, and with the token of a pull."""
    rules = Rules(page=2, tokens=True)
    with FaultRegistry(rules) as server, client() as registry:
        found = registry.tags(filled(server, *"abcde"))
        asked = [one.path for one in server.saw("GET", "/tags/") if one.status == 200]

    assert found == tuple("abcde")
    assert len(asked) == 3
    assert asked[0].endswith(f"/v2/{NAME}/tags/list?n=1000")


def test_no_repository_and_no_tags() -> None:
    """404 is the registry's own; null means that every tag was deleted."""
    with FaultRegistry() as server, client() as registry:
        nowhere = Reference(registry=server.host, repository="no/such", tag="1")
        with pytest.raises(RegistryError) as refused:
            registry.tags(nowhere)
        here = filled(server, "a")
        server.fault(Fault(method="GET", path="/tags/", status=200, body=b'{"tags": null}'))

        assert registry.tags(here) == ()
        assert refused.value.status == 404
        assert refused.value.codes == ("NAME_UNKNOWN",)


def test_a_registry_that_is_busy_is_asked_again() -> None:
    """As everywhere."""
    waits: list[float] = []
    with FaultRegistry() as server, client(waits=waits) as registry:
        here = filled(server, "a")
        server.fault(Fault(method="GET", path="/tags/", status=503))

        assert registry.tags(here) == ("a",)
        assert len(waits) == 1


def test_another_host_is_not_asked() -> None:
    """Whatever the link says: our credentials are for this one."""
    with FaultRegistry() as server, FaultRegistry() as other, client() as registry:
        here = filled(server, "a")
        server.fault(page(f"http://{other.host}/v2/{NAME}/tags/list?last=a", "a"))
        with pytest.raises(RemoteRefused) as refused:
            registry.tags(here)

        assert other.seen == []
        assert "cannot be listed" in refused.value.what


def test_a_proxy_may_write_the_registry_s_own_name() -> None:
    """The way in that worked is kept, as for uploads."""
    with (
        FaultRegistry() as server,
        client(endpoints={"r.example": f"http://{server.host}"}) as (registry),
    ):
        filled(server, "a", "b")
        server.fault(page(f"https://r.example/v2/{NAME}/tags/list?last=a", "a", times=1))
        found = registry.tags(Reference(registry="r.example", repository=NAME, tag="a"))

    assert found == ("a", "b")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (page(f"/v2/{NAME}/tags/list?last=a", "a"), "more than"),
        (page("http://[", "a"), "no URL"),
        (Fault(method="GET", path="/tags/", status=200, body=b"[]"), "no list"),
        (Fault(method="GET", path="/tags/", status=200, body=b"<html>"), "no list"),
        (Fault(method="GET", path="/tags/", status=200, body=b'{"tags": [1]}'), "no list"),
        (Fault(method="GET", path="/tags/", status=200, body=b" " * (5 << 20)), "4 MiB"),
    ],
    ids=["endless", "link", "array", "html", "numbers", "huge"],
)
def test_what_is_no_list_is_refused(fault: Fault, why: str) -> None:
    """Nothing is read without end, and nothing else passes for a list of tags."""
    with FaultRegistry() as server, client() as registry:
        here = filled(server, "a")
        server.fault(fault)
        with pytest.raises(RemoteRefused) as refused:
            registry.tags(here)

    assert why in refused.value.causes[0]
