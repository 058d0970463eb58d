"""A whole release in this process, with a store of its own each time and nothing to wait for."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from imagekit.console import Console
from imagekit.model.errors import ImagekitError
from imagekit.pipeline.deploying.handover import Handover
from imagekit.pipeline.deploying.request import DeployRequest
from imagekit.pipeline.release import ReleaseRequest, run, show
from imagekit.pipeline.request import Outputs, Request
from imagekit.pipeline.workshop import Workshop
from imagekit.store import Store
from tests.deploy.world import REGION, ROLE, World
from tests.services.ecr_front import EcrFront
from tests.services.moto import ACCOUNT
from tests.services.trouble import Trouble, calm


class Ended(Struct, frozen=True, kw_only=True):
    """What came of a release."""

    status: int
    said: str
    answered: str
    error: ImagekitError | None = None
    slept: tuple[float, ...] = ()


class Cloud(Struct, kw_only=True):
    """The servers of AWS, which share one count of requests."""

    aws: EcrFront
    world: World

    def have(self, trouble: Trouble | None) -> None:
        """All later requests are counted by it; None: none is."""
        self.aws.trouble = self.world.front.trouble = trouble or calm
        for registry in self.aws.registries():
            registry.trouble = trouble or calm

    def versions(self, name: str) -> list[str]:
        """What the published versions of a function run, the oldest first: hex of digests."""
        return [one.code for one in self.world.place.functions.versions(name)]

    def serving(self, name: str) -> str | None:
        """What the version that `live` points at runs; None where there is no alias."""
        alias = self.world.place.functions.alias(name, "live")
        if alias is None:
            return None
        assert alias.routing == ()
        return self.versions(name)[int(alias.version) - 1]

    def policy(self, repository: str) -> str:
        """Who may read a repository of the caller's own ECR."""
        asked = {"repositoryName": repository}
        found = self.aws.pass_on("ecr", REGION, ACCOUNT, "GetRepositoryPolicy", asked)
        return str(found["policyText"])

    def require_sound(self) -> None:
        """No tag names an image that lacks a blob, and nobody tried to make one."""
        for registry in self.aws.registries():
            for name, stored in registry.repositories.items():
                for image in stored.images.values():
                    assert registry.missing(name, image) == [], image.tags
            refused = [one.path for one in registry.saw("PUT", "/manifests/") if one.status == 400]
            assert refused == []


class Runner(Struct, kw_only=True):
    """Machines that release one project: each has an empty disk unless one is named."""

    folder: Path
    environ: Mapping[str, str]
    stores: Path
    number: int = 0

    def machine(self) -> Path:
        """A new disk."""
        self.number += 1
        return self.stores / f"machine{self.number}"

    def release(
        self,
        store: Path | None = None,
        *functions: str,
        outputs: Mapping[str, Any] = MappingProxyType({}),
        deploys: bool = True,
        plan: bool = False,
        tfvars: Path | None = None,
        **deploy: Any,
    ) -> Ended:
        """`imagekit release --create --role ARN --alias live`; errors become values.

        Further words of the command line go by the names of `Outputs` and `DeployRequest`.
        """
        out, err = io.StringIO(), io.StringIO()
        slept: list[float] = []
        workshop = Workshop(
            environ={**os.environ, **self.environ},
            console=Console(out=out, err=err, verbose=True),
            store=Store(store or self.machine()),
            folder=self.folder,
            sleep=slept.append,
        )
        asked = ReleaseRequest(
            build=Request(functions=functions),
            outputs=Outputs(**{"push": True, "create": True, "zips_too": True, **outputs}),
            deploy=DeployRequest(
                functions=functions, **{"alias": "live", "create": True, "role": ROLE, **deploy}
            ),
            deploys=deploys,
        )
        error = None
        try:
            status = (show if plan else run)(workshop, asked, Handover(environ={}, tfvars=tfvars))
        except ImagekitError as raised:
            status, error = raised.exit_code, raised
        return Ended(
            status=status,
            said=err.getvalue(),
            answered=out.getvalue(),
            error=error,
            slept=tuple(slept),
        )


def code(number: int) -> str:
    """The source of one version."""
    return f"import demo\n\n\ndef handler(event, context):\n    return {number}\n"
