"""What Lambda starts in `/opt/extensions`, and what it could not start."""

from __future__ import annotations

import pytest

from imagekit.check.findings import Finding
from imagekit.check.image import check_image
from tests.check.broken import SOUND
from tests.check.make import Member, folder, link

SCRIPT = b"#!/bin/sh\n"


def program(name: str, mode: int = 0o755) -> Member:
    return Member(name=f"opt/extensions/{name}", data=SCRIPT, mode=mode)


def findings(*members: Member) -> list[Finding]:
    report = check_image(SOUND.with_code(*members).open())
    assert {"X1", "X2"} <= set(report.rules_run)
    return [one for one in report.findings if one.rule in ("X1", "X2")]


@pytest.mark.parametrize(
    "members",
    [
        (program("agent"),),
        (link("opt/extensions/agent", "../bin/agent"), Member(name="opt/bin/agent", mode=0o755)),
        (folder("opt/extensions/data"), Member(name="opt/extensions/data/note.txt")),
        tuple(program(f"agent{number}") for number in range(10)),
    ],
    ids=["script", "link", "folder", "ten"],
)
def test_what_can_be_started(members: tuple[Member, ...]) -> None:
    """Programs, links to programs; folders are passed over."""
    assert findings(*members) == []


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ((program("agent", 0o744),), "others may not run it (mode 0744)"),
        ((link("opt/extensions/agent", "/opt/gone"),), "is a link that leads nowhere"),
        ((link("opt/extensions/agent", "/opt"),), "is no file"),
        (
            (folder("opt/extensions", 0o750), program("agent")),
            "others may not enter /opt/extensions (mode 0750)",
        ),
    ],
    ids=["mode", "dangling", "folder", "closed"],
)
def test_what_cannot(members: tuple[Member, ...], what: str) -> None:
    """One that does not start ends the whole function's initialisation."""
    (finding,) = findings(*members)

    assert (finding.rule, finding.severity) == ("X1", "error")
    assert what in finding.what
    assert "opt/extensions/agent" in finding.place


def test_several_are_one_finding() -> None:
    """With the names of the others."""
    (finding,) = findings(program("a", 0o644), program("b", 0o644), program("c"))

    assert finding.place.endswith("opt/extensions/a")
    assert "likewise opt/extensions/b" in finding.what


def test_links_and_dot_files_count() -> None:
    """Lambda's emulator starts every name that is no folder."""
    many = [program(f"agent{number}") for number in range(9)]
    (finding,) = findings(*many, program(".hidden"), link("opt/extensions/x", "agent0"))

    assert finding.rule == "X2"
    assert "holds 11" in finding.what
