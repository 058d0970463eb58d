"""Every rule over a ZIP for a managed runtime (lambda_rules, 7)."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from msgspec.structs import replace

from imagekit.check.attached import (
    PYTHON,
    check_apart,
    check_named,
    check_places,
    is_built,
    named_layers,
)
from imagekit.check.bytecode import magic_number
from imagekit.check.content import Lookout
from imagekit.check.entries import NOTHING_SEEN, Entry
from imagekit.check.files import FILE_RULES, check_bytecode, check_machine, check_modes
from imagekit.check.findings import Finding, Findings, Report, Rule
from imagekit.check.form import others
from imagekit.check.handler import malformed, module_file, module_path
from imagekit.check.limits import MAX_HANDLER_CHARACTERS, MAX_UPLOAD_BYTES, UNZIPPED_BYTES
from imagekit.check.machine import Expected
from imagekit.check.members import (
    UNREADABLE,
    Oddity,
    entry_of,
    has_zip64_end,
    is_link,
    look,
    oddities,
)
from imagekit.check.opened import OpenZip
from imagekit.check.rules import M22, U1, U2, Z1, Z2, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z13, Z14
from imagekit.check.sdk import check_sdk
from imagekit.check.unpacked import check_loader, check_parts, described, has_loader, rest_of
from imagekit.check.view import View
from imagekit.model.lambda_layer import LambdaLayer
from imagekit.model.packaging import ARCHIVE

ZIP_RULES: Final[tuple[Rule, ...]] = (
    M22,
    *FILE_RULES,
    Z1,
    Z2,
    Z5,
    Z6,
    Z7,
    Z8,
    Z9,
    Z10,
    Z11,
    Z13,
    Z14,
    U1,
    U2,
)

_TASK_ROOT: Final = "/var/task"
_MAX_READ_BYTES: Final = 8 * UNZIPPED_BYTES
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_zip(archive: OpenZip) -> Report:
    """Every rule over a ZIP. What others made is unpacked whole, to see that its bytes hold.

    What it unpacks at start is judged with it, as both become one folder for Python.
    """
    unseen: list[str] = []
    if isinstance(archive.source, Path):
        with archive.source.open("rb") as file:
            findings = list(_check(archive, file, unseen))
    else:
        findings = list(_check(archive, archive.source, unseen))
    return Report(
        name=archive.name,
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "error")),
        unseen=tuple(unseen),
        rules_run=tuple(rule.id for rule in ZIP_RULES),
    )


def _check(archive: OpenZip, file: BinaryIO, unseen: list[str]) -> Findings:
    size_bytes = file.seek(0, 2)
    if size_bytes > MAX_UPLOAD_BYTES:
        yield Z2.found(archive.name, f"has {size_bytes:,} bytes, so it goes through S3 (`bucket`)")
    try:
        opened = zipfile.ZipFile(file)
    except UNREADABLE as error:
        yield Z11.found(archive.name, f"is no ZIP that can be read: {error}")
        return
    with opened:
        if not opened.infolist():
            yield Z11.found(archive.name, "is empty")
            return
        total = sum(info.file_size for info in opened.infolist())
        named = named_layers(opened)
        yield from check_named(named)
        yield from _size(archive, total, named or ())
        entries, broken = _entries(archive, opened, read=total <= _MAX_READ_BYTES)
        yield from broken
        yield from _oddities(archive, opened.infolist(), zip64=has_zip64_end(file))
        if has_loader(opened):
            yield from _unpacked(archive, opened, entries, unseen)
        yield from _attached(archive, named or (), entries, unseen)
    yield from _tree(archive, entries)


def _size(archive: OpenZip, total: int, named: Sequence[LambdaLayer]) -> Findings:
    attached = archive.attached_layer_bytes + sum(layer.unzipped_bytes for layer in named)
    if total + attached >= UNZIPPED_BYTES:
        more = f", and its layers to {attached:,}" if attached else ""
        yield Z1.found(archive.name, f"unpacks to {total:,} bytes{more}")


def _entries(
    archive: OpenZip, opened: zipfile.ZipFile, *, read: bool
) -> tuple[list[Entry], list[Finding]]:
    python = archive.target.python if archive.target else None
    lookout = Lookout(inspect=lambda _: True, magic=magic_number(python))
    entries: list[Entry] = []
    broken: list[Finding] = []
    for info in opened.infolist():
        seen, link = NOTHING_SEEN, ""
        readable = info.compress_type in _METHODS and not info.flag_bits & 1
        try:
            if readable and is_link(info):
                link = opened.read(info).decode("utf-8", "surrogateescape")
            elif readable and read and not info.is_dir():
                seen = look(opened, info, lookout, whole=not archive.ours)
        except UNREADABLE as error:
            broken.append(Z11.found(info.filename, f"cannot be unpacked: {error}"))
        entries.append(entry_of(info, seen, link=link, ours=archive.ours))
    return entries, broken


def _unpacked(
    archive: OpenZip, opened: zipfile.ZipFile, entries: list[Entry], unseen: list[str]
) -> Findings:
    """What is unpacked at start; its files are added to `entries`."""
    found = described(opened)
    yield from check_loader(opened, found, archive.handler)
    if found is None:
        return
    place = found.where or ARCHIVE
    try:
        with rest_of(archive, opened, found) as file:
            broken = [] if archive.ours else list(check_parts(file, found, place))
            yield from broken
            if not broken:
                with zipfile.ZipFile(file) as inner:
                    more, wrong = _entries(archive, inner, read=True)
                entries += more
                yield from wrong
    except FileNotFoundError:
        unseen += [found.where] if found.where else []
    except UNREADABLE as error:
        yield U1.found(place, f"is no ZIP that can be read: {error}")


def _attached(
    archive: OpenZip, named: Sequence[LambdaLayer], entries: list[Entry], unseen: list[str]
) -> Findings:
    """Its Lambda layers; what they hold is added to `entries`, as Python sees both."""
    code = [entry.path for entry in entries]
    inside: list[Entry] = []
    for number, layer in enumerate(named):
        if number >= len(archive.layers):
            unseen.append(f"the layer {layer.name}")
            continue
        source = archive.layers[number]
        if not (archive.ours or is_built(source, layer)):
            yield U2.found(layer.name, "is not what was built (its SHA-256 differs)")
            continue
        try:
            with zipfile.ZipFile(source) as opened:
                more, broken = _entries(archive, opened, read=True)
        except UNREADABLE as error:
            yield Z11.found(layer.name, f"is no ZIP that can be read: {error}")
            continue
        yield from broken
        yield from check_places(layer, more)
        inside += (
            replace(entry, path=entry.path.removeprefix(PYTHON))
            for entry in more
            if entry.path.startswith(PYTHON)
        )
    yield from check_apart(code, (entry.path for entry in inside))
    entries += inside


def _oddities(archive: OpenZip, infos: list[zipfile.ZipInfo], *, zip64: bool) -> Findings:
    """What the directory says; one finding for each kind, with the first members by name."""
    found: dict[tuple[str, str], list[tuple[Oddity, str]]] = {}
    before: set[str] = set()
    for info in infos:
        for oddity in oddities(info, before):
            found.setdefault((oddity.rule.id, oddity.what), []).append((oddity, info.filename))
        before.add(info.orig_filename)
    if zip64 and (Z14.id, "is ZIP64") not in found:
        yield Z14.found(archive.name, "is ZIP64", ours=archive.ours)
    for same in found.values():
        oddity, name = same[0]
        yield oddity.rule.found(
            name,
            oddity.what + others([other for _, other in same[1:]]),
            ours=archive.ours,
            severity="error" if oddity.refused else None,
        )


def _tree(archive: OpenZip, entries: list[Entry]) -> Findings:
    view = View()
    view.add(entries)
    files = view.files()
    # Lambda opens folders by itself (P4); of Windows' archives nothing is known.
    yield from check_modes(files.values(), folders=False, severity="error")
    yield from check_machine(files, Expected.of(archive.target), _everything)
    python = archive.target.python if archive.target else None
    yield from check_bytecode(files, python, _everything)
    yield from _links(files)
    yield from check_sdk(view.root.children, Z13)
    if archive.handler is not None:
        yield from _handler(view, archive.handler, python)


def _everything(_: Entry) -> bool:
    return True


def _links(files: dict[str, Entry]) -> Findings:
    """Links out of the task root may lead to a layer's files or to the runtime's."""
    for path, entry in files.items():
        if entry.kind != "symlink":
            continue
        target = posixpath.normpath(posixpath.join(_TASK_ROOT, posixpath.dirname(path), entry.link))
        inside = target.removeprefix(f"{_TASK_ROOT}/")
        if (
            inside == target
            or inside in files
            or any(one.startswith(f"{inside}/") for one in files)
        ):
            continue
        yield Z10.found(path, f"leads to {entry.link}, which is not there", ours=entry.ours)


def _handler(view: View, handler: str, python: str | None) -> Findings:
    if what := malformed(handler):
        yield M22.found("the handler", what)
        return
    if len(handler) > MAX_HANDLER_CHARACTERS or any(character.isspace() for character in handler):
        yield M22.found("the handler", f"{handler!r} has a space or more than 128 characters")
        return

    def names(folder: str) -> tuple[str, ...]:
        found = view.find(folder)
        return tuple(found.node.children) if found else ()

    module = module_path(handler)
    if module_file(module, ("",), names, python) is None:
        inside = next((path for path in view.files() if path.endswith(f"/{module}.py")), None)
        more = f"; {inside} is, one folder too deep" if inside else ""
        yield Z7.found("the handler", f"{module}.py is not in the ZIP{more}")
