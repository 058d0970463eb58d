"""What the `.gitignore` files of a repository leave out.

Only files of the repository count, no excludes of the user's own: the same commit gives the same
bytes on every machine.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from imagekit.project.patterns import Patterns

GITIGNORE = ".gitignore"


class IgnoreFiles(Struct, frozen=True):
    """The `.gitignore` files that count for one folder; the nearest is asked first."""

    folder: str = ""
    """Relative to the repository, with a final slash; empty for its root."""
    chain: tuple[tuple[int, Patterns], ...] = ()
    """How long the path of a file's folder is, and the patterns in the file."""

    @classmethod
    def above(cls, folder: Path, root: Path) -> IgnoreFiles:
        """Those from the repository's root down to the parent of `folder`.

        The repository's root is the nearest folder upwards with a `.git`; without one, `root`.
        """
        upwards = (folder, *folder.parents)
        top = next((at for at in upwards if (at / ".git").exists()), None)
        if top is None:
            top = root if root in upwards else folder
        files, at = cls(), top
        for part in folder.relative_to(top).parts:
            files = files.reading(at).below(part)
            at = at / part
        return files

    def below(self, name: str) -> IgnoreFiles:
        """The same, one folder further down."""
        return IgnoreFiles(f"{self.folder}{name}/", self.chain)

    def reading(self, folder: Path | str) -> IgnoreFiles:
        """With the `.gitignore` of this folder, where there is one."""
        try:
            data = Path(folder, GITIGNORE).read_text("utf-8-sig", errors="surrogateescape")
        except OSError:
            return self
        patterns = Patterns.of(data.split("\n"))
        return IgnoreFiles(self.folder, ((len(self.folder), patterns), *self.chain))

    def ignores(self, name: str, *, folder: bool) -> bool:
        """Whether git leaves out this entry of the folder."""
        path = self.folder + name
        for start, patterns in self.chain:
            verdict = patterns.verdict(path[start:], folder=folder)
            if verdict is not None:
                return verdict
        return False
