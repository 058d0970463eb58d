"""Files and folders that the user keeps: written beside their place, then renamed into it.

Made with the user's own umask, unlike `tempfile`, which makes what nobody else may read.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagekit.model.errors import CannotBuild

_LEFTOVER_SECONDS = 24 * 3600


@contextmanager
def file_beside(target: Path) -> Iterator[Path]:
    """A path next to `target` to write to; it becomes `target` when the block ends well.

    Raises CannotBuild where the disk refuses.
    """
    beside = _beside(target)
    with _written(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target)
            yield beside
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """An empty folder next to `target` to fill; it takes `target`'s place when the block ends well.

    No system renames a folder over a full one, so for a moment there is no `target`; a failure
    then puts the old one back. Raises CannotBuild where the disk refuses.
    """
    beside = _beside(target)
    with _written(target):
        try:
            beside.mkdir(parents=True)
            _sweep(target)
            yield beside
            _exchange(beside, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _exchange(new: Path, target: Path) -> None:
    old = _beside(target)
    try:
        target.replace(old)
    except FileNotFoundError:
        new.replace(target)
        return
    try:
        new.replace(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}")


def _sweep(target: Path) -> None:
    """Remove what builds that were killed left beside `target`, once it is a day old."""
    leftover = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}")
    oldest = time.time() - _LEFTOVER_SECONDS
    for path in target.parent.iterdir():
        if leftover.fullmatch(path.name):
            with suppress(OSError):
                if path.lstat().st_mtime >= oldest:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotBuild(
            what=f"{target} cannot be written",
            causes=(error.strerror or str(error),),
            hint="free some disk, or choose another folder with `--output`",
        ) from error
