"""User and password in URLs: found, taken out, put in."""

from __future__ import annotations

import pytest

from imagekit.net.userinfo import (
    Userinfo,
    bytes_without_userinfo,
    join,
    split,
    urls_with_userinfo,
    without_userinfo,
)


@pytest.mark.parametrize(
    ("url", "plain", "found"),
    [
        ("https://host/simple/", "https://host/simple/", None),
        ("https://me:s@host/simple/", "https://host/simple/", Userinfo("me", "s")),
        ("https://me@host:8443/x?a=b#c", "https://host:8443/x?a=b#c", Userinfo("me", None)),
        ("https://me:@host/", "https://host/", Userinfo("me", "")),
        ("https://a%40b:p%2F%3Aq@host/", "https://host/", Userinfo("a@b", "p/:q")),
    ],
)
def test_split_decodes_and_leaves_the_rest(url: str, plain: str, found: Userinfo | None) -> None:
    """A user without a colon has no password, which is not an empty one."""
    assert split(url) == (plain, found)


def test_join_is_the_way_back() -> None:
    """Whatever characters a password has; what stood there before is replaced."""
    joined = join("https://old:gone@host/simple/", "a@b", "p/:@q%")

    assert split(joined) == ("https://host/simple/", Userinfo("a@b", "p/:@q%"))


TEXT = """--index-url https://me:s3cret@host/simple/
-e git+https://deploy:s3cret@git.host/repo.git@main#egg=x
url = "HTTP://me:s3cr@t@host/"  # mail@example.com
ssh://git@git.host/repo.git and https://host/a@b/simple
"""


def test_text_loses_passwords_and_nothing_else() -> None:
    """The user of ssh is part of the address, and an @ further on is part of the path."""
    expected = (
        TEXT.replace("me:s3cret@", "").replace("deploy:s3cret@", "").replace("me:s3cr@t@", "")
    )

    assert without_userinfo(TEXT) == expected
    assert bytes_without_userinfo(TEXT.encode()) == expected.encode()


def test_urls_are_found_as_they_stand() -> None:
    """Only those with a user; quotes and white space end them."""
    assert urls_with_userinfo(TEXT) == (
        "https://me:s3cret@host/simple/",
        "https://deploy:s3cret@git.host/repo.git@main#egg=x",
        "HTTP://me:s3cr@t@host/",
    )


def test_password_is_not_shown() -> None:
    """A traceback shows values."""
    assert "s3cret" not in repr(split("https://me:s3cret@host/")[1])
