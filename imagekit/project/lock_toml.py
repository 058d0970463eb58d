"""`imagekit.lock` as TOML: written in one way only, so that a diff shows what was decided."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date

from imagekit.model.extension import ExtensionLayer
from imagekit.project.lock_values import (
    VERSION,
    BasePin,
    BytecodePin,
    ClientPin,
    ExtensionPin,
    ImagekitLock,
    PackagesPin,
    PackagingPin,
    PinnedWheel,
    PythonPin,
)

_HEADER = """\
# Written by imagekit: what was decided for this project. Commit it; `imagekit lock` changes it.
"""

Scalar = str | int | bool | date
Value = Scalar | tuple[str, ...] | tuple[Mapping[str, Scalar], ...]

_AS_BLOCK = re.compile(r"[\t\n\x20-\x7e\x80-\U0010ffff]*")


def dump(lock: ImagekitLock) -> str:
    """The file's text, with a final newline."""
    blocks = [
        _HEADER + _lines({"version": VERSION, "recipe": lock.recipe}),
        *(_table("base", _base(pin)) for pin in lock.bases),
        *(_table("extension", _extension(pin)) for pin in lock.extensions),
        *(_table("packaging", _packaging(pin)) for pin in lock.packagings),
        *(_table("python", _python(pin)) for pin in lock.pythons),
        *(_table("client", _client(pin)) for pin in lock.clients),
        *(_table("packages", _packages(pin)) for pin in lock.packages),
        *(_table("bytecode", _bytecode(pin)) for pin in lock.bytecodes),
    ]
    return "\n".join(blocks)


def _base(pin: BasePin) -> dict[str, Value]:
    facts = pin.facts
    known: dict[str, Value] = {
        "name": pin.name,
        "architecture": pin.architecture,
        "reference": pin.reference,
        "digest": str(pin.digest),
    }
    if pin.pinned is not None:
        known["pinned"] = pin.pinned
    known |= {
        "family": pin.family,
        "python": facts.python,
        "glibc": facts.glibc,
        "interpreter": facts.interpreter,
        "runtime-client": facts.runtime_client,
        "unzipped-bytes": facts.unzipped_bytes,
        "packages": tuple(f"{name}=={version}" for name, version in facts.packages),
    }
    if facts.package_bytes:
        known["package-bytes"] = tuple(_weight(*one) for one in facts.package_bytes)
    if facts.shared:
        known["shared"] = facts.shared
    return known | {"inputs": str(pin.inputs)}


def _weight(name: str, size_bytes: int) -> dict[str, Scalar]:
    return {"name": name, "bytes": size_bytes}


def _extension(pin: ExtensionPin) -> dict[str, Value]:
    facts = pin.facts
    known: dict[str, Value] = {
        "name": pin.name,
        "architecture": pin.architecture,
        "reference": pin.reference,
        "digest": str(pin.digest),
        "programs": facts.programs,
        "places": facts.places,
        "packages": tuple(f"{name}=={version}" for name, version in facts.packages),
    }
    if facts.glibc is not None:
        known["glibc"] = facts.glibc
    layers = tuple(_layer(layer) for layer in facts.layers)
    return known | {"layers": layers, "inputs": str(pin.inputs)}


def _layer(layer: ExtensionLayer) -> dict[str, Scalar]:
    return {
        "digest": str(layer.digest),
        "size": layer.size_bytes,
        "diff-id": str(layer.diff_id),
        "tar-bytes": layer.tar_bytes,
    }


def _packaging(pin: PackagingPin) -> dict[str, Value]:
    return {
        "function": pin.function,
        "architecture": pin.architecture,
        "packaging": pin.packaging,
        "why": pin.why,
        "unzipped-bytes": pin.unzipped_bytes,
        "inputs": str(pin.inputs),
    }


def _python(pin: PythonPin) -> dict[str, Value]:
    return {"minor": pin.minor, "version": pin.version, "inputs": str(pin.inputs)}


def _client(pin: ClientPin) -> dict[str, Value]:
    return {
        "python": pin.python,
        "architecture": pin.architecture,
        "wheels": tuple(_wheel(wheel) for wheel in pin.wheels),
        "inputs": str(pin.inputs),
    }


def _wheel(pinned: PinnedWheel) -> dict[str, Scalar]:
    wheel = pinned.wheel
    known: dict[str, Scalar] = {
        "name": pinned.name,
        "version": pinned.version,
        "filename": wheel.filename,
        "url": wheel.url,
        "digest": str(wheel.digest),
    }
    return known if wheel.size_bytes is None else known | {"size": wheel.size_bytes}


def _packages(pin: PackagesPin) -> dict[str, Value]:
    return {
        "function": pin.function,
        "architecture": pin.architecture,
        "inputs": str(pin.inputs),
        "pylock": pin.pylock,
    }


def _bytecode(pin: BytecodePin) -> dict[str, Value]:
    gains: tuple[Mapping[str, Scalar], ...] = tuple(
        {"package": gain.package, "bytes": gain.bytecode_bytes, "ms": gain.saved_ms}
        for gain in pin.gains
    )
    return {
        "function": pin.function,
        "architecture": pin.architecture,
        "gains": gains,
        "inputs": str(pin.inputs),
    }


def _table(name: str, values: Mapping[str, Value]) -> str:
    return f"[[{name}]]\n{_lines(values)}"


def _lines(values: Mapping[str, Value]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Value) -> str:
    if not isinstance(value, tuple):
        return _scalar(value)
    items = [_scalar(item) if isinstance(item, str) else _inline(item) for item in value]
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]" if items else "[]"


def _inline(values: Mapping[str, Scalar]) -> str:
    return "{ " + ", ".join(f"{key} = {_scalar(value)}" for key, value in values.items()) + " }"


def _scalar(value: Scalar) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | date():
            return str(value)
        case str() if "\n" in value and "'''" not in value and _AS_BLOCK.fullmatch(value):
            # No escapes in there, and TOML drops the newline right after the opening quotes.
            return f"'''\n{value}'''" if not value.endswith("'") else _quoted(value)
        case _:
            return _quoted(value)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
