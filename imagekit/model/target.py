"""What an artefact must run on: a Python minor version, an architecture, a glibc floor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from msgspec import Struct

Architecture = Literal["x86_64", "arm64"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
PYTHONS: tuple[str, ...] = ("3.11", "3.12", "3.13", "3.14")

# Newest patch release of each minor version when this table was written. Managed runtimes follow
# upstream patches; a base image states its own version instead.
_PATCH = {"3.11": "3.11.14", "3.12": "3.12.12", "3.13": "3.13.9", "3.14": "3.14.0"}

# lambda_rules R1: Amazon Linux 2 up to Python 3.11, Amazon Linux 2023 from 3.12 on.
_MANAGED_GLIBC = {"3.11": (2, 26), "3.12": (2, 34), "3.13": (2, 34), "3.14": (2, 34)}

_OCI_ARCHITECTURE: dict[Architecture, str] = {"x86_64": "amd64", "arm64": "arm64"}
_MACHINE: dict[Architecture, str] = {"x86_64": "x86_64", "arm64": "aarch64"}

# PEP 600: the legacy aliases and the glibc version that each of them means.
_LEGACY: dict[tuple[int, int], str] = {
    (2, 17): "manylinux2014",
    (2, 12): "manylinux2010",
    (2, 5): "manylinux1",
}


class Target(Struct, frozen=True, kw_only=True):
    """One Python, one architecture and the oldest glibc that the artefact will meet."""

    python: str
    """Minor version, such as `3.13`."""
    architecture: Architecture
    glibc: tuple[int, int]
    full_version: str
    """With the patch: `requires-python >=3.11.4` fails against a bare `3.11`."""

    @classmethod
    def managed(cls, python: str, architecture: Architecture) -> Target:
        """Lambda's own runtime for ZIPs and layers (lambda_rules R1)."""
        return cls(
            python=python,
            architecture=architecture,
            glibc=_MANAGED_GLIBC[python],
            full_version=_PATCH[python],
        )

    @property
    def oci_architecture(self) -> str:
        """The architecture as an image config spells it."""
        return _OCI_ARCHITECTURE[self.architecture]

    @property
    def machine(self) -> str:
        """The architecture as Linux and wheels spell it."""
        return _MACHINE[self.architecture]

    @property
    def runtime(self) -> str:
        """Lambda's identifier of the managed runtime."""
        return f"python{self.python}"

    def platforms(self) -> Iterator[str]:
        """Every platform tag that a wheel may carry here, the newest glibc first (PEP 600)."""
        # manylinux starts at 2.5 on x86_64; there is no Arm wheel below 2.17.
        oldest = 5 if self.architecture == "x86_64" else 17
        for minor in range(self.glibc[1], oldest - 1, -1):
            yield f"manylinux_2_{minor}_{self.machine}"
            if legacy := _LEGACY.get((2, minor)):
                yield f"{legacy}_{self.machine}"
        yield f"linux_{self.machine}"

    def environment(self) -> dict[str, str]:
        """All eleven marker variables: packaging fills missing ones from the host, silently."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full_version,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.full_version,
            "python_version": self.python,
            "sys_platform": "linux",
        }

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}, glibc {self.glibc[0]}.{self.glibc[1]}"
