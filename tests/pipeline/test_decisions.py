"""What `imagekit.lock` does in a run: written, refused, or taken unread."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from imagekit.console import Console
from imagekit.model.digest import Digest
from imagekit.model.errors import LockError
from imagekit.model.extension import Extension, ExtensionFacts
from imagekit.pipeline.afresh import Afresh
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.lock import Upgrade
from imagekit.pipeline.request import LockMode
from imagekit.plan.packaging import Verdict
from imagekit.project.lock_values import Kind, PartKey

ZIP = Verdict(packaging="zip", why="it fits")


def decisions(root: Path, mode: LockMode = "write", *again: Kind) -> Decisions:
    console = Console(out=io.StringIO(), err=io.StringIO())
    return Decisions.read(root, mode, console, Afresh(kinds=frozenset(again)))


def said(found: Decisions) -> str:
    assert isinstance(found.console.err, io.StringIO)
    return found.console.err.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose lock holds a verdict, a Python and resolved packages."""
    first = decisions(tmp_path)
    first.keep_verdict("f", "x86_64", "3.13", ZIP, 7)
    first.keep_python("3.13", "3.13.0")
    first.keep_pylock("f", "x86_64", Digest.of(b"inputs"), "lock-version = '1.0'\n")
    assert first.save()
    return tmp_path


def test_what_was_decided_is_found_again(root: Path) -> None:
    """So it only changes on purpose."""
    found = decisions(root, "locked")

    assert found.verdict("f", "x86_64", "3.13") == ZIP
    assert found.python("3.13") == "3.13.0"
    assert found.pylock("f", "x86_64", Digest.of(b"inputs")) == "lock-version = '1.0'\n"
    assert not found.save()


def test_a_missing_part_is_decided_when_the_lock_may_be_written(root: Path) -> None:
    """None says: decide, then keep."""
    assert decisions(root).verdict("other", "x86_64", "3.13") is None


@pytest.mark.parametrize("mode", ["locked", "frozen"])
def test_a_missing_part_is_refused_otherwise(root: Path, mode: LockMode) -> None:
    """With the command that mends it."""
    with pytest.raises(LockError) as refused:
        decisions(root, mode).verdict("other", "x86_64", "3.13")

    assert refused.value.problems == ("packaging other (x86_64) is missing",)
    assert refused.value.hint == "imagekit lock"


def test_a_stale_part_is_refused_under_locked_and_taken_under_frozen(root: Path) -> None:
    """`--frozen` uses the lock unread."""
    changed = Digest.of(b"other inputs")

    assert decisions(root).pylock("f", "x86_64", changed) is None
    with pytest.raises(LockError, match="stale"):
        decisions(root, "locked").pylock("f", "x86_64", changed)
    assert decisions(root, "frozen").pylock("f", "x86_64", changed) is not None


def test_another_compiling_python_is_said_and_not_written(root: Path) -> None:
    """Else two machines would rewrite each other's lock at every build (decision 3)."""
    found = decisions(root)
    found.keep_python("3.13", "3.13.9")

    assert "3.13.9" in said(found)
    assert not found.save()
    with pytest.raises(LockError):
        decisions(root, "locked").keep_python("3.13", "3.13.9")


INPUTS = Digest.of(b"inputs")
EXTENSION = Extension(
    name="registry.example/agent:83",
    reference=f"registry.example/agent:83@{Digest.of(b'old')}",
    digest=Digest.of(b"old"),
    facts=ExtensionFacts(layers=(), programs=("agent",)),
)


def with_extension(root: Path) -> Path:
    """The lock pins an extension, too."""
    found = decisions(root)
    found.keep_extension(EXTENSION, "x86_64", INPUTS)
    assert found.save()
    return root / "imagekit.lock"


def test_an_extension_is_pinned_for_its_architecture(root: Path) -> None:
    """Found again with all that plans need; for the other architecture it is missing."""
    with_extension(root)
    pin = decisions(root, "locked").extension(EXTENSION.name, "x86_64", INPUTS)

    assert pin is not None
    assert (pin.reference, pin.digest, pin.facts) == (
        EXTENSION.reference,
        EXTENSION.digest,
        EXTENSION.facts,
    )
    assert decisions(root).edited_extension(EXTENSION.name, "x86_64") is None
    with pytest.raises(LockError, match="is missing"):
        decisions(root, "locked").extension(EXTENSION.name, "arm64", INPUTS)


def test_an_edited_reference_says_where_to_read_again(root: Path) -> None:
    """As Renovate edits it: stale under --locked, taken as it is under --frozen."""
    path = with_extension(root)
    moved = f"registry.example/agent:83@{Digest.of(b'new')}"
    path.write_text(path.read_text().replace(EXTENSION.reference, moved))

    assert str(decisions(root).edited_extension(EXTENSION.name, "x86_64")) == moved
    assert decisions(root).extension(EXTENSION.name, "x86_64", INPUTS) is None
    assert decisions(root, "frozen").extension(EXTENSION.name, "x86_64", INPUTS) is not None
    with pytest.raises(LockError, match="is stale"):
        decisions(root, "locked").extension(EXTENSION.name, "x86_64", INPUTS)
    upgraded = decisions(root, "write", "extension")
    assert upgraded.edited_extension(EXTENSION.name, "x86_64") is None


def test_an_edited_reference_that_is_none(root: Path) -> None:
    """A slip of the editor is the lock's problem."""
    path = with_extension(root)
    path.write_text(path.read_text().replace(EXTENSION.reference, "Agent@sha256:1"))

    with pytest.raises(LockError, match="agent:83"):
        decisions(root).edited_extension(EXTENSION.name, "x86_64")


def test_upgrading_bases_upgrades_extensions() -> None:
    """Both are images that others publish."""
    found = Upgrade(bases=()).afresh()

    assert PartKey("base", "team", "x86_64") in found
    assert PartKey("extension", "registry.example/agent:83", "arm64") in found
    assert PartKey("python", "3.13") not in found
    assert PartKey("base", "team", "x86_64") not in Upgrade().afresh()


def test_upgrading_one_base_leaves_the_others() -> None:
    """By the name that the configuration gives it, on every architecture; other kinds as asked."""
    found = Upgrade(bases=("team",), python=True).afresh()

    assert PartKey("base", "team", "x86_64") in found
    assert PartKey("base", "team", "arm64") in found
    assert PartKey("base", "other", "x86_64") not in found
    assert PartKey("extension", "registry.example/agent:83", "x86_64") not in found
    assert PartKey("python", "3.13") in found


def test_an_upgrade_decides_afresh(root: Path) -> None:
    """Only what it names; everything else stays."""
    found = decisions(root, "write", "python")

    assert found.python("3.13") is None
    found.keep_python("3.13", "3.13.9")
    assert found.verdict("f", "x86_64", "3.13") == ZIP
    assert found.save()
    assert decisions(root).python("3.13") == "3.13.9"


def test_what_no_function_asks_for_is_forgotten(root: Path) -> None:
    """By `imagekit lock` over the whole project, never by a build of one function."""
    found = decisions(root)
    found.python("3.13")

    assert not found.save()
    assert found.save(prune=True)
    assert decisions(root).verdict("f", "x86_64", "3.13") is None


def test_nothing_is_written_under_locked(tmp_path: Path) -> None:
    """Not even what this run decided in memory."""
    found = decisions(tmp_path, "locked")
    found.keep_python("3.13", "3.13.0")

    assert not found.save()
    assert list(tmp_path.iterdir()) == []
