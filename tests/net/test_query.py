"""Values in the queries of URLs: taken out, and found again where the user wrote them."""

from __future__ import annotations

import pytest

from imagekit.net.query import is_masked, masked, put_back

WHEEL = "https://host/six-1.17.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (WHEEL, WHEEL),
        (f"{WHEEL}?token=s3cret", f"{WHEEL}?token=***"),
        (f"{WHEEL}?a=s3cret&b=&s3cret=#sha256=ab", f"{WHEEL}?a=***&b=***&s3cret=***#sha256=ab"),
        (f"{WHEEL}?s3cret", f"{WHEEL}?***"),
        (f'url = "{WHEEL}?t=a=b%26c", x = "why?so=1"', f'url = "{WHEEL}?t=***", x = "why?so=1"'),
        (f"git+{WHEEL}?t=1#subdirectory=py", f"git+{WHEEL}?t=***#subdirectory=py"),
    ],
)
def test_no_value_stays(text: str, kept: str) -> None:
    """Names stay and so does the fragment; what has no name is a value; done twice is done once."""
    assert masked(text) == kept
    assert masked(kept) == kept


def test_masked_is_told() -> None:
    """By the query alone, whatever stands elsewhere."""
    assert is_masked(f"{WHEEL}?a=1&b=***#x")
    assert is_masked(f"{WHEEL}?***")
    assert not is_masked(f"{WHEEL}?a=1")
    assert not is_masked("https://host/***?a=b***c#=***")


@pytest.mark.parametrize(
    "line",
    [
        f"six @ {WHEEL}?token=s3cret",
        f"six @ {WHEEL}?token=s3cret#sha256=ab ; python_version > '3'",
        "six @ https://me:pw@HOST:443/six%2D1.17.0-py3-none-any.whl?token=s3cret",
        f"dependencies = ['six @ {WHEEL}?token=s3cret']",
        f'six = {{ url = "{WHEEL}?token=s3cret" }}',
        f"six @ {WHEEL}?token=${{TOKEN}}",
    ],
)
def test_the_user_s_own_text_has_it(line: str) -> None:
    """However it is spelt there; never with user and password."""
    found = put_back(f"{WHEEL}?token=***", "six", ["nothing", line], {"TOKEN": "s3cret"})

    assert found is not None
    assert found.partition("?")[2] == "token=s3cret"
    assert "pw" not in found


def test_nothing_is_guessed() -> None:
    """Another file, another name in the query, or several values: none of them is taken."""
    url = f"{WHEEL}?token=***"

    for text in (f"{WHEEL}?other=1", f"{WHEEL}.metadata?token=1", WHEEL, "https://[/?token=1"):
        assert put_back(url, "six", [text]) is None
    assert put_back(url, "six", [f"a {WHEEL}?token=1\nb {WHEEL}?token=2"]) is None


def test_the_line_that_names_the_package() -> None:
    """Archives that differ in nothing but a value."""
    text = "one-a @ https://host/get.zip?of=1\none_b @ https://host/get.zip?of=2\n"

    assert put_back("https://host/get.zip?of=***", "one-b", [text]) == "https://host/get.zip?of=2"
