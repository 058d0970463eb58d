"""A registry that serves something else than it was asked for: exit 3, and nothing is made."""

from __future__ import annotations

from tests.e2e.projects import Project
from tests.registry.fault_registry import Fault, FaultRegistry
from tests.registry.kit import TYPE


def test_a_registry_that_lies_about_a_manifest(project: Project) -> None:
    """It is the other side's fault, not the build's; both digests are told."""
    with FaultRegistry() as server:
        promised = server.hold_manifest("team/base", "13", TYPE, b'{"a": 1}')
        server.fault(Fault(method="GET", path="/manifests/", body=b'{"a": 2}', times=9))
        base = f"{server.host}/team/base@{promised}"
        project.replace('packaging = "zip"', f'packaging = "image"\nbase = "{base}"')
        done = project.run("build")

    assert (done.returncode, done.stdout, project.made()) == (3, "", [])
    assert "is not what was promised" in done.stderr
    assert f"expected {promised}" in done.stderr
    assert "hint: run it again" in done.stderr
