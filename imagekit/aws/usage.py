"""What the functions of an account run: every version's image, by digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from imagekit.aws.account import client_options
from imagekit.aws.calls import Calls
from imagekit.aws.session import session
from imagekit.model.digest import Digest
from imagekit.model.ecr import Use
from imagekit.model.errors import RemoteRefused
from imagekit.model.reference import Reference

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_THREADS = 8
"""lambda_rules L11: an account's control plane takes 15 calls a second, GetFunction 100."""


def images_in_use(
    calls: Calls, account: str, region: str, known: frozenset[Digest]
) -> tuple[Use, ...]:
    """Every image that a version of any function there runs, `$LATEST` included.

    Aliases point at versions, so none is missed without asking for them. `known` are the digests
    that matter: a version's CodeSha256 is its image's digest (lambda_rules L8), and where it is
    none of these, Lambda is asked for the image itself. Raises AwsRefused; RemoteRefused where
    Lambda does not say what a version runs.
    """
    client = calls.change(
        f"a client for Lambda in {region}",
        "lambda:ListFunctions",
        lambda: session(calls.environ, region).client(
            "lambda", **client_options(calls.environ, "LAMBDA")
        ),
    )
    reader = _Reader(calls, client, account, region)
    versions = list(reader.versions())
    by_hex = {one.hex: one for one in known}
    digests = {code: by_hex[code] for _, _, code in versions if code in by_hex}
    asked = {code: (name, version) for name, version, code in versions if code not in digests}
    digests |= dict(reader.resolved(asked))
    return tuple(
        Use(account=account, function=name, version=version, digest=digests[code])
        for name, version, code in versions
        if code in digests
    )


class _Reader:
    def __init__(self, calls: Calls, client: LambdaClient, account: str, region: str) -> None:
        self._calls, self._client = calls, client
        self._where = f"in {region} of account {account}"

    def versions(self) -> Iterator[tuple[str, str, str]]:
        """Function, version and CodeSha256 of all that run images."""
        from concurrent.futures import ThreadPoolExecutor

        names = self._calls.describe(
            f"list the functions {self._where}",
            "lambda:ListFunctions",
            self._names,
        )
        with ThreadPoolExecutor(_THREADS) as pool:
            for found in pool.map(self._versions, names):
                yield from found

    def resolved(self, asked: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, Digest]]:
        """The digest of each code, of which one version is named."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_THREADS) as pool:
            found = pool.map(lambda one: self._image(*one), asked.values())
            for code, digest in zip(asked, found, strict=True):
                if digest is not None:
                    yield code, digest

    def _names(self) -> list[str]:
        pages = self._client.get_paginator("list_functions").paginate()
        return [
            one["FunctionName"]
            for page in pages
            for one in page["Functions"]
            if one.get("PackageType") == "Image" or "Runtime" not in one
        ]

    def _versions(self, name: str) -> list[tuple[str, str, str]]:
        def pages() -> list[Any]:
            found = self._client.get_paginator("list_versions_by_function")
            return [one for page in found.paginate(FunctionName=name) for one in page["Versions"]]

        found = self._calls.find(
            f"list the versions of {name} {self._where}", "lambda:ListVersionsByFunction", pages
        )
        return [(name, one["Version"], one.get("CodeSha256") or "") for one in found or ()]

    def _image(self, name: str, version: str) -> Digest | None:
        found = self._calls.find(
            f"describe {name}:{version} {self._where}",
            "lambda:GetFunction",
            lambda: self._client.get_function(FunctionName=name, Qualifier=version),
        )
        if found is None or found["Configuration"].get("PackageType") == "Zip":
            return None
        digest = _digest_of(found.get("Code", {}))
        if digest is None:
            raise RemoteRefused(
                what=f"Lambda does not say which image {name}:{version} {self._where} runs",
                hint=f"aws lambda get-function --function-name {name} --qualifier '{version}'",
            )
        return digest


def _digest_of(code: Mapping[str, Any]) -> Digest | None:
    try:
        return Reference.parse(code.get("ResolvedImageUri") or code["ImageUri"]).digest
    except (KeyError, ValueError):
        return None
