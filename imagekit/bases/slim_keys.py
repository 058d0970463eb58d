"""The keys of a `base.toml` that say what its packages are made without. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imagekit.model.slim import SlimSettings
from imagekit.project.config_keys import SharedKeys, read_slim
from imagekit.project.config_slim import KEYS
from imagekit.project.config_table import Findings, Table

SLIM_KEYS = tuple(key for key in KEYS if key != "provided")
"""A base is what provides to others."""


def slim_of(table: Mapping[str, object]) -> SlimSettings:
    """What the keys say; `slim = "safe"` where they say nothing."""
    return _read(table)[0].slim_settings


def slim_problems(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Every key that is wrong, and what it takes."""
    for problem in _read(table)[1].problems:
        yield problem.where.removeprefix(": "), problem.what


def _read(table: Mapping[str, object]) -> tuple[SharedKeys, Findings]:
    findings = Findings("")
    said = {key: table[key] for key in SLIM_KEYS if key in table}
    return read_slim(Table(said, "", findings)), findings
