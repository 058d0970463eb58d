"""What is worth a word before it is shipped."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from imagekit.model.errors import Problem
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.project.source_warnings import source_warnings
from tests.project.trees import put, tree_of


def entry(path: str, size_bytes: int) -> FileEntry:
    return FileEntry(path=path, size_bytes=size_bytes, owner="source", content=Bytes(b""))


def told(text: bytes) -> tuple[Problem, ...]:
    content = Bytes(text)
    found = FileEntry(path="a.py", size_bytes=len(text), owner="source", content=content)
    return source_warnings(Tree((found,)))


# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "QYLPMN5HHHFPZAM2"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f'KEY = "{AWS}"', "an AWS access key"),
        (AWS.replace("AKIA", "ASIA"), "an AWS access key"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", "a private key"),
        ("-----BEGIN " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", "a private key"),
        ("token=ghp_" + "a1B2" * 9, "a GitHub token"),
        ("github_pat_" + "a1B2" * 8, "a GitHub token"),
        ("xoxb-" + "1234567890-abc", "a Slack token"),
        ("sk_live_" + "a1B2" * 6, "a Stripe key"),
    ],
)
def test_what_looks_like_a_key_is_told_with_its_line(text: str, what: str) -> None:
    """The warning names file, line and kind, never the key itself."""
    assert told(b"x = 1\n\n" + text.encode()) == (Problem("a.py:3", f"looks like {what}"),)


@pytest.mark.parametrize(
    "text",
    [
        b"AKIAIOSFODNN7EXAMPLE",
        b"AKIA",
        b"XAKIAQYLPMN5HHHFPZAM2",
        b"akiaqylpmn5hhhfpzam2",
        b'if "-----BEGIN PRIVATE KEY-----" in text:',
        b"the xox of things, a ghp_ and sk_live_",
        b"\0" + AWS.encode(),
    ],
)
def test_what_only_resembles_a_key_is_not(text: bytes) -> None:
    """Documentation's example keys, code that looks for keys, and binaries raise no alarm."""
    assert told(text) == ()


def test_one_warning_a_file(tmp_path: Path) -> None:
    """A file full of keys is one finding; a second file is another."""
    put(tmp_path, {"src/a.py": f"{AWS}\n{AWS}\n", "src/b.py": AWS, "src/c.py": "pass"})

    assert [problem.where for problem in source_warnings(tree_of(tmp_path))] == ["a.py:1", "b.py:1"]


def test_large_files_are_not_searched(tmp_path: Path) -> None:
    """Reading is bounded: data of over 1 MB is not source."""
    put(tmp_path, {"src/a.txt": "x\n" * 600_000 + AWS})

    assert source_warnings(tree_of(tmp_path)) == ()


def test_over_50_mb_is_told_with_the_largest_file() -> None:
    """Source is sent with every change, so its size is worth a word; 50 MB are still silent."""
    model, app = entry("models/m.bin", 49_000_000), entry("app.py", 1_000_000)

    assert source_warnings(Tree((app, model))) == ()
    (problem,) = source_warnings(Tree((app, model, entry("x", 1))))
    assert problem.where == "models/m.bin"
    assert problem.what.startswith("49.0 of 50.0 MB of source")


def test_searching_is_quick(tmp_path: Path) -> None:
    """Megabytes of code are searched in milliseconds."""
    for number in range(200):
        put(tmp_path, {f"src/m{number}.py": "result = compute(value, index)\n" * 1000})
    tree = tree_of(tmp_path)
    start = time.process_time()

    assert source_warnings(tree) == ()
    assert time.process_time() - start < 0.5
