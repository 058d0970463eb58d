"""Which package goes into which layer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Package
from imagekit.plan.layering import BUCKETS, OWN_LAYERS, Group, bucket_of, group


def package(name: str, version: str = "1.0", *, own: bool = False) -> Package:
    digest = Digest.of(f"{name} {version}".encode())
    wheel = Artifact(filename=f"{name}-{version}.whl", url=f"file:///{name}.whl", digest=digest)
    return Package(name=name, version=version, wheel=wheel, own=own)


def layout(groups: tuple[Group, ...]) -> dict[str, tuple[str, ...]]:
    return {found.name: tuple(p.name for p in found.packages) for found in groups}


def many(count: int) -> tuple[list[Package], dict[str, int]]:
    packages = [package(f"package-{number:03}") for number in range(count)]
    return packages, {p.name: 10_000 - number for number, p in enumerate(packages)}


def test_a_small_project_has_a_layer_for_each_package() -> None:
    """Up to forty packages share nothing."""
    packages, weights = many(OWN_LAYERS)

    assert all(len(found.packages) == 1 for found in group(packages, weights))


def test_the_rest_shares_eight_buckets() -> None:
    """The forty largest stay alone; two hundred more add eight layers at most."""
    packages, weights = many(OWN_LAYERS + 200)
    groups = group(packages, weights)

    assert len(groups) == OWN_LAYERS + BUCKETS
    assert {p.name for g in groups if len(g.packages) == 1 for p in g.packages} >= {
        p.name for p in packages[:OWN_LAYERS]
    }


def test_adding_a_small_package_disturbs_one_bucket() -> None:
    """Every other layer keeps its packages, so it keeps its fingerprint."""
    packages, weights = many(OWN_LAYERS + 30)
    before = layout(group(packages, weights))
    newcomer = package("newcomer")

    after = layout(group([*packages, newcomer], {**weights, "newcomer": 1}))

    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {f"shared-{bucket_of('newcomer')}"}


def test_large_layers_lie_below_small_ones_and_own_packages_on_top() -> None:
    """What is large and stable is sent first; what you write yourself changes most."""
    packages = [package("mine", own=True), package("small"), package("large")]

    groups = group(packages, {"mine": 10_000_000, "small": 10, "large": 1_000_000})

    assert [found.name for found in groups] == ["large", "small", "mine"]


def test_a_bump_within_its_size_class_keeps_the_order() -> None:
    """Order goes by size class, then name: a few bytes more do not move a layer."""
    packages = [package("a"), package("b")]

    before = [g.name for g in group(packages, {"a": 1000, "b": 1010})]
    after = [g.name for g in group(packages, {"a": 1000, "b": 900})]

    assert before == after == ["a", "b"]


@given(st.permutations(range(60)))
def test_the_order_found_does_not_matter(order: list[int]) -> None:
    """The same lock in another order gives the same layers."""
    packages, weights = many(60)

    assert group([packages[i] for i in order], weights) == group(packages, weights)
