"""Following redirects."""

from __future__ import annotations

import io

import pytest

from imagekit.model.errors import HttpError
from imagekit.net.http import BytesBody, Request, Response
from imagekit.net.redirects import follow

START = "https://registry.example/v2/a/blobs/x"


class Hosts:
    """Answers from a table of redirects; everything else is 200."""

    def __init__(self, redirects: dict[str, str], status: int = 307) -> None:
        self.redirects, self.status = redirects, status
        self.seen: list[Request] = []

    def send(self, request: Request) -> Response:
        self.seen.append(request)
        target = self.redirects.get(request.url)
        return Response(
            status=200 if target is None else self.status,
            headers={} if target is None else {"Location": target},
            url=request.url,
            stream=io.BytesIO(b"body"),
        )

    def start(self, url: str = START) -> Response:
        headers = {"Authorization": "Bearer secret", "Accept": "x"}
        return follow(self, Request(method="GET", url=url, headers=headers))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_authorization_stays_with_its_host(status: int) -> None:
    """Another host gets the request, not the credentials."""
    hosts = Hosts({START: "https://storage.example/x"}, status)
    with hosts.start() as response:
        assert response.url == "https://storage.example/x"

    assert dict(hosts.seen[1].headers) == {"Accept": "x"}


@pytest.mark.parametrize(
    "target", ["https://registry.example:8443/x", "https://sub.registry.example/x"]
)
def test_port_and_subdomain_are_other_origins(target: str) -> None:
    """Only the very same origin may see them."""
    hosts = Hosts({START: target})
    hosts.start()

    assert "Authorization" not in hosts.seen[1].headers


@pytest.mark.parametrize("target", ["/elsewhere", "https://REGISTRY.example:443/elsewhere"])
def test_same_origin_keeps_authorization(target: str) -> None:
    """A path, or the same host spelt differently."""
    hosts = Hosts({START: target})
    hosts.start()

    assert hosts.seen[1].headers["Authorization"] == "Bearer secret"


def test_authorization_does_not_come_back() -> None:
    """There and back again is still without it: the way was another's choice."""
    hosts = Hosts({START: "https://other.example/1", "https://other.example/1": START + "/2"})
    hosts.start()

    assert [("Authorization" in one.headers) for one in hosts.seen] == [True, False, False]


@pytest.mark.parametrize("target", ["http://registry.example/x", "http://127.0.0.1/x"])
def test_https_never_becomes_http(target: str) -> None:
    """Refused, and not asked for."""
    hosts = Hosts({START: target})
    with pytest.raises(HttpError, match="from https to http"):
        hosts.start()

    assert len(hosts.seen) == 1


def test_circles_end() -> None:
    """Five redirects, then it is an error."""
    hosts = Hosts({START: START})
    with pytest.raises(HttpError, match="more than 5 redirects"):
        hosts.start()

    assert len(hosts.seen) == 6


def test_nonsense_is_an_error() -> None:
    """A location that is no URL, and no crash."""
    with pytest.raises(HttpError, match="no URL"):
        Hosts({START: "https://[broken"}).start()


def test_body_is_not_sent_on() -> None:
    """What has a body is given back as it came."""
    hosts = Hosts({START: "https://other.example/"})
    request = Request(method="POST", url=START, body=BytesBody(b"secret"))

    assert follow(hosts, request).status == 307
    assert len(hosts.seen) == 1
