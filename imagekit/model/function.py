"""A Lambda function as AWS describes it: frozen values, no calls."""

from __future__ import annotations

from msgspec import Struct

from imagekit.model.packaging import PackageType
from imagekit.model.target import Architecture

# lambda_rules L14: these mean that the code that Lambda was given is no longer to be had.
_GONE = frozenset({"ImageAccessDenied", "ImageDeleted", "InvalidImage"})
_STACK = "aws:cloudformation:stack-name"


class FunctionState(Struct, frozen=True, kw_only=True):
    """`$LATEST`, or one published version."""

    name: str
    arn: str
    """Without a version."""
    version: str
    """`$LATEST`, or a number."""
    package: PackageType
    architecture: Architecture
    code: str
    """What Lambda calls CodeSha256: hex of the manifest for an image, base64 for a ZIP (L8)."""
    configuration: str
    """Fingerprint of all that a version keeps besides its code; not the description."""
    image: str | None = None
    """`repository@sha256:…` that Lambda resolved (L7)."""
    location: str | None = None
    """Where the code of a ZIP can be fetched from, for some minutes."""
    runtime: str | None = None
    handler: str | None = None
    description: str = ""
    memory: int = 128
    """MB."""
    timeout: int = 3
    """Seconds."""
    storage: int = 512
    """MB of `/tmp`."""
    role: str = ""
    env: tuple[tuple[str, str], ...] = ()
    env_hidden: str = ""
    """Why its variables cannot be read, where they cannot."""
    layers: tuple[tuple[str, int], ...] = ()
    """ARN of a version, and bytes of its archive."""
    snapstart: bool = False
    state: str = "Active"
    state_code: str = ""
    state_reason: str = ""
    update: str = "Successful"
    update_code: str = ""
    update_reason: str = ""
    revision: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    image_config: tuple[tuple[str, object], ...] = ()
    """What it says in place of the image: `Command`, `EntryPoint`, `WorkingDirectory`."""

    @property
    def command(self) -> tuple[str, ...]:
        """What it says in place of the image's CMD; empty where it leaves that to the image."""
        found = dict(self.image_config).get("Command")
        return found if isinstance(found, tuple) else ()

    @property
    def busy(self) -> bool:
        """Whether Lambda is still at work on it: every change would be refused (L10).

        States that are not known here are not taken for failures (L13).
        """
        return self.state == "Pending" or self.update == "InProgress"

    @property
    def failure(self) -> tuple[str, str] | None:
        """Code and reason, where the last change failed, in Lambda's own words."""
        if self.update == "Failed":
            return self.update_code, self.update_reason
        if self.state == "Failed":
            return self.state_code, self.state_reason
        return None

    @property
    def code_is_sound(self) -> bool:
        """Whether the code that it names is the code that it runs (L12, L14)."""
        return self.failure is None and self.state_code not in _GONE

    @property
    def stack(self) -> str | None:
        """The CloudFormation stack that owns it."""
        return dict(self.tags).get(_STACK)

    def same_version(self, other: FunctionState) -> bool:
        """Whether publishing both would give the same version."""
        return (self.code, self.configuration) == (other.code, other.configuration)


class AliasState(Struct, frozen=True, kw_only=True):
    """An alias: a version, and what part of the traffic goes to another one."""

    name: str
    version: str
    routing: tuple[tuple[str, float], ...] = ()
    """Version, and its share from 0 to 1."""
    revision: str | None = None


class Observed(Struct, frozen=True, kw_only=True):
    """What is there, as describe calls tell."""

    function: FunctionState | None = None
    """`$LATEST`; None where there is no such function."""
    alias: AliasState | None = None
    serving: FunctionState | None = None
    """The alias's version; without an alias the newest published one."""
    uploaded: bool = False
    """Whether the bucket has the archive."""
    rest_uploaded: bool = False
    """Whether it has what the archive's loader fetches at start."""
    published: tuple[tuple[str, str], ...] = ()
    """Of the Lambda layers that the archive needs, those that are there: name and ARN."""
