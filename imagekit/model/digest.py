"""A sha256 digest, as registries write it."""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


class Digest(Struct, frozen=True, order=True):
    """Names bytes by their sha256: `str()` gives `sha256:<hex>`."""

    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `sha256:<64 hex digits>`; anything else is a ValueError."""
        if not _SHA256.fullmatch(text):
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(text.removeprefix("sha256:"))

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Digest:
        """Hash `data`."""
        return cls(hashlib.sha256(data).hexdigest())

    @property
    def short(self) -> str:
        """The first twelve digits, for people."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"
