"""Walking folders by the rules of one function: what never goes in, what it leaves out itself."""

from __future__ import annotations

import os
from collections.abc import Iterable

from msgspec import Struct, field

from imagekit.model.errors import Problem
from imagekit.project.ignore import GITIGNORE, IgnoreFiles
from imagekit.project.neverlist import is_private_key, left_out, never_in
from imagekit.project.patterns import Patterns


class Place(Struct, frozen=True):
    """A file or folder: where it lies, and where it arrives."""

    disk: str
    shown: str
    """Relative to the configuration's folder, with `/`."""
    arrives: str
    """Under the root of the artefact; empty for the root itself."""

    def inside(self, name: str) -> Place:
        """An entry of this folder."""
        return Place(
            os.path.join(self.disk, name),  # noqa: PTH118 - hot
            f"{self.shown}/{name}" if self.shown else name,
            f"{self.arrives}/{name}" if self.arrives else name,
        )


class Walk(Struct):
    """What was found so far; two different files at one place are a problem."""

    exclude: Patterns
    files: dict[str, Place] = field(default_factory=dict)
    """By where they arrive."""
    links: dict[str, Place] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    """Where each folder on disk arrives: links into it can stay links."""
    problems: list[Problem] = field(default_factory=list)

    def excludes(self, place: Place, *, folder: bool) -> bool:
        """Whether `exclude` names it, by where it lies or by where it arrives."""
        if not self.exclude.runs:
            return False
        if self.exclude.verdict(place.shown, folder=folder):
            return True
        differs = place.arrives != place.shown
        return differs and self.exclude.verdict(place.arrives, folder=folder) is True

    def excludes_above(self, place: Place) -> bool:
        """Whether `exclude` names it or a folder that it lies in, counted from the top."""
        for path in {place.shown, place.arrives}:
            parts = path.split("/")
            above = ("/".join(parts[:count]) for count in range(1, len(parts)))
            if any(self.exclude.verdict(folder, folder=True) for folder in above):
                return True
        return False

    def enter(self, place: Place, ignore: IgnoreFiles | None) -> None:
        """Take all of a folder. Without `ignore` git has no say, and tests come too."""
        entries = self.listing(place)
        self.folders.setdefault(place.disk, place.arrives)
        if ignore is not None and any(entry.name == GITIGNORE for entry in entries):
            ignore = ignore.reading(place.disk)
        for entry in entries:
            folder = entry.is_dir(follow_symlinks=False)
            if ignore is not None and (
                left_out(entry.name, folder=folder) or ignore.ignores(entry.name, folder=folder)
            ):
                continue
            inside = place.inside(entry.name)
            if self.excludes(inside, folder=folder):
                continue
            if folder and self.named(inside):
                self.enter(inside, ignore and ignore.below(entry.name))
            elif not folder:
                self.take(entry, inside)

    def listing(self, place: Place) -> list[os.DirEntry[str]]:
        """What may go in of a folder's entries; nothing of a virtual environment (PEP 405)."""
        try:
            with os.scandir(place.disk) as found:
                entries = list(found)
        except OSError as error:
            self.problem(place.shown, f"cannot be read: {error.strerror or error}")
            return []
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            return []
        return [entry for entry in entries if not never_in(entry.name)]

    def take(self, entry: os.DirEntry[str], place: Place) -> None:
        """Keep one entry that is no folder."""
        if not self.named(place):
            return
        if entry.is_symlink():
            self.take_link(place)
        elif entry.is_file():
            self.take_file(place)
        else:
            self.problem(place.shown, "is neither a file nor a folder nor a link")

    def take_file(self, place: Place) -> None:
        """Keep a regular file, unless it is a private key."""
        name = place.shown.rpartition("/")[2]
        try:
            if not is_private_key(name, place.disk):
                other = self.files.setdefault(place.arrives, place)
                if other.disk != place.disk and not _same(other.disk, place.disk):
                    self.clash(other, place)
        except OSError as error:
            self.problem(place.shown, f"cannot be read: {error.strerror or error}")

    def take_link(self, place: Place) -> None:
        """Keep a symbolic link, to be settled when all else is known."""
        other = self.links.setdefault(place.arrives, place)
        if other.disk != place.disk:
            self.clash(other, place)

    def clash(self, one: Place, other: Place) -> None:
        """Note that two different things arrive under one name."""
        self.problem(other.shown, f"arrives as {other.arrives}, and so does {one.shown}")

    def problem(self, where: str, what: str) -> None:
        """Note what is wrong with a file."""
        self.problems.append(Problem(where, what))

    def named(self, place: Place) -> bool:
        """Whether it can arrive under its name, which a problem says otherwise."""
        try:
            place.arrives.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(place.shown).decode(errors="backslashreplace")
            self.problem(shown, "has a name that is not UTF-8")
            return False
        return True


def _same(one: str, other: str) -> bool:
    from filecmp import cmp

    return cmp(one, other, shallow=False)


def under(place: str, folders: Iterable[str]) -> bool:
    """Whether a path on disk is one of the folders, or lies in one."""
    return any(place == folder or place.startswith(folder + os.sep) for folder in folders)
