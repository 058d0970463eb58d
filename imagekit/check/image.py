"""Every rule over an image: the documents, then each layer once, then the tree that they make."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from imagekit.check.bytecode import magic_number
from imagekit.check.content import Lookout
from imagekit.check.documents import RawConfig, parse_config, parse_manifest
from imagekit.check.files import FILE_RULES, check_files
from imagekit.check.findings import Finding, Findings, Report, Rule
from imagekit.check.form import BYTES, HEADERS, check_bytes, check_headers
from imagekit.check.layer import LayerFacts, place_of, read_blob, read_layer
from imagekit.check.machine import Expected
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
from imagekit.check.rules import C6, M1, M21, R1, T6
from imagekit.check.running import (
    RUNNING_RULES,
    check_command,
    check_handler,
    check_running,
)
from imagekit.check.scope import Scope, python_of
from imagekit.check.view import View
from imagekit.model.digest import Digest

_WORKERS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Documents:
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
    lookout = Lookout(inspect=lambda _: True, magic=magic_number(expected.python))
    facts = read_blob(tar, lookout, place=name, ours=True)
    view = View()
    view.add(facts.entries)
    findings = [*check_bytes(facts, None, None), *check_headers(facts)]
    findings += check_files(view.files(), expected, lambda _: True)
    return _report(name, findings, (*BYTES, *HEADERS, *FILE_RULES))


def _check(image: OpenImage, wanted: Callable[[OpenLayer], bool]) -> Report:
    documents = _documents(image)
    if (config := documents.config) is None:
        return _report(image.name, documents.findings, documents.rules)
    scope = Scope.of(image, config)
    facts = _read(image, scope, wanted)
    complete = len(facts) == len(image.layers) and all(one.whole for one in facts.values())
    findings = [*documents.findings, *_form(image, config, facts), *_records(image, facts)]
    findings += check_total(_tar_bytes(image, facts))
    rules = [*documents.rules, *(BYTES + HEADERS if facts else ())]
    if any(one.whole for one in facts.values()):
        findings += _tree(image, config, scope, facts, complete=complete)
        rules += [rule for rule in FILE_RULES if complete or rule is not C6]
        rules += RUNNING_RULES if complete else []
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


def _read(
    image: OpenImage, scope: Scope, wanted: Callable[[OpenLayer], bool]
) -> dict[int, LayerFacts]:
    """Each wanted layer once, side by side: inflating and hashing release the interpreter lock."""
    jobs = [(index, layer) for index, layer in enumerate(image.layers) if wanted(layer)]

    def read(job: tuple[int, OpenLayer]) -> tuple[int, LayerFacts]:
        index, layer = job
        return index, read_layer(index, layer, scope.expected, scope.holds)

    if len(jobs) <= 1:
        return dict(map(read, jobs))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
        return dict(pool.map(read, jobs))


def _form(image: OpenImage, config: RawConfig, facts: dict[int, LayerFacts]) -> Findings:
    for index, found in facts.items():
        layer = image.layers[index]
        yield from check_bytes(found, layer.descriptor, layer.diff_id or _diff_id(config, index))
        yield from check_headers(found)


def _diff_id(config: RawConfig, index: int) -> Digest | None:
    listed = config.diff_ids or ()
    try:
        return Digest.parse(listed[index]) if index < len(listed) else None
    except ValueError:
        return None


def _records(image: OpenImage, facts: dict[int, LayerFacts]) -> Findings:
    """What was noted of layers that are not read now."""
    for index, layer in enumerate(image.layers):
        asked = layer.known.glibc if layer.known and index not in facts else None
        if asked and image.glibc and _version(asked) > image.glibc:
            there = ".".join(map(str, image.glibc))
            what = f"something in it asks for glibc {asked}; there is {there}"
            yield R1.found(place_of(index, layer), what, ours=layer.ours)


def _tree(
    image: OpenImage,
    config: RawConfig,
    scope: Scope,
    facts: dict[int, LayerFacts],
    *,
    complete: bool,
) -> Findings:
    view = View()
    for index in sorted(facts):
        view.add(facts[index].entries)
    python = scope.expected.python or python_of(view, config)
    expected = Expected(machine=scope.expected.machine, python=python, glibc=scope.expected.glibc)
    if complete:
        yield from check_running(view, config, handler=image.handler, python=python)
    else:
        yield from check_handler(view, config, handler=image.handler, python=python)
    yield from check_files(view.files(), expected, scope.judges, complete=complete)


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
            yield place_of(index, layer)
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
