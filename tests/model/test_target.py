"""Targets: which wheels fit, and what markers see."""

from __future__ import annotations

from packaging.markers import default_environment

from imagekit.model.target import PYTHONS, Target


def test_every_marker_variable_is_given() -> None:
    """A missing one would be filled from the host, without a word (decision 1)."""
    assert set(Target.managed("3.13", "arm64").environment()) == set(default_environment())


def test_the_managed_floor_follows_the_runtime() -> None:
    """Amazon Linux 2 up to 3.11, Amazon Linux 2023 from 3.12 on (R1)."""
    floors = {python: Target.managed(python, "x86_64").glibc for python in PYTHONS}

    assert floors["3.11"] == (2, 26)
    assert {floors["3.12"], floors["3.13"], floors["3.14"]} == {(2, 34)}


def test_platforms_run_from_the_floor_down_with_the_legacy_names() -> None:
    """PEP 600: every older glibc fits, and each legacy name stands beside its number."""
    platforms = list(Target.managed("3.11", "x86_64").platforms())

    assert platforms[0] == "manylinux_2_26_x86_64"
    assert "manylinux_2_27_x86_64" not in platforms
    after = platforms.index("manylinux_2_17_x86_64") + 1
    assert platforms[after] == "manylinux2014_x86_64"
    assert {"manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"} <= set(platforms)


def test_arm_has_no_wheels_older_than_its_first() -> None:
    """manylinux2014 is the oldest on aarch64."""
    platforms = list(Target.managed("3.13", "arm64").platforms())

    assert platforms[-2:] == ["manylinux2014_aarch64", "linux_aarch64"]
    assert not any("musl" in platform for platform in platforms)


def test_the_full_version_satisfies_a_patch_bound() -> None:
    """`requires-python >=3.11.4` fails against a bare 3.11."""
    for python in PYTHONS:
        full = Target.managed(python, "x86_64").full_version
        assert full.startswith(f"{python}.")
