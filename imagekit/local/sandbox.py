"""What Lambda's sandbox allows, as a container: pure, over what is known of the image."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from imagekit.daemon.running import ContainerSpec, FoundImage, Mount
from imagekit.local.frames import relay
from imagekit.local.variables import account_variables, variables_of
from imagekit.model.base import SHARED_ROOT
from imagekit.model.invocation import DEFAULT_LIMITS, Limits
from imagekit.model.target import PYTHONS
from imagekit.plan.build_plan import appended

USER = "993:990"
"""As whom code runs in Lambda (lambda_rules P1); nothing in an image names it."""

TASK_ROOT = "/var/task"

_MB = 1 << 20
_RELAY = ("-I", "-S", "-c")
_PYTHONS = ("python3", *(f"python{one}" for one in reversed(PYTHONS)), "/var/lang/bin/python3")


class Sandbox(Struct, frozen=True, kw_only=True):
    """A function, and what it is given to run in."""

    image: str
    """A name or id that the engine has."""
    function: str = "function"
    limits: Limits = DEFAULT_LIMITS
    handler: str | None = None
    """In place of the image's CMD."""
    entrypoint: tuple[str, ...] | None = None
    """In place of the image's own."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The function's own, over the image's; Lambda's own cannot be set (they are reserved)."""
    managed: str | None = None
    """The runtime of a ZIP, such as `python3.13`, whose variables it gets."""
    region: str = "us-east-1"
    credentials: Mapping[str, str] = field(default_factory=dict)
    """AWS's variables of whoever runs it; made-up ones without."""
    network: str = "none"
    mounts: tuple[Mount, ...] = ()
    interpreter: str | None = None
    """The image's Python, where it is known: the relay runs in it."""
    all_cpus: bool = False
    """Leave out the share of processors that comes with the memory."""

    def argv(self, image: FoundImage) -> tuple[str, ...]:
        """What Lambda would start: ENTRYPOINT and CMD."""
        command = (self.handler,) if self.handler else image.command
        entrypoint = image.entrypoint if self.entrypoint is None else self.entrypoint
        return (*entrypoint, *command)

    def pythons(self, image: FoundImage) -> tuple[str, ...]:
        """Interpreters to try for the relay, the likeliest first."""
        named = [one for one in image.entrypoint[:1] if "python" in one.rpartition("/")[2]]
        known = [self.interpreter] if self.interpreter else []
        return tuple(dict.fromkeys((*known, *named, *_PYTHONS)))

    def container(
        self, image: FoundImage, python: str, *, processors: int, platform: str | None
    ) -> ContainerSpec:
        """The container; `platform` only where it is not the engine's own."""
        own = variables_of(self.function, self.limits, self.region, self.handler_in(image))
        managed = {} if self.managed is None else managed_over(image, self.managed)
        return ContainerSpec(
            image=image.id,
            argv=(python, *_RELAY, relay()),
            user=USER,
            label=self.function,
            memory_bytes=self.limits.memory_mb * _MB,
            network=self.network,
            cpus=None if self.all_cpus else min(self.limits.cpus, processors),
            variables={
                **managed,
                **account_variables(self.credentials),
                **self.variables,
                **own,
            },
            tmpfs={
                # Docker adds `noexec`; Lambda does not, and shared objects are loaded from there.
                "/tmp": f"size={self.limits.storage_mb}m,mode=1777,exec",  # noqa: S108 - inside
                # Lambda has none, and what stands on it, such as multiprocessing.Queue, fails.
                "/dev/shm": "size=4k,mode=0555",  # noqa: S108 - inside
            },
            mounts=self.mounts,
            platform=platform,
        )

    def handler_in(self, image: FoundImage) -> str:
        """What `_HANDLER` says."""
        return self.handler or " ".join(image.command[-1:])


def managed_over(image: FoundImage, runtime: str) -> dict[str, str]:
    """What Lambda's own runtime sets for a ZIP and the image does not have."""
    from imagekit.local.variables import managed_variables

    wanted = managed_variables(runtime)
    missing = {name: value for name, value in wanted.items() if name not in image.variables}
    # Lambda's runtime looks there for layers, behind the function's own files.
    return missing | {"PYTHONPATH": appended(image.variables.get("PYTHONPATH"), SHARED_ROOT)}
