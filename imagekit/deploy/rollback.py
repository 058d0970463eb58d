"""Back to a version that served before: which one, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from imagekit.model.deployment import VersionNote
from imagekit.model.function import FunctionState


def current(latest: FunctionState, versions: Sequence[FunctionState]) -> FunctionState | None:
    """The newest version that runs the code that `$LATEST` runs; None where none was published."""
    same = [version for version in versions if version.code == latest.code]
    return same[-1] if same else None


def before(serving: FunctionState, versions: Sequence[FunctionState]) -> FunctionState | None:
    """The version that served before `serving`, as its description says it, else the next older.

    None where there is none.
    """
    numbers = {version.version: version for version in versions}
    was = VersionNote.parse(serving.description).was
    if was in numbers:
        return numbers[was]
    older = [one for one in versions if int(one.version) < int(serving.version)]
    return older[-1] if older else None
