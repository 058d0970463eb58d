"""What bytecode buys: kept in `imagekit.lock`, so that every machine decides alike."""

from __future__ import annotations

from msgspec import Struct


class BytecodeGain(Struct, frozen=True, kw_only=True):
    """What the bytecode of one package buys, as it was measured once."""

    package: str
    """Normalised name; empty for the project's own code."""
    bytecode_bytes: int
    """Of the modules that a start imports."""
    saved_ms: int
    """Of one start."""
