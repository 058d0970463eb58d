"""Every rule over an image: the documents, and the layers that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from imagekit.check.command import check_command
from imagekit.check.documents import RawConfig, parse_config, parse_manifest
from imagekit.check.findings import Finding, Findings, Report, Rule
from imagekit.check.manifest import (
    CONFIG_RULES,
    MANIFEST_RULES,
    UNREADABLE,
    check_config,
    check_manifest,
    check_total,
    kind_of_manifest,
)
from imagekit.check.opened import OpenImage, OpenLayer
from imagekit.check.own import RULES_VERSION
from imagekit.check.rules import M1, M21, R1, T6

if TYPE_CHECKING:
    from imagekit.check.layer import LayerFacts
    from imagekit.check.machine import Expected


class _Documents(Struct, frozen=True, kw_only=True):
    config: RawConfig | None
    """None where nothing more can be judged."""
    findings: tuple[Finding, ...]
    rules: tuple[Rule, ...]


def check_image(image: OpenImage) -> Report:
    """Every rule that the bytes which are there can show; layers that are not there are named."""
    return _check(image, lambda layer: layer.open is not None)


def check_own(image: OpenImage) -> Report:
    """The documents, and those of our own layers that did not pass when they were made.

    Fast enough for every build: layers that passed are known by their records, and the base's
    were read when it was pinned. They are not called unseen.
    """
    return _check(image, lambda layer: layer.open is not None and layer.ours and not _passed(layer))


def check_tar(name: str, tar: BinaryIO, *, expected: Expected) -> Report:
    """One layer of ours before it is compressed: its headers and its files."""
    from imagekit.check.inside import judge_tar

    inside = judge_tar(name, tar, expected)
    return _report(name, inside.findings, inside.rules)


def _check(image: OpenImage, wanted: Callable[[OpenLayer], bool]) -> Report:
    documents = _documents(image)
    if (config := documents.config) is None:
        return _report(image.name, documents.findings, documents.rules)
    findings, rules = [*documents.findings], [*documents.rules]
    facts: dict[int, LayerFacts] = {}
    if read := tuple(index for index, layer in enumerate(image.layers) if wanted(layer)):
        # Imported here: a build whose layers all passed when they were made reads none.
        from imagekit.check.inside import look_inside

        inside = look_inside(image, config, read)
        facts = inside.facts
        findings += inside.findings
        rules += inside.rules
    findings += _records(image, facts)
    findings += check_total(_tar_bytes(image, facts))
    if all(index in facts or layer.known for index, layer in enumerate(image.layers)):
        rules.append(T6)
    return _report(image.name, findings, rules, tuple(_unseen(image, facts)))


def _documents(image: OpenImage) -> _Documents:
    findings: list[Finding] = []
    rules: tuple[Rule, ...] = ()
    if image.manifest_bytes is not None:
        manifest = parse_manifest(image.manifest_bytes)
        if manifest is None:
            return _Documents(config=None, findings=(UNREADABLE,), rules=MANIFEST_RULES)
        if kind := kind_of_manifest(image, manifest):
            return _Documents(config=None, findings=(kind,), rules=MANIFEST_RULES)
        findings += check_manifest(image, manifest)
        rules = MANIFEST_RULES
    config = parse_config(image.config_bytes)
    if config is None:
        broken = M1.found("the config", "is no JSON object")
        return _Documents(config=None, findings=(*findings, broken), rules=rules)
    findings += check_config(image, config)
    findings += check_command(config, image.handler)
    return _Documents(config=config, findings=tuple(findings), rules=(*rules, *CONFIG_RULES, M21))


def _records(image: OpenImage, facts: dict[int, LayerFacts]) -> Findings:
    """What was noted of layers that are not read now."""
    for index, layer in enumerate(image.layers):
        asked = layer.known.glibc if layer.known and index not in facts else None
        if asked and image.glibc and _version(asked) > image.glibc:
            there = ".".join(map(str, image.glibc))
            what = f"something in it asks for glibc {asked}; there is {there}"
            yield R1.found(layer.place(index), what, ours=layer.ours)


def _tar_bytes(image: OpenImage, facts: dict[int, LayerFacts]) -> Iterator[int]:
    for index, layer in enumerate(image.layers):
        if index in facts:
            yield facts[index].tar_bytes
        elif layer.known:
            yield layer.known.tar_bytes


def _unseen(image: OpenImage, facts: dict[int, LayerFacts]) -> Iterator[str]:
    for index, layer in enumerate(image.layers):
        found = facts.get(index)
        if found is None and layer.open is None:
            yield layer.place(index)
        elif found is not None and found.unread:
            yield f"{found.place}: {found.unread}"


def _passed(layer: OpenLayer) -> bool:
    return layer.known is not None and layer.known.checks >= RULES_VERSION


def _version(dotted: str) -> tuple[int, ...]:
    return tuple(int(part) for part in dotted.split(".") if part.isdigit())


def _report(
    name: str, findings: Iterable[Finding], rules: Iterable[Rule], unseen: tuple[str, ...] = ()
) -> Report:
    ordered = sorted(findings, key=lambda finding: finding.severity != "error")
    return Report(
        name=name,
        findings=tuple(dict.fromkeys(ordered)),
        unseen=unseen,
        rules_run=tuple(dict.fromkeys(rule.id for rule in rules)),
    )
