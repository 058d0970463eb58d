"""What lies on top of the base that a shared base starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.bases.definition import Definition, OtherBase
from imagekit.model.base import SHARED_ROOT, Base, BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.image import LAYER, Descriptor, ImageConfig
from imagekit.model.package import Artifact, Package
from imagekit.plan.base_plan import (
    base_plan,
    facts_with,
    labelled,
    left_to_share,
    looks_by_itself,
    mixed,
    own_copies,
)
from imagekit.plan.build_plan import LayerPlan, package_layers

DEFINITION = Definition(
    name="team",
    path=Path("base_images/team/base.toml"),
    origin=OtherBase("heavy"),
    env=(("TEAM", "yes"),),
    labels=(("owner", "us"),),
)
HEAVY = Base(
    name="heavy",
    reference=f"one.example/heavy:1@{Digest.of(b'heavy')}",
    digest=Digest.of(b"heavy"),
    family="oci",
    config=ImageConfig(architecture="amd64", env=(("PATH", "/usr/bin"),)),
    layers=(Descriptor(media_type=LAYER["oci"], digest=Digest.of(b"1"), size_bytes=1),),
    facts=BaseFacts(
        python="3.13.5",
        glibc="2.34",
        interpreter="/usr/bin/python3.13",
        runtime_client=False,
        unzipped_bytes=1000,
        packages=(("alpha", "1.0"), ("boto3", "1.0")),
        package_bytes=(("alpha", 7),),
        shared=("alpha",),
    ),
)
AWS = ImageConfig(
    architecture="amd64",
    env=(("LAMBDA_RUNTIME_DIR", "/var/runtime"),),
    entrypoint=("/lambda-entrypoint.sh",),
)


def package(name: str, version: str) -> Package:
    filename = f"{name}-{version}-py3-none-any.whl"
    wheel = Artifact(filename=filename, url="file:///x", digest=Digest.of(filename.encode()))
    return Package(name=name, version=version, wheel=wheel)


BETA = package("beta", "1.0")


def layers(*packages: Package) -> tuple[LayerPlan, ...]:
    weights = {one.name: 10 for one in packages}
    return package_layers(packages, weights, "3.13.5", SHARED_ROOT)


def test_shared_layers_lie_in_opt_python() -> None:
    """Another root is another layer: a project's own copy has another fingerprint."""
    (shared,) = layers(BETA)
    (own,) = package_layers([BETA], {"beta": 10}, "3.13.5")

    assert (shared.root, own.root) == ("/opt/python", "/var/task")
    assert shared.fingerprint != own.fingerprint


def test_the_plan_is_made_for_what_it_starts_from() -> None:
    """The parent's Python and glibc, the definition's variables and labels, and no handler."""
    plan = base_plan(DEFINITION, HEAVY, "x86_64", layers(BETA), "3.13.5")

    assert (plan.target.full_version, plan.target.glibc) == ("3.13.5", (2, 34))
    assert plan.base == HEAVY
    assert plan.handler == ""
    assert plan.settings is not None
    assert plan.settings.labels == (("owner", "us"),)
    assert dict(plan.settings.env) == {
        "PATH": "/usr/bin",
        "TEAM": "yes",
        "PYTHONPATH": "/opt/python",
    }
    assert plan.settings.command is plan.settings.entrypoint is None


@pytest.mark.parametrize(
    ("before", "after"),
    [("/team", "/team:/opt/python"), ("/opt/python:/team", "/opt/python:/team")],
)
def test_python_path_is_appended_to(before: str, after: str) -> None:
    """Never replaced (lambda_rules R7), and never said twice."""
    definition = replace(DEFINITION, env=(("PYTHONPATH", before),))
    plan = base_plan(definition, HEAVY, "x86_64", layers(BETA), None)

    assert plan.settings is not None
    assert dict(plan.settings.env)["PYTHONPATH"] == after


@pytest.mark.parametrize("parent", [replace(HEAVY, config=AWS), HEAVY])
def test_python_path_is_left_alone(parent: Base) -> None:
    """On AWS's entry point, which looks there anyway; and where nothing is shared."""
    shared = layers(BETA) if parent.config == AWS else ()
    plan = base_plan(DEFINITION, parent, "x86_64", shared, None)

    assert plan.settings is not None
    assert "PYTHONPATH" not in dict(plan.settings.env)


@pytest.mark.parametrize(
    ("config", "looks"),
    [
        (AWS, True),
        (replace(AWS, entrypoint=("/wrapper.sh",)), True),
        (replace(AWS, entrypoint=("/usr/bin/python3.13", "-m", "awslambdaric")), False),
        (replace(AWS, entrypoint=()), False),
        (replace(AWS, env=()), False),
    ],
)
def test_who_looks_into_opt_python(config: ImageConfig, looks: bool) -> None:
    """AWS's bootstrap, behind whatever script; not Python by itself."""
    assert looks_by_itself(config) is looks


def test_what_the_parent_has_is_not_shared_again() -> None:
    """The same version wherever it lies; another one is."""
    found = left_to_share([package("alpha", "1.0"), package("boto3", "2.0"), BETA], HEAVY)

    assert [one.label for one in found] == ["boto3 2.0", "beta 1.0"]


def test_versions_are_not_mixed_in_one_folder() -> None:
    """Only what the parent shares lies in /opt/python; boto3 lies elsewhere, and comes later."""
    (wrong,) = mixed([package("alpha", "2.0"), package("boto3", "2.0"), BETA], HEAVY)

    assert wrong == (
        "alpha 2.0 would lie among the files of alpha 1.0, which heavy shares in /opt/python"
    )


def test_own_copies_are_told_of_shared_packages_alone() -> None:
    """boto3 in another version than AWS's image has is nothing to tell at every build."""
    packages = [package("alpha", "2.0"), package("boto3", "2.0"), BETA]

    assert own_copies(packages, HEAVY) == ("alpha 2.0 (the base has 1.0)",)
    assert own_copies([package("alpha", "1.0")], HEAVY) == ()


def test_facts_are_those_of_the_parent_and_what_was_added() -> None:
    """Computed, not read again."""
    added = [package("boto3", "2.0"), BETA]
    found = facts_with(HEAVY.facts, added, {"boto3": 5, "beta": 3}, 200)

    assert found == replace(
        HEAVY.facts,
        unzipped_bytes=1200,
        packages=(("alpha", "1.0"), ("beta", "1.0"), ("boto3", "2.0")),
        package_bytes=(("alpha", 7), ("beta", 3), ("boto3", 5)),
        shared=("alpha", "beta", "boto3"),
    )


def test_a_label_is_put_in_place_of_the_parents() -> None:
    """What a base says of itself is not what the one below says."""
    plan = labelled(base_plan(DEFINITION, HEAVY, "x86_64", (), None), ("owner", "them"))

    assert plan.settings is not None
    assert plan.settings.labels == (("owner", "them"),)
