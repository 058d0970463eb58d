"""Which proxy a URL goes through, as the environment says: `HTTPS_PROXY`, `NO_PROXY` and kin."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without port) is this machine."""
    if host.lower() == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy's URL, or None for a direct connection.

    Lower-case names win over upper-case ones, as in curl; loopback never goes through a proxy, as
    in Go's net/http.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or _bypassed(host, parts.port, _read("no", environ)):
        return None
    proxy = _read(parts.scheme, environ) or _read("all", environ)
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _read(scheme: str, environ: Mapping[str, str]) -> str:
    lower = f"{scheme}_proxy"
    return environ[lower] if lower in environ else environ.get(lower.upper(), "")


def _bypassed(host: str, port: int | None, no_proxy: str) -> bool:
    names = [name.strip().lower() for name in no_proxy.split(",")]
    return any(name and _covers(name, host, port) for name in names)


def _covers(name: str, host: str, port: int | None) -> bool:
    if name == "*":
        return True
    if "/" in name:
        return _in_network(host, name)
    if not name.startswith("[") and name.count(":") == 1:
        name, _, wanted = name.partition(":")
        if wanted != str(port):
            return False
    suffix = name.strip("[]").removeprefix("*").lstrip(".")
    return host == suffix or host.endswith(f".{suffix}")


def _in_network(host: str, network: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
