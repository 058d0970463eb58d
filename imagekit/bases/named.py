"""A base by name: a folder with a `base.toml`, an OCI layout, or an image reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from imagekit.bases.definition import FILE, FOLDER, NAME, Definition, Source, reference
from imagekit.model.errors import ConfigError, Problem


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


def read(folder: Path) -> Definition:
    """Read `FOLDER/base.toml`; ConfigError with every problem at once."""
    import tomli

    from imagekit.bases.definition_keys import definition, problems_in

    path = folder / FILE
    try:
        table = tomli.loads(path.read_text(encoding="utf-8-sig"))
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
