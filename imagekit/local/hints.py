"""Why a function failed in the sandbox, in words that people can act on. Pure.

What is known: Lambda's own word for the failure, the runtime client's report, the end of the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from msgspec import Struct

from imagekit.model.invocation import Failure, Invocation, Limits

MB = 1 << 20


class Circumstances(Struct, frozen=True, kw_only=True):
    """What the sandbox was, as far as it may explain a failure."""

    function: str | None
    """Its name in the configuration, where it is known."""
    architecture: str
    """Of the image, as OCI spells it."""
    machine: str
    """The engine's."""
    network: bool
    handler: str = ""


_DENIED = re.compile(r"\[Errno 13\] Permission denied: '(?P<path>/[^']*)'")
_DENIED_BY_PROGRAM = re.compile(r"(?P<path>/[^\s:']*): [Pp]ermission denied")
_READ_ONLY = re.compile(r"\[Errno 30\] Read-only file system: '(?P<path>[^']*)'")
_NO_MODULE = re.compile(r"No module named '(?P<name>[\w.]+)'")
_NO_LIBRARY = re.compile(r"(?P<name>[\w.+-]+\.so[\w.]*): cannot open shared object file")
_OLD_GLIBC = re.compile(r"version `(?P<version>GLIBC_[\d.]+)' not found")
_OTHER_MACHINE = re.compile(r"invalid ELF header|wrong ELF class|wrong architecture")
_NO_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable|"
    r"No route to host|Could not connect to the endpoint URL|Failed to resolve '"
)
_NO_SHM = re.compile(r"_multiprocessing\.SemLock|/dev/shm|\bsem_open\b")


def reasons(failure: Failure, log: str, at: Circumstances) -> Iterator[str]:
    """The likeliest reason first, each with what to do; none where nothing is known."""
    said = f"{_text(failure)}\n{log}"
    yield from _of_files(said)
    yield from _of_machine(failure, said, at)
    yield from _of_modules(said, at)
    if not at.network and _NO_NETWORK.search(said):
        yield "there is no network here unless it is asked for: add `--network`"


def of_limits(found: Invocation, at: Circumstances) -> Iterator[str]:
    """Of a time-out and of memory."""
    if found.failure is None:
        return
    name, limits = at.function or "NAME", found.limits
    if found.failure.kind == "timeout":
        yield (
            f"it was not done after {limits.timeout_seconds} s: raise "
            f"`functions.{name}.lambda.timeout`, or see what it waits for"
        )
    elif found.failure.kind == "memory":
        yield (
            f"{limits.memory_mb} MB were not enough: raise `functions.{name}.lambda.memory`"
            + _in_tmp(found, limits)
        )


def _in_tmp(found: Invocation, limits: Limits) -> str:
    if found.tmp_bytes < limits.memory_mb * MB // 10:
        return ""
    return (
        f"; {found.tmp_bytes // MB} MB of it lie in /tmp, which counts as memory here and does "
        "not in Lambda"
    )


def _of_files(said: str) -> Iterator[str]:
    if _NO_SHM.search(said):
        yield (
            "Lambda has no /dev/shm, so queues, pools and locks of `multiprocessing` fail: use "
            "`Process` with `Pipe`, or threads"
        )
        return
    if found := _READ_ONLY.search(said):
        yield f"only /tmp can be written in Lambda: write {found['path']} there"
    if found := _DENIED.search(said) or _DENIED_BY_PROGRAM.search(said):
        yield (
            f"Lambda runs code as a user that owns nothing, and {found['path']} may not be used by "
            "everybody: `chmod -R o+rX` before it is packed (rule P2), or build with imagekit"
        )


def _of_machine(failure: Failure, said: str, at: Circumstances) -> Iterator[str]:
    if "exec format error" in said.lower():
        foreign = at.architecture not in ("", at.machine)
        yield (
            f"the image is for {at.architecture}, and this Docker runs {at.machine} without "
            "emulation: `docker run --privileged --rm tonistiigi/binfmt --install all`, or "
            "build with `--arch`"
            if foreign
            else "a program in the image is for another architecture than the image says (rule "
            "M18), or a script without `#!`: build with `--arch`"
        )
    elif failure.kind == "entrypoint":
        yield "ENTRYPOINT must be an absolute path to a program in the image (rule M15)"
    if _OTHER_MACHINE.search(said):
        yield "a compiled module is for another architecture: build with `--arch`"
    if found := _OLD_GLIBC.search(said):
        yield (
            f"a compiled module needs {found['version']}, and the base is older: use a newer base, "
            "or a wheel for an older glibc (rule R1)"
        )


def _of_modules(said: str, at: Circumstances) -> Iterator[str]:
    if found := _NO_LIBRARY.search(said):
        yield (
            f"{found['name']} is not in the artefact: name the system package that has it in "
            f"`functions.{at.function or 'NAME'}.system`, or keep the wheel that brings it whole"
        )
    if not (found := _NO_MODULE.search(said)):
        return
    name = found["name"]
    own = at.handler.rpartition(".")[0].replace("/", ".")
    if name == own or own.startswith(f"{name}."):
        yield f"the handler is {at.handler}, and {name} is not in the artefact: see `source`"
    elif "._" in name:
        yield f"{name} is a compiled module: it is for another Python or another architecture"
    else:
        yield (
            f"{name.partition('.')[0]} is not in the artefact: add its package to the project's "
            "dependencies, lock, and build again"
        )


def _text(failure: Failure) -> str:
    try:
        found = json.loads(failure.payload)
    except ValueError:
        return failure.message
    trace = found.get("stackTrace") if isinstance(found, dict) else None
    return "\n".join([failure.message, *map(str, trace or ())])
