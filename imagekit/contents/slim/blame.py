"""Which file that was left out is the one that a handler misses. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from imagekit.model.importing import Blamed, NotImported
from imagekit.model.slim import Dropped, LeftOut

_SUFFIX: Final = re.compile(r"\.(?:py|pyc|so|(?:cpython|abi3)[^/]*\.so)$")
# A folder that rules leave out whole: with one file of it, others will be missed.
_FOLDER: Final = re.compile(r"^.*?(?:^|/)(?:tests?|SelfTest|docs?)(?=/)")


def blame(missing: NotImported, dropped: Iterable[tuple[str, Dropped]]) -> Blamed | None:
    """Who left out what is missing, and what brings it back; None where nobody did.

    `dropped` are the files that were left out, each with its package.
    """
    for package, one in dropped:
        if _is_it(missing, one.path):
            why = f"{one.path} was left out of {package} ({one.reason})"
            return Blamed(why=why, hint=f'keep = ["{_kept(missing, one.path)}"]')
    return None


def _is_it(missing: NotImported, path: str) -> bool:
    match missing.kind:
        case "module" | "name":
            return _makes(path, missing.what.replace(".", "/"))
        case "file":
            return path == missing.what or path.startswith(f"{missing.what}/")
        case "library":
            return path.rpartition("/")[2] == missing.what
        case _:
            return False


def _makes(path: str, module: str) -> bool:
    """Whether the file is the module, or in a folder that was left out and is all there was of it.

    A package of which a file deep inside was left out is there all the same: who misses it misses
    more than slimming took.
    """
    plain = _SUFFIX.sub("", path)
    if plain == path:
        return False
    if plain.removesuffix("/__init__") == module:
        return True
    if folder := _FOLDER.match(path):
        return path.startswith(f"{module}/") and f"{module}/".startswith(f"{folder[0]}/")
    return "/" in module and path.rpartition("/")[0] == module


def _kept(missing: NotImported, path: str) -> str:
    if missing.kind in ("module", "name") and (folder := _FOLDER.match(path)):
        return folder[0]
    return path


def blame_package(missing: NotImported, left_out: Iterable[LeftOut]) -> Blamed | None:
    """The same for packages that are left out whole, by their names."""
    if missing.kind != "module":
        return None
    top = missing.what.partition(".")[0].replace("_", "-").lower()
    for one in left_out:
        name = one.package.partition(" ")[0]
        if name in (top, f"python-{top}", f"{top}-python"):
            key = "exclude_packages" if one.why == "excluded" else "provided"
            return Blamed(
                why=f"{one.package} was left out ({one.why})",
                hint=f"take {name!r} out of `{key}`",
            )
    return None
