"""Where the traffic for a registry goes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from imagekit.model.errors import ConfigError, Problem
from imagekit.model.reference import DOCKER_HUB
from imagekit.net.proxies import is_loopback

VARIABLE = "IMAGEKIT_REGISTRY_ENDPOINTS"
"""`HOST=URL,…`: sends the traffic for HOST elsewhere (a mirror, a VPC endpoint, a test stack)."""

_SERVED_BY = {DOCKER_HUB: "https://registry-1.docker.io"}


def parse_endpoints(text: str) -> dict[str, str]:
    """Read `HOST=URL,…`; ConfigError names every entry that is not one. Empty is none."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    problems = tuple(
        Problem(VARIABLE, f"{entry!r} {why}") for entry in entries if (why := _wrong(entry))
    )
    if problems:
        raise ConfigError(problems=problems, hint=f'{VARIABLE}="HOST=https://OTHER-HOST"')
    pairs = (entry.partition("=") for entry in entries)
    return {host: url.rstrip("/") for host, _, url in pairs}


def endpoints(environ: Mapping[str, str]) -> dict[str, str]:
    """What `environ` says of registries, for `Registry`."""
    return parse_endpoints(environ.get(VARIABLE, ""))


def _wrong(entry: str) -> str | None:
    host, equals, url = entry.partition("=")
    if not equals or not host:
        return "is not HOST=URL"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "has no usable URL"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "has no http or https URL"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "uses plain HTTP, which is spoken only with this machine"
    return None


def base_url(registry: str, endpoints: Mapping[str, str]) -> str:
    """Scheme and host that serve `registry`, without a slash at the end.

    https for all but loopback, where registries without a certificate are the custom.
    """
    if registry in endpoints:
        return endpoints[registry]
    if registry in _SERVED_BY:
        return _SERVED_BY[registry]
    host = urlsplit(f"//{registry}").hostname or registry
    return f"{'http' if is_loopback(host) else 'https'}://{registry}"
