"""`imagekit.lock`, read and written: the file in the project's root that holds what was decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from imagekit.model.base import BaseFacts
from imagekit.model.errors import CannotBuild, LockError
from imagekit.model.extension import ExtensionFacts, ExtensionLayer
from imagekit.model.gain import BytecodeGain
from imagekit.model.package import Artifact
from imagekit.model.target import ARCHITECTURES, PYTHONS
from imagekit.project.lock_table import LockTable
from imagekit.project.lock_values import (
    VERSION,
    BasePin,
    BytecodePin,
    ClientPin,
    ExtensionPin,
    ImagekitLock,
    PackagesPin,
    PackagingPin,
    Part,
    PinnedWheel,
    PythonPin,
)

NAME = "imagekit.lock"

_MAKE_AGAIN = "delete it and run `imagekit lock`, or take it from your repository's history"
_PACKAGE_TYPES = ("zip", "image")
_FAMILIES = ("oci", "docker")
_KINDS = ("base", "extension", "packaging", "python", "client", "packages", "bytecode")

P = TypeVar("P", bound=Part)


def read(path: Path) -> ImagekitLock | None:
    """The lock at `path`; None where there is no file.

    Raises LockError with every problem where it cannot be read, or was written by a later version.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(path=path, problems=(f"cannot be read: {error}",), hint=_MAKE_AGAIN) from (
            error
        )
    return _lock(LockTable(_parse(path, text), "", []), path)


def write(path: Path, lock: ImagekitLock) -> None:
    """Put the lock at `path`, whole or not at all; a file that says the same is left alone.

    Raises CannotBuild where the disk does not take it.
    """
    from imagekit.project.lock_toml import dump

    data = dump(lock).encode()
    try:
        # git may have checked it out with CRLF, which says the same.
        if path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == data:
            return
        _replace(path, data)
    except OSError as error:
        raise CannotBuild(
            what=f"{path} cannot be written",
            causes=(error.strerror or str(error),),
            hint="make its folder writable; `--frozen` builds without writing it",
        ) from error


def _replace(path: Path, data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as part:
        beside = Path(part.name)
        try:
            part.write(data)
            part.close()
            beside.chmod(0o644)  # a file that the user keeps; temporary ones are private
            beside.replace(path)
        except BaseException:
            part.close()
            beside.unlink(missing_ok=True)
            raise


def _parse(path: Path, text: str) -> dict[str, object]:
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        if marked := _conflict(text):
            problem = f"line {marked}: a merge conflict is not resolved"
        else:
            problem = f"line {error.lineno}: not TOML: {error.msg}"
        raise LockError(path=path, problems=(problem,), hint=_MAKE_AGAIN) from error


def _conflict(text: str) -> int | None:
    """The number of the first line that a merge left behind."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            return number
    return None


def _lock(table: LockTable, path: Path) -> ImagekitLock:
    version = table.number("version")
    if version != VERSION and not table.problems:
        raise LockError(
            path=path,
            problems=(f"version {version} is not known to this imagekit, which knows {VERSION}",),
            hint="install a newer imagekit",
        )
    lock = ImagekitLock(recipe=table.number("recipe"))
    table.only(("version", "recipe", *_KINDS))
    for kind, reader in _READERS.items():
        lock = lock.with_parts(_parts(table, kind, reader))
    if table.problems:
        raise LockError(path=path, problems=tuple(table.problems), hint=_MAKE_AGAIN)
    return lock


def _parts(table: LockTable, kind: str, reader: Callable[[LockTable], P]) -> tuple[P, ...]:
    # A part with a problem reads as nonsense; the problem itself stops the lock from being used.
    parts = tuple(reader(entry) for entry in table.tables(kind))
    if len({part.key for part in parts}) < len(parts):
        table.problems.append(f"{kind}: one part stands there twice")
    return parts


def _base(table: LockTable) -> BasePin:
    return BasePin(
        name=table.text("name"),
        architecture=table.word("architecture", ARCHITECTURES),
        reference=table.text("reference"),
        digest=table.digest("digest"),
        family="docker" if table.word("family", _FAMILIES) == "docker" else "oci",
        facts=BaseFacts(
            python=table.text("python"),
            glibc=table.text("glibc"),
            interpreter=table.text("interpreter"),
            runtime_client=table.flag("runtime-client"),
            unzipped_bytes=table.number("unzipped-bytes"),
            packages=tuple(_package(table, text) for text in table.texts("packages")),
            package_bytes=tuple(
                (entry.text("name"), entry.number("bytes"))
                for entry in table.tables("package-bytes")
            ),
            shared=table.texts("shared") if "shared" in table.values else (),
        ),
        inputs=table.digest("inputs"),
        pinned=table.day("pinned"),
    )


def _package(table: LockTable, text: str) -> tuple[str, str]:
    name, equals, version = text.partition("==")
    if not equals:
        table.problem("packages", f"{text!r} is not `name==version`")
    return name, version


def _extension(table: LockTable) -> ExtensionPin:
    return ExtensionPin(
        name=table.text("name"),
        architecture=table.word("architecture", ARCHITECTURES),
        reference=table.text("reference"),
        digest=table.digest("digest"),
        facts=ExtensionFacts(
            layers=tuple(_layer(entry) for entry in table.tables("layers")),
            programs=table.texts("programs"),
            places=table.texts("places"),
            packages=tuple(_package(table, text) for text in table.texts("packages")),
            glibc=table.text("glibc") if "glibc" in table.values else None,
        ),
        inputs=table.digest("inputs"),
    )


def _layer(table: LockTable) -> ExtensionLayer:
    return ExtensionLayer(
        digest=table.digest("digest"),
        size_bytes=table.number("size"),
        diff_id=table.digest("diff-id"),
        tar_bytes=table.number("tar-bytes"),
    )


def _packaging(table: LockTable) -> PackagingPin:
    return PackagingPin(
        function=table.text("function"),
        architecture=table.word("architecture", ARCHITECTURES),
        packaging="zip" if table.word("packaging", _PACKAGE_TYPES) == "zip" else "image",
        why=table.text("why"),
        unzipped_bytes=table.number("unzipped-bytes"),
        inputs=table.digest("inputs"),
    )


def _python(table: LockTable) -> PythonPin:
    return PythonPin(
        minor=table.word("minor", PYTHONS),
        version=table.text("version"),
        inputs=table.digest("inputs"),
    )


def _client(table: LockTable) -> ClientPin:
    return ClientPin(
        python=table.word("python", PYTHONS),
        architecture=table.word("architecture", ARCHITECTURES),
        wheels=tuple(_wheel(entry) for entry in table.tables("wheels")),
        inputs=table.digest("inputs"),
    )


def _wheel(table: LockTable) -> PinnedWheel:
    wheel = Artifact(
        filename=table.text("filename"),
        url=table.text("url"),
        digest=table.digest("digest"),
        size_bytes=table.number("size") if "size" in table.values else None,
    )
    return PinnedWheel(name=table.text("name"), version=table.text("version"), wheel=wheel)


def _packages(table: LockTable) -> PackagesPin:
    return PackagesPin(
        function=table.text("function"),
        architecture=table.word("architecture", ARCHITECTURES),
        pylock=table.text("pylock"),
        inputs=table.digest("inputs"),
    )


def _bytecode(table: LockTable) -> BytecodePin:
    return BytecodePin(
        function=table.text("function"),
        architecture=table.word("architecture", ARCHITECTURES),
        gains=tuple(_gain(entry) for entry in table.tables("gains")),
        inputs=table.digest("inputs"),
    )


def _gain(table: LockTable) -> BytecodeGain:
    return BytecodeGain(
        package=table.text("package"),
        bytecode_bytes=table.number("bytes"),
        saved_ms=table.number("ms"),
    )


_READERS: dict[str, Callable[[LockTable], Part]] = {
    "base": _base,
    "extension": _extension,
    "packaging": _packaging,
    "python": _python,
    "client": _client,
    "packages": _packages,
    "bytecode": _bytecode,
}
