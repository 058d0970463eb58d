"""Requests and answers as values."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from imagekit.net.http import (
    BytesBody,
    FileBody,
    Headers,
    Request,
    Response,
    failure,
    origin,
    redact,
    retry_after,
)


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
    return Response(
        status=status, headers=headers or {}, url="https://h/x", stream=io.BytesIO(body)
    )


def test_bodies_are_read_again_from_the_start(tmp_path: Path) -> None:
    """A retry sends the same bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"data")
    for body in (BytesBody(b"data"), BytesBody(bytearray(b"data")), FileBody(path)):
        for _ in range(2):
            with body.open() as stream:
                assert stream.read() == b"data"
        assert body.size_bytes == 4


def test_header_names_have_no_case() -> None:
    """RFC 9110, 5.1."""
    headers = Headers({"Content-Type": "a"})

    assert headers["content-type"] == headers["CONTENT-TYPE"] == "a"
    assert "Content-type" in headers
    assert headers.get("missing") is None
    assert list(headers) == ["content-type"]


def test_answers_are_read_in_pieces() -> None:
    """`chunks` gives the rest, however small the pieces."""
    assert list(answer(200, b"abcde").chunks(2)) == [b"ab", b"cd", b"e"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h.example:8/p?digest=sha256:ab", "https://h.example:8/p?digest=sha256:ab"),
        ("https://h/p?X-Amz-Signature=s3cr3t&n=1", "https://h/p?X-Amz-Signature=***&n=1"),
        ("https://h/p?_state=abc#frag", "https://h/p?_state=***"),
        ("https://token@h/simple/", "https://h/simple/"),
        ("https://h/p?empty=", "https://h/p?empty=***"),
        ("https://[broken", "(not a URL)"),
    ],
)
def test_shown_urls_hold_no_secret(url: str, shown: str) -> None:
    """No user, no password, and of the query only what is known to be harmless."""
    assert redact(url) == shown


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            10.0,
        ),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            0.0,
        ),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """A date counts from the answer's own; what is neither says nothing."""
    assert retry_after(Headers(headers)) == seconds


@pytest.mark.parametrize(
    ("status", "temporary"),
    [
        *((status, False) for status in (400, 401, 403, 404, 409, 501)),
        *((status, True) for status in (408, 429, 500, 502, 503, 504)),
    ],
)
def test_failure_knows_whether_to_try_again(status: int, temporary: bool) -> None:
    """What may pass is a list of statuses, no more."""
    request = Request(method="GET", url="https://h/x")
    error = failure(request, answer(status, b"why", {"Retry-After": "3"}), hint="type this")

    assert (error.status, error.temporary, error.diagnostics) == (status, temporary, "why")
    assert (error.retry_after_seconds, error.hint) == (3.0, "type this")


def test_failure_reads_no_more_than_64_kib() -> None:
    """An error page may be endless."""
    error = failure(Request(method="GET", url="https://h/x"), answer(500, b"x" * 1_000_000))

    assert len(error.diagnostics) == 64 * 1024


def test_origin_is_scheme_host_and_port() -> None:
    """Default ports are spelt out, case does not count."""
    assert origin("https://H.example/x") == origin("https://h.example:443/y")
    assert origin("http://h.example") != origin("https://h.example")
    assert origin("https://h.example:8443") != origin("https://h.example")
