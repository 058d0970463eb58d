"""Image references, read as Docker reads them."""

from __future__ import annotations

import pytest

from imagekit.model.digest import Digest
from imagekit.model.reference import Reference

HEX = "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("alpine", "docker.io", "library/alpine", None),
        ("team/app:1.0", "docker.io", "team/app", "1.0"),
        ("localhost/app", "localhost", "app", None),
        ("localhost:5000/a/b:t", "localhost:5000", "a/b", "t"),
        ("public.ecr.aws/lambda/python:3.13", "public.ecr.aws", "lambda/python", "3.13"),
    ],
)
def test_the_first_part_is_a_host_only_if_it_could_not_be_a_path(
    text: str, registry: str, repository: str, tag: str | None
) -> None:
    """A dot, a colon or `localhost` makes a host; anything else lies on Docker Hub."""
    found = Reference.parse(text)

    assert (found.registry, found.repository, found.tag) == (registry, repository, tag)


def test_a_reference_is_written_back_in_full() -> None:
    """Tag and digest both survive; `at` and `tagged` keep one of them."""
    found = Reference.parse(f"r.example/a:t@sha256:{HEX}")

    assert str(found) == f"r.example/a:t@sha256:{HEX}"
    assert str(found.at(Digest("b" * 64))) == f"r.example/a@sha256:{'b' * 64}"
    assert str(found.tagged("u")) == "r.example/a:u"


@pytest.mark.parametrize(
    "text", ["", "UPPER/case", "a b", "r.example/a:", "r.example/a:!", "a@sha256:12", "r.example/"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    """Inside, a wrong reference cannot exist."""
    with pytest.raises(ValueError):
        Reference.parse(text)


def test_a_private_ecr_tells_its_account_and_region() -> None:
    """The host name says which token to ask for; public registries are not ECR."""
    ecr = Reference.parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1")

    assert ecr.ecr == ("123456789012", "eu-west-1")
    assert Reference.parse("public.ecr.aws/lambda/python:3.13").ecr is None


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", ("123456789012", "eu-west-1")),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", ("123456789012", "us-east-1")),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", ("123456789012", "eu-west-1")),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", ("123456789012", "cn-north-1")),
        ("public.ecr.aws", None),
        ("evil-123456789012.dkr-ecr.eu-west-1.on.aws", None),
    ],
)
def test_names_of_a_private_ecr(host: str, place: tuple[str, str] | None) -> None:
    """Classic, FIPS and dual-stack hosts are one registry (lambda_rules L1 to L3); no other is."""
    assert Reference(registry=host, repository="team/app").ecr == place
