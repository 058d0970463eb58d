"""What in the source is worth a word before it is shipped: its size, and what looks like a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imagekit.model.errors import Problem
from imagekit.model.tree import FileEntry, Tree

_LARGE_BYTES = 50_000_000
_SEARCHED_BYTES = 1_000_000

# Shapes that the issuers document: AWS, "Understanding unique ID prefixes"; GitHub, "About
# authentication to GitHub"; Slack, "Token types". Stripe's live keys begin with `sk_live_`.
_KEYS: dict[bytes, str] = {
    rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b": "an AWS access key",
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}": "a private key",
    rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})": "a GitHub token",
    rb"\bxox[abeoprs]-[A-Za-z0-9-]{10,}": "a Slack token",
    rb"\bsk_live_[A-Za-z0-9]{16,}": "a Stripe key",
}
_HINTS = (b"AKIA", b"ASIA", b"PRIVATE KEY", b"gh", b"github_pat_", b"xox", b"sk_live_")
_ANY = re.compile(b"|".join(b"(%s)" % shape for shape in _KEYS))
_WORDS = tuple(_KEYS.values())

# AWS's documentation uses keys that end so; they open nothing.
_EXAMPLE = b"EXAMPLE"


def source_warnings(tree: Tree) -> tuple[Problem, ...]:
    """Warnings about the source, each with the file; the artefact is right all the same.

    Text files up to 1 MB are searched for keys; of each file the first find is told.
    """
    found = tuple(problem for entry in tree if (problem := _key_in(entry)))
    return (*_too_large(tree), *found)


def _too_large(tree: Tree) -> Iterator[Problem]:
    total = tree.size_bytes
    if total > _LARGE_BYTES:
        largest = max(tree, key=lambda entry: entry.size_bytes)
        megabytes = f"{largest.size_bytes / 1e6:.1f} of {total / 1e6:.1f} MB of source"
        yield Problem(largest.path, f"{megabytes}; over 50 MB, every code change sends all of it")


def _key_in(entry: FileEntry) -> Problem | None:
    if entry.link_target is not None or entry.size_bytes > _SEARCHED_BYTES:
        return None
    data = entry.content.read()
    # A plain search is many times faster than the expression, and most files have no such word.
    if b"\0" in data or not any(hint in data for hint in _HINTS):
        return None
    for match in _ANY.finditer(data):
        if not match[0].endswith(_EXAMPLE):
            line = data.count(b"\n", 0, match.start()) + 1
            what = _WORDS[(match.lastindex or 1) - 1]
            return Problem(f"{entry.path}:{line}", f"looks like {what}")
    return None
