"""What would change a verdict: something to leave out, what it saves, and what to write for it."""

from __future__ import annotations

from msgspec import Struct


class Way(Struct, frozen=True, kw_only=True):
    """One change that makes a ZIP smaller."""

    what: str
    """`pyarrow 26.0.1 (171 MB) without its Flight client`."""
    write: tuple[str, ...]
    """What to type for it: keys of the configuration with their values, or a command."""
    costs: str = ""
    """What no longer works: `pyarrow.flight`."""
    saves_bytes: int | None = None
    """Unzipped, exact; None where it is known only once it was built."""
    total_bytes: int | None = None
    """What the ZIP would then weigh, unzipped and without bytecode."""
    fits: bool = False
    """Whether that is below the limit."""


def way_json(way: Way) -> dict[str, object]:
    """The value for a JSON document."""
    return {
        "what": way.what,
        "write": list(way.write),
        **({"costs": way.costs} if way.costs else {}),
        "saves_bytes": way.saves_bytes,
        "total_bytes": way.total_bytes,
        "fits": way.fits,
    }
