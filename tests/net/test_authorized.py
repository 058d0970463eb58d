"""Signing in: once, once more after a refusal, and to nobody else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec import Struct, field

from imagekit.model.errors import HttpError
from imagekit.net.authorized import Authorization, Authorizing, is_presigned
from imagekit.net.http import Request, Response, failure
from imagekit.net.redirects import follow
from tests.contents.support import Answers

URL = "https://index.test/simple/demo/"
OLD, NEW = Authorization("Basic old", "a file"), Authorization("Basic new", "AWS")


class Known(Struct):
    """Logins of one origin; each question is noted."""

    given: Authorization | None = OLD
    renewed: Authorization | None = None
    origin: str = "https://index.test/"
    asked: list[str] = field(default_factory=list)

    def first(self, url: str) -> Authorization | None:
        self.asked.append(f"first {url}")
        return self.given if url.startswith(self.origin) else None

    def another(self, url: str, refused: Authorization | None) -> Authorization | None:
        self.asked.append(f"another than {refused.source if refused else None}")
        return self.renewed

    def refusal(
        self, request: Request, response: Response, used: Authorization | None
    ) -> HttpError:
        return failure(request, response, hint=used.source if used else "nothing")


def allowing(*values: str, status: int = 401) -> Answers:
    """A server that takes these headers alone; `None` for none."""

    def answer(request: Request) -> tuple[int, Mapping[str, str], bytes]:
        return (200 if request.headers.get("Authorization") in values else status), {}, b"body"

    return Answers(answer)


def test_first_login_is_sent_with_the_first_try() -> None:
    """No challenge is waited for: each file costs one request."""
    server = allowing("Basic old")
    with Authorizing(server, Known()).send(Request(method="GET", url=URL)) as response:
        assert response.status == 200

    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_expired_login_is_renewed_once(status: int) -> None:
    """Either status may mean that a token has expired; another is asked for, with what failed."""
    server, logins = allowing("Basic new", status=status), Known(renewed=NEW)
    request = Request(method="GET", url=URL, headers={"Range": "bytes=0-1"})
    with Authorizing(server, logins).send(request) as response:
        assert response.status == 200

    assert [sent.headers["Authorization"] for sent in server.requests] == ["Basic old", "Basic new"]
    assert all(sent.headers["Range"] == "bytes=0-1" for sent in server.requests)
    assert logins.asked == [f"first {URL}", "another than a file"]


def test_second_refusal_is_final() -> None:
    """The error is about what was sent last; nobody is asked a third time."""
    server, logins = allowing("Basic other"), Known(renewed=NEW)
    with pytest.raises(HttpError) as refused:
        Authorizing(server, logins).send(Request(method="GET", url=URL))

    assert refused.value.hint == "AWS"
    assert len(server.requests) == 2


def test_nothing_known_is_told() -> None:
    """One request, and the error says that nothing was sent."""
    server = allowing("Basic other")
    with pytest.raises(HttpError) as refused:
        Authorizing(server, Known(given=None)).send(Request(method="GET", url=URL))

    assert refused.value.hint == "nothing"
    assert len(server.requests) == 1


def test_other_statuses_are_the_callers() -> None:
    """404 and 500 are no matter of who asks."""
    server = allowing("Basic other", status=404)
    with Authorizing(server, Known()).send(Request(method="GET", url=URL)) as response:
        assert response.status == 404

    assert len(server.requests) == 1


def test_presigned_url_is_sent_nothing_and_refuses_as_it_likes() -> None:
    """S3 refuses who says it twice, and its 403 is not the index's."""
    server, logins = allowing("never", status=403), Known(origin="https://")
    url = "https://bucket.test/x.whl?X-Amz-Signature=abc"
    with Authorizing(server, logins).send(Request(method="GET", url=url)) as response:
        assert response.status == 403

    assert "Authorization" not in server.requests[0].headers
    assert logins.asked == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("X-Amz-Signature=a", True),
        ("Expires=1&Signature=a&Key-Pair-Id=k", True),
        ("sv=2024&sig=a", True),
        ("X-Goog-Signature=a", True),
        ("name=demo", False),
        ("", False),
    ],
)
def test_signatures_of_the_clouds_are_known(query: str, expected: bool) -> None:
    """AWS in its three forms, Azure, Google."""
    assert is_presigned(f"https://host/x?{query}") is expected


def test_redirect_to_another_host_goes_without_the_login() -> None:
    """The other host is asked about by itself, and nothing is known of it."""

    def answer(request: Request) -> tuple[int, Mapping[str, str], bytes]:
        if request.url == URL:
            return 302, {"location": "https://files.test/x.whl"}, b""
        return 200, {}, b"wheel"

    server = Answers(answer)
    with follow(Authorizing(server, Known()), Request(method="GET", url=URL)) as response:
        assert response.read() == b"wheel"

    first, second = server.requests
    assert first.headers["Authorization"] == "Basic old"
    assert "Authorization" not in second.headers


def test_redirect_to_a_host_that_is_known_is_signed_for_that_host() -> None:
    """A mirror that sends on to a second private index."""

    def answer(request: Request) -> tuple[int, Mapping[str, str], bytes]:
        if request.url == URL:
            return 302, {"location": "https://second.test/x.whl"}, b""
        return (200 if request.headers.get("Authorization") == "Basic old" else 401), {}, b"wheel"

    logins = Known(origin="https://second.test/")
    server = Answers(answer)
    with follow(Authorizing(server, logins), Request(method="GET", url=URL)) as response:
        assert response.status == 200

    assert "Authorization" not in server.requests[0].headers


def test_login_in_the_url_goes_first() -> None:
    """What the request brings is sent, and named where it is refused."""
    server, logins = allowing("Basic new"), Known(renewed=NEW)
    request = Request(method="GET", url=URL, headers={"authorization": "Basic url"})
    with Authorizing(server, logins).send(request) as response:
        assert response.status == 200

    assert logins.asked == ["another than the URL itself"]
    assert {k.lower() for k in server.requests[1].headers} == {"authorization"}
    assert "Basic" not in repr(OLD)
