"""The rules over an image's layers: each is read once, then the tree that they make is judged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO, Final

from msgspec import Struct

from imagekit.check.bytecode import magic_number
from imagekit.check.content import Lookout
from imagekit.check.documents import RawConfig
from imagekit.check.files import FILE_RULES, check_files
from imagekit.check.findings import Finding, Findings, Rule
from imagekit.check.form import BYTES, HEADERS, check_bytes, check_headers
from imagekit.check.layer import LayerFacts, read_blob, read_layer
from imagekit.check.machine import Expected
from imagekit.check.opened import OpenImage
from imagekit.check.programs import PROGRAM_RULES, check_programs
from imagekit.check.rules import C6
from imagekit.check.running import RUNNING_RULES, check_handler, check_running
from imagekit.check.scope import Scope, python_of
from imagekit.check.view import View
from imagekit.model.digest import Digest

_WORKERS: Final = 4


class Inside(Struct, frozen=True, kw_only=True):
    """What the layers told."""

    findings: tuple[Finding, ...]
    rules: tuple[Rule, ...]
    facts: dict[int, LayerFacts]
    """Of the layers that were read, by their place from the base up."""


def look_inside(image: OpenImage, config: RawConfig, wanted: Iterable[int]) -> Inside:
    """Read the `wanted` layers and judge them; rules over the whole tree need every layer."""
    scope = Scope.of(image, config)
    facts = _read(image, scope, tuple(wanted))
    findings, rules = [*_form(image, config, facts)], [*BYTES, *HEADERS]
    if any(one.whole for one in facts.values()):
        complete = len(facts) == len(image.layers) and all(one.whole for one in facts.values())
        findings += _tree(image, config, (scope, complete), facts)
        rules += [rule for rule in FILE_RULES if complete or rule is not C6]
        rules += (*RUNNING_RULES, *PROGRAM_RULES) if complete else ()
    return Inside(findings=tuple(findings), rules=tuple(rules), facts=facts)


def judge_tar(name: str, tar: BinaryIO, expected: Expected) -> Inside:
    """One layer of ours before it is compressed."""
    lookout = Lookout(inspect=lambda _: True, magic=magic_number(expected.python))
    facts = read_blob(tar, lookout, place=name, ours=True)
    view = View()
    view.add(facts.entries)
    findings = [*check_bytes(facts, None, None), *check_headers(facts)]
    findings += check_files(view.files(), expected, lambda _: True)
    rules = (*BYTES, *HEADERS, *FILE_RULES)
    return Inside(findings=tuple(findings), rules=rules, facts={0: facts})


def _read(image: OpenImage, scope: Scope, wanted: tuple[int, ...]) -> dict[int, LayerFacts]:
    """Side by side: inflating and hashing release the interpreter lock."""

    def read(index: int) -> tuple[int, LayerFacts]:
        return index, read_layer(index, image.layers[index], scope.expected, scope.holds)

    if len(wanted) <= 1:
        return dict(map(read, wanted))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
        return dict(pool.map(read, wanted))


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


def _tree(
    image: OpenImage, config: RawConfig, known: tuple[Scope, bool], facts: dict[int, LayerFacts]
) -> Findings:
    scope, complete = known
    view = View()
    for index in sorted(facts):
        view.add(facts[index].entries)
    python = scope.expected.python or python_of(view, config)
    expected = Expected(machine=scope.expected.machine, python=python, glibc=scope.expected.glibc)
    judge = check_running if complete else check_handler
    yield from judge(view, config, handler=image.handler, python=python)
    if complete:
        yield from check_programs(view)
    yield from check_files(view.files(), expected, scope.judges, complete=complete)
