"""The rules over the form of a layer: its bytes, its headers, their order (lambda_rules, 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from imagekit.check.entries import Entry
from imagekit.check.findings import Finding, Findings, Rule
from imagekit.check.layer import LayerFacts
from imagekit.check.rules import M8, M20, T1, T2, T3, T5, T9, T10, T11, T12, T14, T15
from imagekit.check.view import AUFS, WHITEOUT
from imagekit.model.digest import Digest
from imagekit.model.image import Descriptor
from imagekit.model.tree import ancestors

Broken = tuple[Rule, Entry, str]

BYTES: tuple[Rule, ...] = (T5, M8, M20)
HEADERS: tuple[Rule, ...] = (T1, T2, T3, T9, T10, T11, T12, T14, T15)


def check_bytes(
    facts: LayerFacts, descriptor: Descriptor | None, diff_id: Digest | None
) -> Findings:
    """The blob against its descriptor and the config's diff_id (None where nobody promised)."""
    if what := facts.broken or _other_than_promised(facts, descriptor, diff_id):
        yield M20.found(facts.place, what, ours=facts.ours)
    if descriptor is not None and facts.broken is None:
        yield from _compression(facts, descriptor.media_type)


def _other_than_promised(
    facts: LayerFacts, descriptor: Descriptor | None, diff_id: Digest | None
) -> str | None:
    if descriptor and facts.digest and facts.digest != descriptor.digest:
        return f"its bytes are {facts.digest}, not {descriptor.digest}"
    if descriptor and facts.digest and facts.blob_bytes != descriptor.size_bytes:
        return f"it has {facts.blob_bytes} bytes; the manifest says {descriptor.size_bytes}"
    if diff_id and facts.diff_id and facts.diff_id != diff_id:
        return f"its tar is {facts.diff_id}; the config's diff_id says {diff_id}"
    return None


def _compression(facts: LayerFacts, said: str) -> Findings:
    if facts.compression == "zstd" and not said.endswith("+zstd"):
        yield M8.found(facts.place, f"it is compressed with zstd; its media type is {said}")
    elif facts.compression == "none" and said.endswith(("+gzip", ".gzip")):
        yield T5.found(facts.place, f"it is not compressed; its media type is {said}")
    elif facts.compression == "gzip" and said.endswith(".tar"):
        yield T5.found(facts.place, f"it is gzip; its media type is {said}")


def check_headers(facts: LayerFacts) -> Findings:
    """Every rule over one layer's headers; one finding a rule, with the first paths by name."""
    broken: dict[tuple[str, bool], list[Broken]] = {}
    for found in _broken(facts.entries):
        broken.setdefault((found[0].id, found[2] == _CLIMBS), []).append(found)
    for (_, climbs), together in broken.items():
        yield _together(together, climbs=climbs)


def _together(found: list[Broken], *, climbs: bool) -> Finding:
    rule, entry, what = found[0]
    return rule.found(
        f"{entry.place}: {entry.raw}",
        what + others([entry.raw for _, entry, _ in found[1:]]),
        ours=entry.ours,
        severity="error" if climbs else None,
    )


def others(paths: list[str], shown: int = 3) -> str:
    """`; so is a, b, c and 12 more`, for a finding that stands for many."""
    if not paths:
        return ""
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return f"; likewise {', '.join(paths[:shown])}{more}"


def _broken(entries: Iterable[Entry]) -> Iterator[Broken]:
    listed = tuple(entries)
    yield from _parents(listed)
    for entry in listed:
        for check in _EACH:
            if what := check(entry):
                yield _RULE_OF[check], entry, what


def _parents(entries: tuple[Entry, ...]) -> Iterator[Broken]:
    folders = {entry.path for entry in entries if entry.kind == "folder"}
    before: set[str] = {""}
    once: set[str] = set()
    for entry in entries:
        if entry.path in once and entry.path:
            yield T9, entry, "comes twice in this layer"
        once.add(entry.path)
        if entry.kind == "folder":
            before.add(entry.path)
        missing = [folder for folder in ancestors(entry.path) if folder not in before]
        if absent := [folder for folder in missing if folder not in folders]:
            yield T1, entry, f"its folder {absent[-1]} is not in this layer"
        elif missing:
            yield T2, entry, f"its folder {missing[-1]} comes later in this layer"


def _hard_link(entry: Entry) -> str | None:
    return f"is a hard link to {entry.link}" if entry.kind == "hardlink" else None


def _kind(entry: Entry) -> str | None:
    return "is a device, a pipe or a sparse file" if entry.kind == "other" else None


def _attributes(entry: Entry) -> str | None:
    found = [oddity for oddity in entry.oddities if oddity.startswith("xattr")]
    return f"carries {', '.join(found)}" if found else None


def _fraction(entry: Entry) -> str | None:
    return "has a time with a fraction of a second" if "fraction" in entry.oddities else None


def _whiteout(entry: Entry) -> str | None:
    name = entry.path.rpartition("/")[2]
    if not name.startswith(WHITEOUT) or name.startswith(AUFS):
        return None
    if entry.kind == "file" and entry.size_bytes == 0 and name != WHITEOUT:
        return None
    return "is no whiteout, and vanishes when the layer is unpacked"


_CLIMBS = "leads out of the image"


def _spelling(entry: Entry) -> str | None:
    if ".." in entry.path.split("/"):
        return _CLIMBS
    plain = entry.path + "/" if entry.kind == "folder" else entry.path
    return None if entry.raw in (plain, entry.path) else "is not spelt as a plain relative path"


_RULE_OF: dict[Callable[[Entry], str | None], Rule] = {
    _hard_link: T3,
    _kind: T10,
    _attributes: T11,
    _fraction: T12,
    _whiteout: T14,
    _spelling: T15,
}
_EACH = tuple(_RULE_OF)
