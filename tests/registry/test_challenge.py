"""Reading `WWW-Authenticate`, and what a token is good for."""

from __future__ import annotations

import pytest

from imagekit.registry.challenge import Challenge, Scope, covers, parse_challenge

BEARER = Challenge(
    scheme="bearer",
    realm="https://auth.example/token",
    service="registry.example",
    scope="repository:a/b:pull,push",
)
TEXT = (
    'Bearer realm="https://auth.example/token",service="registry.example",'
    'scope="repository:a/b:pull,push"'
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (TEXT, BEARER),
        (TEXT.replace("Bearer", "bearer").replace(",service", " , service"), BEARER),
        (f'Basic realm="x", {TEXT}', BEARER),
        (f'{TEXT}, Basic realm="x"', BEARER),
        ('Basic realm="say \\"hi\\""', Challenge(scheme="basic", realm='say "hi"')),
        ("Basic", Challenge(scheme="basic")),
        ("Basic realm=plain", Challenge(scheme="basic", realm="plain")),
        ("Negotiate", None),
        ("", None),
        ('=,"', None),
    ],
)
def test_challenges(header: str, expected: Challenge | None) -> None:
    """Bearer before basic, in any order and spelling; what is neither is none."""
    assert parse_challenge(header) == expected


def test_token_covers_what_it_may_do() -> None:
    """Writing includes reading, of the same repository alone."""
    read, write = Scope(repository="a"), Scope(repository="a", write=True)
    other = Scope(repository="b")

    assert covers([write], [read])
    assert covers([write, other], [read, other])
    assert not covers([read], [write])
    assert not covers([write], [other])
    assert (str(read), str(write)) == ("repository:a:pull", "repository:a:pull,push")
