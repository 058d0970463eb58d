"""Where the traffic for a registry goes."""

from __future__ import annotations

import pytest

from imagekit.model.errors import ConfigError
from imagekit.registry.endpoints import VARIABLE, base_url, endpoints, parse_endpoints


def test_endpoints_are_host_and_url() -> None:
    """Several, separated by commas; a slash at the end is no part of the address."""
    text = "a.example=https://mirror.example/, b.example:5000=http://127.0.0.1:5000"

    assert parse_endpoints(text) == {
        "a.example": "https://mirror.example",
        "b.example:5000": "http://127.0.0.1:5000",
    }
    assert endpoints({VARIABLE: text}) == parse_endpoints(text)
    assert endpoints({}) == {}


def test_all_bad_entries_are_named_at_once() -> None:
    """Each with the variable's name; plain HTTP elsewhere than here is one of them."""
    bad = [
        "nonsense",
        "=https://x",
        "h=ftp://x",
        "h=https://",
        "h=http://x.example",
        "h=https://x:y",
    ]
    with pytest.raises(ConfigError) as wrong:
        parse_endpoints(",".join([*bad, "ok=https://x"]))

    assert len(wrong.value.problems) == len(bad)
    assert {problem.where for problem in wrong.value.problems} == {VARIABLE}


@pytest.mark.parametrize(
    ("registry", "url"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("127.8.8.8", "http://127.8.8.8"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("10.0.0.1:5000", "https://10.0.0.1:5000"),
        ("localhost.example.com", "https://localhost.example.com"),
        ("mirrored.example", "https://mirror.example/prefix"),
    ],
)
def test_plain_http_is_for_this_machine(registry: str, url: str) -> None:
    """Loopback without TLS, all else with it, and Docker Hub by its real name."""
    assert base_url(registry, {"mirrored.example": "https://mirror.example/prefix"}) == url
