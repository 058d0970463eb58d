"""AWS on this machine, and what the tests of deployments ask of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.aws.buckets import Buckets
from imagekit.aws.functions import Functions
from imagekit.aws.metrics import Metrics
from imagekit.deploy.apply import Applying
from imagekit.deploy.observe import observe
from imagekit.deploy.place import Place
from imagekit.deploy.wanted import Wanted
from imagekit.model.deployment import VersionNote
from imagekit.model.digest import Digest
from imagekit.model.function import Observed
from imagekit.model.release import Code
from imagekit.project.config import LambdaSettings
from tests.services.lambda_front import LambdaFront
from tests.services.moto import ACCOUNT, KEYS

REGION = "eu-west-1"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/scoring"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/scoring"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
NAME = "scoring"


class Clock(Struct):
    """A time that only sleeping moves."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    slept: list[float] = field(default_factory=list)
    woken: Callable[[], None] = lambda: None
    """Called after each sleep."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.woken()


class World(Struct, kw_only=True, dict=True):
    """One account and region on moto, its Lambda behind the front."""

    moto: str
    front: LambdaFront
    clock: Clock
    region: str = REGION
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """What a user sets."""
        return {
            **KEYS,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.moto,
            "AWS_ENDPOINT_URL_LAMBDA": self.front.url,
        }

    @cached_property
    def place(self) -> Place:
        """The place, with this world's clock."""
        parts = (self.environ, self.clock.sleep)
        return Place(
            functions=Functions(parts[0], sleep=parts[1]),
            buckets=Buckets(parts[0], sleep=parts[1]),
            metrics=Metrics(parts[0], sleep=parts[1]),
            sleep=self.clock.sleep,
            now=lambda: self.clock.now,
        )

    def client(self, service: str) -> Any:
        """boto3 past the front: what a person would do beside imagekit."""
        import boto3

        if service in self.clients:
            return self.clients[service]
        self.clients[service] = boto3.client(
            service,  # type: ignore[call-overload]
            region_name=self.region,
            endpoint_url=self.front.url if service == "lambda" else self.moto,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        return self.clients[service]

    def role(self) -> None:
        """The role that functions run as."""
        self.client("iam").create_role(RoleName="scoring", AssumeRolePolicyDocument=TRUST)

    def deploy(self, wanted: Wanted, move: Any = None) -> list[str]:
        """Observe and apply; what was done, in words."""
        place = self.place
        applying = Applying(place=place, wanted=wanted, move=move and move(place))
        applying.run(observe(place, wanted))
        return applying.done

    def observed(self, wanted: Wanted) -> Observed:
        """What is there."""
        return observe(self.place, wanted)

    def versions(self) -> list[str]:
        """Numbers of all published versions."""
        return [one.version for one in self.place.functions.versions(NAME)]

    def alias(self) -> str | None:
        """Where `live` points."""
        found = self.place.functions.alias(NAME, "live")
        return found.version if found else None


def image(text: str, **more: Any) -> Wanted:
    """An image that is wanted; `text` makes its digest."""
    digest = Digest.of(text.encode())
    return Wanted(
        name=NAME,
        package="image",
        architecture=more.pop("architecture", "x86_64"),
        digest=digest,
        sha256=digest.hex,
        code=Code(image=f"{REPOSITORY}@{digest}"),
        settings=more.pop("settings", LambdaSettings(role=ROLE)),
        alias=more.pop("alias", "live"),
        note=VersionNote(commit="1a2b3c4", base="2026.11.18"),
        create=True,
        **more,
    )


def with_settings(wanted: Wanted, **settings: Any) -> Wanted:
    """The same with further settings."""
    return replace(wanted, settings=replace(wanted.settings, **settings))
