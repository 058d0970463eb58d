"""A base by name: a folder with a `base.toml`, an OCI layout, or an image reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagekit.model.errors import ConfigError, Problem
from imagekit.model.reference import Reference
from imagekit.model.target import ARCHITECTURES, Architecture

FOLDER = "base_images"
FILE = "base.toml"
DEBIAN = "debian"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianOrigin:
    """Composed with mmdebstrap."""

    suite: str
    packages: tuple[str, ...]
    mirror: str | None = None
    """A URL to take the packages from; None leaves it to mmdebstrap."""


@dataclass(frozen=True, slots=True)
class OtherBase:
    """Another base, by its name."""

    name: str

    def __str__(self) -> str:
        return self.name


Origin = Reference | DebianOrigin | OtherBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Where `imagekit base publish` puts a base, and under which tags."""

    repository: str
    """A full reference, or a bare name: ECR in the caller's account and region."""
    moving: str | None = None
    """The one tag that each publishing moves; None: a new calendar tag every time."""
    immutable: bool = True
    """A tag that exists keeps its content."""
    regions: tuple[str, ...] = ()
    """Of AWS, that the base is copied to."""
    accounts: tuple[str, ...] = ()
    """Of AWS, that may pull it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A `base.toml`, read and checked."""

    name: str
    path: Path
    origin: Origin
    python: str | None = None
    """Minor version that the base must have; None takes what is there."""
    listed: tuple[Architecture, ...] | None = None
    """None: as many as its origin has."""
    env: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    lock: str | None = None
    """Of Python packages that everyone shares; relative to the base's folder."""
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    """Packages of the base's own distribution, more than it has."""
    run: tuple[str, ...] = ()
    """Shell commands, run as root in the image. What they do is nobody's promise: only a step that
    does the same everywhere gives the same base on every machine."""
    publish: Publishing | None = None

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """As listed, else all that there are."""
        return self.listed or ARCHITECTURES

    @property
    def plain(self) -> bool:
        """Nothing lies on top of what its origin gives."""
        return not (self.lock or self.needs_engine or isinstance(self.origin, OtherBase))

    @property
    def needs_engine(self) -> bool:
        """Whether steps are left that Docker has to run: mmdebstrap runs those of Debian."""
        return not isinstance(self.origin, DebianOrigin) and bool(self.system or self.run)


Source = Definition | Reference | Path
"""What a base's name stands for; a Path is a folder with an OCI layout."""


def find(name: str, roots: tuple[Path, ...], published: Mapping[str, str] | None = None) -> Source:
    """What `name` in a configuration means; relative paths start at the first root.

    Order: `base_images/NAME` in each root; `published`, which the configuration's key `bases` names
    by reference; the shipped ones, of which a project may so have its own; an OCI layout on disk;
    a reference. Errors: ConfigError for a name that is none of these, with those that are near,
    and for one that a folder and `published` both have.
    """
    named = (published or {}).get(name)
    for home in (root / FOLDER for root in roots):
        if NAME.fullmatch(name) and (home / name).is_dir():
            if named is not None:
                raise _twice(name, home / name)
            return read(home / name)
    if named is not None:
        return reference(named)
    if NAME.fullmatch(name) and (shipped() / name).is_dir():
        return read(shipped() / name)
    return _elsewhere(name, roots, published or {})


def _elsewhere(name: str, roots: tuple[Path, ...], published: Mapping[str, str]) -> Source:
    folder = next(iter(roots), Path()) / name
    if (folder / "oci-layout").is_file():
        return folder
    hint = _hint(name, roots, published)
    if name.startswith((".", "/", "~")) or folder.exists():
        raise _unusable(f"there is no OCI layout at {folder}", hint)
    if not re.search(r"[/:@]", name):
        raise _unusable(f"there is no base called {name!r}", hint)
    try:
        return reference(name)
    except ValueError as error:
        raise _unusable(str(error), hint) from error


def named_in(name: str, roots: tuple[Path, ...]) -> tuple[Path, ...]:
    """Those of the roots whose `base_images/` has a base of this name."""
    if not NAME.fullmatch(name):
        return ()
    return tuple(root for root in roots if (root / FOLDER / name).is_dir())


def names(roots: tuple[Path, ...], published: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Every base that can be named here, sorted."""
    homes = (*(root / FOLDER for root in roots), shipped())
    found = {path.parent.name for home in homes for path in home.glob(f"*/{FILE}")}
    return tuple(sorted(found | set(published or {})))


def reference(text: str) -> Reference:
    """Read an image reference; without a tag or digest it means `latest`, as everywhere."""
    found = Reference.parse(text)
    return found if found.tag or found.digest else found.tagged("latest")


def read(folder: Path) -> Definition:
    """Read `FOLDER/base.toml`; ConfigError with every problem at once."""
    import tomli

    from imagekit.bases.definition_keys import definition, problems_in

    path = folder / FILE
    try:
        table = tomli.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        problem = Problem(str(path), what or "cannot be read")
        raise ConfigError(problems=(problem,)) from error
    problems = tuple(Problem(f"{path}: {key}", what) for key, what in problems_in(table, folder))
    if problems:
        raise ConfigError(problems=problems, hint=f"correct these keys in {path}")
    return definition(table, path)


def shipped() -> Path:
    """The folder of the bases that come with imagekit: in the wheel, or beside a checkout."""
    package = Path(__file__).parents[1]
    inside = package / FOLDER
    return inside if inside.is_dir() else package.parent / FOLDER


def _hint(name: str, roots: tuple[Path, ...], published: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    known = names(roots, published)
    if near := get_close_matches(name, known, n=3):
        return f"did you mean {' or '.join(near)}?"
    return f"use one of {', '.join(known)}, an image reference, or a folder with an OCI layout"


def _unusable(what: str, hint: str) -> ConfigError:
    return ConfigError(problems=(Problem("base", what),), hint=hint)


def _twice(name: str, folder: Path) -> ConfigError:
    what = f"is the name of {folder}, too; one lock pins one of the two"
    return ConfigError(
        problems=(Problem(f"bases.{name}", what),),
        hint=f"rename `{name}` in `bases`, or the folder",
    )
