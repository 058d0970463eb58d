"""Lambda's API as far as a deployment needs it: frozen values in and out."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from imagekit.aws.account import client_options, region_of, unusable
from imagekit.aws.calls import Calls
from imagekit.aws.function_values import alias_state, base64_of, code_fields, function_state
from imagekit.aws.session import session
from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteMismatch
from imagekit.model.function import AliasState, FunctionState
from imagekit.model.release import Code, NewFunction

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_LONGEST_CALL_SECONDS = 910


class Invoked(Struct, frozen=True, kw_only=True):
    """What one invocation gave."""

    error: str | None
    """`Unhandled` or `Handled` where the function failed."""
    payload: str
    """What it answered, or its error."""
    log: str = ""
    """The last 4 KB of its log, where that was asked for."""


class Functions:
    """The functions of one account and region. Every method raises AwsRefused."""

    def __init__(self, environ: Mapping[str, str], *, sleep: Callable[[float], None]) -> None:
        self._environ = environ
        self._calls = Calls(environ=environ, sleep=sleep)

    @cached_property
    def region(self) -> str:
        """Where the functions are."""
        return region_of(self._environ)

    @cached_property
    def _client(self) -> LambdaClient:
        options = client_options(self._environ, "LAMBDA")
        return session(self._environ, self.region).client("lambda", **options)

    @cached_property
    def _patient(self) -> LambdaClient:
        """Waits for a function as long as it may take; not for threads."""
        from botocore.config import Config

        options = client_options(self._environ, "LAMBDA")
        options["config"] = options["config"].merge(Config(read_timeout=_LONGEST_CALL_SECONDS))
        return session(self._environ, self.region).client("lambda", **options)

    def connect(self) -> None:
        """Make the client now: making one is not safe in threads, using it is."""
        from botocore.exceptions import BotoCoreError

        try:
            _ = self._client
        except BotoCoreError as error:
            raise unusable(error, self._environ) from error

    def get(self, name: str, version: str | None = None) -> FunctionState | None:
        """`$LATEST`, or a version or alias; None where there is none. GetFunction (L11)."""
        asked: dict[str, Any] = {"FunctionName": name}
        if version:
            asked["Qualifier"] = version
        found = self._calls.find(
            f"describe {_at(name, version)}",
            "lambda:GetFunction",
            lambda: self._client.get_function(**asked),
        )
        return None if found is None else function_state(found)

    def newest(self, name: str) -> FunctionState | None:
        """The version that was published last; without where its code lies."""
        versions = self.versions(name)
        return versions[-1] if versions else None

    def versions(self, name: str) -> tuple[FunctionState, ...]:
        """All published versions, the oldest first; without where their code lies."""

        def pages() -> list[Any]:
            paginator = self._client.get_paginator("list_versions_by_function")
            return [
                one for page in paginator.paginate(FunctionName=name) for one in page["Versions"]
            ]

        found = self._calls.describe(
            f"list the versions of {name}", "lambda:ListVersionsByFunction", pages
        )
        states = (function_state({"Configuration": one}) for one in found)
        numbered = (state for state in states if state.version.isdigit())
        return tuple(sorted(numbered, key=lambda state: int(state.version)))

    def alias(self, name: str, alias: str) -> AliasState | None:
        """One alias, None where there is none."""
        found = self._calls.find(
            f"describe the alias {alias} of {name}",
            "lambda:GetAlias",
            lambda: self._client.get_alias(FunctionName=name, Name=alias),
        )
        return None if found is None else alias_state(found)

    def aliases(self, name: str) -> tuple[AliasState, ...]:
        """All aliases of a function, by name."""

        def pages() -> list[Any]:
            paginator = self._client.get_paginator("list_aliases")
            return [
                one for page in paginator.paginate(FunctionName=name) for one in page["Aliases"]
            ]

        found = self._calls.describe(f"list the aliases of {name}", "lambda:ListAliases", pages)
        return tuple(sorted(map(alias_state, found), key=lambda state: state.name))

    def create(self, new: NewFunction) -> None:
        """Make the function; it is busy for a while."""
        asked: dict[str, Any] = {
            "FunctionName": new.name,
            "Role": new.role,
            "MemorySize": new.memory,
            "Timeout": new.timeout,
            "Architectures": [new.architecture],
            "Code": code_fields(new.code),
        }
        if new.code.image:
            asked |= {"PackageType": "Image"}
            if new.command:
                asked["ImageConfig"] = {"Command": list(new.command)}
        else:
            asked |= {"PackageType": "Zip", "Runtime": new.runtime, "Handler": new.handler}
        self._calls.change(
            f"create {new.name}",
            "lambda:CreateFunction and iam:PassRole",
            lambda: self._client.create_function(**asked),
        )

    def update_code(
        self, name: str, code: Code, *, architecture: str | None, revision: str | None
    ) -> None:
        """Have the function run other code; it is busy for a while."""
        asked: dict[str, Any] = {"FunctionName": name, **code_fields(code)}
        if architecture:
            asked["Architectures"] = [architecture]  # L21
        if revision:
            asked["RevisionId"] = revision  # L18
        self._calls.change(
            f"update the code of {name}",
            "lambda:UpdateFunctionCode",
            lambda: self._client.update_function_code(**asked),
        )

    def update_configuration(
        self, name: str, changes: Mapping[str, object], *, revision: str | None
    ) -> None:
        """Set what `changes` says, in the API's own words; it is busy for a while."""
        asked: dict[str, Any] = {"FunctionName": name, **changes}
        if revision:
            asked["RevisionId"] = revision
        self._calls.change(
            f"update the configuration of {name}",
            "lambda:UpdateFunctionConfiguration",
            lambda: self._client.update_function_configuration(**asked),
        )

    def publish(self, name: str, *, code: str, description: str) -> FunctionState:
        """Publish `$LATEST` if its CodeSha256 is still `code` (L19).

        The same version again where nothing changed since the last one.
        """
        found = self._calls.change(
            f"publish a version of {name}",
            "lambda:PublishVersion",
            lambda: self._client.publish_version(
                FunctionName=name, CodeSha256=code, Description=description
            ),
        )
        return function_state({"Configuration": found})

    def delete_version(self, name: str, version: str) -> None:
        """Delete one published version; ValueError for anything else, which would be all of it."""
        if not version.isdigit():
            raise ValueError(f"not a published version: {version!r}")
        # Deleting twice is deleting: it is tried again where that may help.
        self._calls.find(
            f"delete version {version} of {name}",
            "lambda:DeleteFunction",
            lambda: self._client.delete_function(FunctionName=name, Qualifier=version),
        )

    def create_alias(self, name: str, alias: str, version: str) -> AliasState:
        """Make an alias."""
        found = self._calls.change(
            f"create the alias {alias} of {name}",
            "lambda:CreateAlias",
            lambda: self._client.create_alias(
                FunctionName=name, Name=alias, FunctionVersion=version
            ),
        )
        return alias_state(found)

    def move_alias(self, name: str, wanted: AliasState) -> AliasState:
        """Point the alias at its version, with its routing; L18 where another hand was faster."""
        asked: dict[str, Any] = {
            "FunctionName": name,
            "Name": wanted.name,
            "FunctionVersion": wanted.version,
            "RoutingConfig": {"AdditionalVersionWeights": dict(wanted.routing)},
        }
        if wanted.revision:
            asked["RevisionId"] = wanted.revision
        found = self._calls.change(
            f"move the alias {wanted.name} of {name}",
            "lambda:UpdateAlias",
            lambda: self._client.update_alias(**asked),
        )
        return alias_state(found)

    def invoke(self, name: str, version: str, payload: bytes, *, tail: bool = False) -> Invoked:
        """Call a version or an alias with an event and wait for its answer; `tail` has its log."""
        asked: dict[str, Any] = {"FunctionName": name, "Qualifier": version, "Payload": payload}
        if tail:
            asked["LogType"] = "Tail"

        def call() -> Invoked:
            answer = (self._patient if tail else self._client).invoke(**asked)
            text = answer["Payload"].read().decode("utf-8", "replace")
            log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
            return Invoked(error=answer.get("FunctionError"), payload=text, log=log)

        return self._calls.change(f"invoke {_at(name, version)}", "lambda:InvokeFunction", call)

    def layer_archive(self, arn: str) -> tuple[int, str] | None:
        """Bytes of a layer version's archive, and where it can be fetched from for some minutes;
        None where it is not ours to see."""
        found = self._calls.find(
            f"describe the layer {arn}",
            "lambda:GetLayerVersion",
            lambda: self._client.get_layer_version_by_arn(Arn=arn),
        )
        content = found["Content"] if found else None
        return (content["CodeSize"], content.get("Location", "")) if content else None

    def layer(self, name: str, digest: Digest) -> str | None:
        """ARN of the version of a layer that has this content; None where none was published.

        What its description says is held against CodeSha256, which only describing it tells.
        """

        def noted() -> list[tuple[int, str]]:
            paginator = self._client.get_paginator("list_layer_versions")
            return [
                (one["Version"], one["LayerVersionArn"])
                for page in paginator.paginate(LayerName=name)
                for one in page["LayerVersions"]
                if one.get("Description") == str(digest)
            ]

        found = self._calls.find(
            f"list the versions of the layer {name}", "lambda:ListLayerVersions", noted
        )
        for version, arn in found or ():
            known = self._calls.find(
                f"describe version {version} of the layer {name}",
                "lambda:GetLayerVersion",
                partial(self._client.get_layer_version, LayerName=name, VersionNumber=version),
            )
            if known and known["Content"].get("CodeSha256") == base64_of(digest):
                return arn
        return None

    def publish_layer(
        self, name: str, digest: Digest, code: Code, *, runtime: str, architecture: str
    ) -> str:
        """Publish a version of a layer with this content; its ARN. RemoteMismatch where Lambda has
        another content by then."""
        asked: dict[str, Any] = {
            "LayerName": name,
            "Description": str(digest),
            "Content": code_fields(code),
            "CompatibleRuntimes": [runtime],
            "CompatibleArchitectures": [architecture],
        }
        found = self._calls.change(
            f"publish the layer {name}",
            "lambda:PublishLayerVersion",
            lambda: self._client.publish_layer_version(**asked),
        )
        sha256 = found["Content"].get("CodeSha256", "")
        if sha256 != base64_of(digest):
            raise RemoteMismatch(
                what=f"the layer {name}", expected=base64_of(digest), actual=sha256
            )
        return found["LayerVersionArn"]


def _at(name: str, version: str | None) -> str:
    return f"{name}:{version}" if version else name
