"""An extension's layers before they are put on a base: every rule, and what plans need of them.

They stand on other layers than those they were made for. So they may fill `/opt` alone, and remove
nothing: what `COPY --from=… /opt/ /opt/` does in a Dockerfile, without copying.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from imagekit.check.entries import Entry
from imagekit.check.files import check_files
from imagekit.check.findings import Findings, Report
from imagekit.check.form import check_bytes, check_headers
from imagekit.check.layer import LayerFacts
from imagekit.check.machine import Expected
from imagekit.check.opened import OpenLayer
from imagekit.check.programs import check_programs, programs
from imagekit.check.rules import P2, T6
from imagekit.check.view import WHITEOUT, View
from imagekit.model.extension import ExtensionFacts, ExtensionLayer

_ROOT: Final = "opt/"
# Folders that extensions and Lambda layers share: docs.aws.amazon.com/lambda/latest/dg/
# packaging-layers.html lists those that runtimes look into. What is below them has one owner.
_SHARED: Final = re.compile(
    r"extensions|bin|lib|python|python/lib|python/lib/python3\.\d+"
    r"|python/lib/python3\.\d+/site-packages"
    r"|nodejs|nodejs/node_modules|java|java/lib|ruby|ruby/lib"
)
_INSTALLED: Final = re.compile(
    r"opt/python/(?:lib/python3\.\d+/site-packages/)?([^/]+)-([^/-]+)\.dist-info/METADATA"
)


class Look(Struct, frozen=True, kw_only=True):
    """What the layers told."""

    report: Report
    facts: ExtensionFacts
    outside: tuple[str, ...]
    """What would be put outside `/opt`, sorted."""
    removed: tuple[str, ...]
    """Whiteouts: what would be taken away from whatever lies below."""


def look_at(
    name: str, layers: Sequence[OpenLayer], read: Sequence[LayerFacts], expected: Expected
) -> Look:
    """Judge the layers of the extension `name`, each of which was read once. Pure."""
    view = View()
    for one in read:
        view.add(one.entries)
    findings = [
        *_form(layers, read),
        *check_files(view.files(), expected, lambda _: True),
        *check_programs(view),
    ]
    entries = [entry for one in read for entry in one.entries]
    whiteouts = {entry.path for entry in entries if _is_whiteout(entry)}
    outside = {_shown(entry) for entry in entries if not _is_whiteout(entry) and _strays(entry)}
    ordered = sorted(findings, key=lambda finding: finding.severity != "error")
    return Look(
        report=Report(name=name, findings=tuple(dict.fromkeys(ordered))),
        facts=_facts(view, layers, read),
        outside=tuple(sorted(outside)),
        removed=tuple(sorted(whiteouts)),
    )


def _form(layers: Sequence[OpenLayer], read: Sequence[LayerFacts]) -> Findings:
    for layer, facts in zip(layers, read, strict=True):
        yield from check_bytes(facts, layer.descriptor, layer.diff_id)
        yield from check_headers(facts)
        if facts.unread and facts.compression == "gzip":
            yield T6.found(facts.place, f"it unpacks to {facts.unread}")
        for entry in facts.entries:
            if not entry.path and entry.mode & 0o005 != 0o005:
                what = f"others may not enter the root folder (mode {entry.mode:04o})"
                yield P2.found(facts.place, what, severity="error")


def _is_whiteout(entry: Entry) -> bool:
    return entry.path.rpartition("/")[2].startswith(WHITEOUT)


def _strays(entry: Entry) -> bool:
    """A folder, too: its mode would become that of the base's folder."""
    if entry.path in ("", "opt"):
        return entry.kind != "folder"
    if entry.kind == "hardlink" and not entry.link.lstrip("./").startswith(_ROOT):
        return True
    return not entry.path.startswith(_ROOT)


def _shown(entry: Entry) -> str:
    return f"/{entry.path}/" if entry.kind == "folder" else f"/{entry.path}"


def _facts(view: View, layers: Sequence[OpenLayer], read: Sequence[LayerFacts]) -> ExtensionFacts:
    files = {
        path: entry
        for path, entry in view.files().items()
        if entry.kind != "folder" and path.startswith(_ROOT)
    }
    return ExtensionFacts(
        layers=tuple(_layers(layers, read)),
        programs=tuple(programs(view)),
        places=tuple(sorted({_place(path.removeprefix(_ROOT)) for path in files})),
        packages=tuple(sorted(dict(_packages(files)).items())),
        glibc=_glibc(view),
    )


def _layers(layers: Sequence[OpenLayer], read: Sequence[LayerFacts]) -> Iterator[ExtensionLayer]:
    for layer, facts in zip(layers, read, strict=True):
        if layer.descriptor is not None and layer.diff_id is not None:
            yield ExtensionLayer(
                digest=layer.descriptor.digest,
                size_bytes=layer.descriptor.size_bytes,
                diff_id=layer.diff_id,
                tar_bytes=facts.tar_bytes,
            )


def _place(path: str) -> str:
    """The shortest beginning of the path that is nobody else's."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        found = "/".join(parts[:count])
        if not _SHARED.fullmatch(found):
            return found
    return path


def _packages(files: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in files:
        if found := _INSTALLED.fullmatch(path):
            yield re.sub(r"[-_.]+", "-", found[1]).lower(), found[2]


def _glibc(view: View) -> str | None:
    asked: list[tuple[int, int]] = []
    for found in programs(view).values():
        entry = found.node.entry if found else None
        if entry and entry.seen.elf and entry.seen.elf.glibc:
            asked.append(entry.seen.elf.glibc)
    return "{}.{}".format(*max(asked)) if asked else None
