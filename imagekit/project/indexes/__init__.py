"""Private indexes, as the project's own tools have them set up.

Which index a URL belongs to: of those named for its origin the one whose path it shares most of (as
in pip). Who we are to it, the first of these that has user and password:

1. What the tool has for that index. uv: `UV_INDEX_NAME_USERNAME` and `_PASSWORD` before what stands
   in the URL. Poetry: `POETRY_HTTP_BASIC_NAME_*` before poetry.toml, auth.toml and config.toml, and
   these before the URL. PDM: `pypi.NAME` of its settings before the URL. pip: variables before the
   environment's pip.conf, that before the user's, that before the machine's.
2. `.netrc` (`NETRC`, `_netrc`): the host's own entry, never its `default`.
3. AWS CodeArtifact, by the host's name: a token that is kept in memory and nowhere else.
4. The `keyring` command. Where uv or pip is told to ask it, it completes a user that 1 names;
   otherwise it is asked only after the index has refused us, as it may ask the person.

uv reads neither poetry's, PDM's nor pip's settings: what they name is handed to it wherever uv's
own configuration names no default index (further ones are added after uv's own).

Where several tools name one index, the lock's own lines come first, then uv, poetry, PDM, pip.
After a refusal files are read again and AWS is asked again: tokens expire. A password is sent to no
origin but its own, handed to uv by environment, and never kept: a URL that is kept has no user.

Not read: poetry's and PDM's own keyring back ends (the `keyring` command is asked in their place),
`~/.pypirc` (it is for publishing), what `uv auth login` keeps (uv uses it, imagekit cannot see it).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.values import AwsToken, Place

if TYPE_CHECKING:
    from imagekit.project.indexes.chain import Chain
    from imagekit.project.indexes.handover import Handover
    from imagekit.project.indexes.offline import Offline
    from imagekit.project.indexes.signing import ChainLogins

__all__ = ["Indexes", "Place"]


class Indexes:
    """The indexes of one run; what is not needed is not imported, read or asked."""

    def __init__(self, environ: Mapping[str, str], *, aws: AwsToken | None = None) -> None:
        self.machine = Machine.of(environ)
        self._aws = aws
        self._chain: Chain | None = None
        self._places: list[Place] = []

    def place(self, kind: str, path: Path, *folders: Path) -> Place:
        """Note that packages come from this lock; `folders` have settings that apply to it."""
        found = Place(kind=kind, path=path, folders=_upwards((*folders, path.parent)))
        if found not in self._places:
            self._places.append(found)
            if self._chain is not None:
                self._chain.learn(found)
        return found

    def handover(self, place: Place) -> Handover:
        """What every uv that is run for `place` is handed."""
        from imagekit.project.indexes.handover import Handover

        return Handover(chain=self.chain, place=place)

    def logins(self) -> ChainLogins:
        """For the transport that fetches wheels."""
        from imagekit.project.indexes.signing import ChainLogins

        return ChainLogins(self.chain)

    def offline(self) -> Offline | None:
        """What says that no index may be asked; None where nothing does."""
        from imagekit.project.indexes.offline import offline

        folders = dict.fromkeys(folder for place in self._places for folder in place.folders)
        return offline(folders, self.machine)

    @property
    def chain(self) -> Chain:
        """Logins by URL."""
        if self._chain is None:
            from imagekit.project.indexes.chain import Chain

            self._chain = Chain(self.machine, self._aws)
            for place in self._places:
                self._chain.learn(place)
        return self._chain


def _upwards(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Each folder and those above it up to the repository's root, the innermost first."""
    found: dict[Path, None] = {}
    for folder in map(Path.absolute, folders):
        for each in (folder, *folder.parents):
            found.setdefault(each)
            if (each / ".git").exists():
                break
    return tuple(found)
