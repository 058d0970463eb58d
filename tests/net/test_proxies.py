"""Which proxy a URL goes through."""

from __future__ import annotations

import pytest

from imagekit.net.proxies import is_loopback, proxy_for

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ({"HTTP_PROXY": PROXY}, None),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
    ],
)
def test_proxy_is_named_by_scheme(environ: dict[str, str], proxy: str | None) -> None:
    """Lower case wins, as in curl; a bare host is an http proxy."""
    assert proxy_for("https://registry.example.com/v2/", environ) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("*", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("other, registry.EXAMPLE.com", True),
        ("registry.example.com:443", False),
        ("registry.example.com:8443", True),
        ("ample.com", False),
        ("example.org,,", False),
        ("", False),
    ],
)
def test_no_proxy_names_hosts_and_domains(no_proxy: str, direct: bool) -> None:
    """A domain covers what is under it; a port narrows."""
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}

    assert (proxy_for("https://registry.example.com:8443/", environ) is None) == direct


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [("10.0.0.0/8", True), ("10.1.2.3", True), ("192.168.0.0/16", False), ("nonsense/8", False)],
)
def test_no_proxy_names_networks(no_proxy: str, direct: bool) -> None:
    """As Go and requests read it."""
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}

    assert (proxy_for("https://10.1.2.3/", environ) is None) == direct


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_machine_needs_no_proxy(host: str) -> None:
    """Loopback never leaves it."""
    assert proxy_for(f"http://{host}:5000/", {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}) is None


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example.com", "0.0.0.0", "::2", ""])
def test_other_machines_are_no_loopback(host: str) -> None:
    """Names that only look like it."""
    assert not is_loopback(host)
