"""Why no wheel of a package fits: the one thing that would have to be different."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.target import PYTHONS, Target

if TYPE_CHECKING:
    from packaging.tags import Tag

_MANYLINUX = re.compile(r"manylinux_2_(\d+)_(.+)")
_LEGACY = {"manylinux2014_": 17, "manylinux2010_": 12, "manylinux1_": 5}
_MUSL = re.compile(r"musllinux_\d+_\d+_(.+)")


class _Wheel(Struct, frozen=True, kw_only=True):
    """One tag of a wheel, taken apart."""

    python: str
    """For people: `Python 3.13`."""
    fits_python: bool
    machine: str | None
    """None where it runs on any, or on another system than Linux."""
    glibc: int | None
    """Minor version of the glibc 2 it needs; None for no manylinux."""
    musl: bool


def target_tags(target: Target) -> tuple[Tag, ...]:
    """Every tag that fits, best first: from the glibc floor down (design, decision 1).

    packaging has no public list for a platform other than the running one.
    """
    from packaging.tags import compatible_tags, cpython_tags

    major, minor = (int(part) for part in target.python.split("."))
    name = f"cp{major}{minor}"
    platforms = list(target.platforms())
    # The abi is said outright: packaging would otherwise ask the interpreter that runs it.
    return (
        *cpython_tags((major, minor), [name], platforms),
        *compatible_tags((major, minor), name, platforms),
    )


def why_none_fits(filenames: Iterable[str], target: Target) -> str | None:
    """A sentence about the wheels named, or None where there is no wheel at all."""
    wheels = [wheel for name in filenames for wheel in _taken_apart(name, target)]
    if not wheels:
        return None
    here = [wheel for wheel in wheels if wheel.machine == target.machine]
    if newer := [w.glibc for w in here if w.fits_python and w.glibc and not w.musl]:
        return f"it needs glibc 2.{min(newer)}, {_owner(target)} has {_version(target)}"
    if any(wheel.fits_python and wheel.musl for wheel in here):
        return "its wheels for this Python are for musl (Alpine), Lambda's systems have glibc"
    if machines := {w.machine for w in wheels if w.fits_python and w.machine and w.glibc}:
        return f"its wheels for this Python are for {_list(machines)}, not for {target.machine}"
    if pythons := {wheel.python for wheel in here if wheel.glibc}:
        return f"its wheels for {target.machine} are for {_list(pythons)}, not {target.python}"
    return f"it has no wheel for Python {target.python} on Linux and {target.machine}"


def is_for_linux(filename: str) -> bool:
    """Whether the wheel is one that its authors compiled for Linux with glibc."""
    return "-manylinux" in filename or ".manylinux" in filename


def _taken_apart(filename: str, target: Target) -> Iterator[_Wheel]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    fitting = {(tag.interpreter, tag.abi) for tag in target_tags(target)}
    try:
        tags = parse_wheel_filename(filename)[-1]
    except InvalidWheelFilename:
        return
    for tag in sorted(tags, key=str):
        machine, glibc, musl = _platform(tag.platform)
        fits = (tag.interpreter, tag.abi) in fitting
        yield _Wheel(python=_python(tag), fits_python=fits, machine=machine, glibc=glibc, musl=musl)


def _platform(platform: str) -> tuple[str | None, int | None, bool]:
    """Machine, glibc and whether it is musl's."""
    if match := _MANYLINUX.fullmatch(platform):
        return match[2], int(match[1]), False
    if match := _MUSL.fullmatch(platform):
        return match[1], None, True
    for prefix, glibc in _LEGACY.items():
        if platform.startswith(prefix):
            return platform.removeprefix(prefix), glibc, False
    return None, None, False


def _owner(target: Target) -> str:
    """Whose glibc the floor is: the managed runtime's (lambda_rules R1), else a base's."""
    managed = target.python in PYTHONS and (
        Target.managed(target.python, target.architecture).glibc == target.glibc
    )
    return f"the managed runtime for Python {target.python}" if managed else "the base"


def _version(target: Target) -> str:
    return f"{target.glibc[0]}.{target.glibc[1]}"


def _python(tag: Tag) -> str:
    """`cp313` is Python 3.13; `t` in the abi marks builds without the global lock (PEP 703)."""
    match = re.fullmatch(r"(?:cp|py)(\d)(\d+)", tag.interpreter)
    name = f"Python {match[1]}.{match[2]}" if match else tag.interpreter
    return f"free-threaded {name}" if tag.abi.endswith("t") else name


def _list(words: Iterable[str]) -> str:
    # Shorter first, so that 3.9 comes before 3.13.
    return ", ".join(sorted(words, key=lambda word: (len(word), word)))
