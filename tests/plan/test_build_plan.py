"""Fingerprints and settings: what the plan says before anything is made."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.model.base import Base, BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.image import ImageConfig
from imagekit.model.slim import Slim
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import client_layer, image_settings, package_layers, source_layer
from tests.plan.test_layering import package

OF_A_WHOLE_WHEEL = "sha256:2161520ade372c17475c1c5f9b81634d60b95149debae518a200e0456c9b4b20"
"""The fingerprint that this layer had before there was anything to leave out."""


def base(*, client: bool, env: tuple[tuple[str, str], ...] = (), working_dir: str = "") -> Base:
    return Base(
        name="test",
        reference="registry.example/base@sha256:" + "0" * 64,
        digest=Digest("0" * 64),
        family="docker",
        config=ImageConfig(architecture="amd64", env=env, working_dir=working_dir),
        layers=(),
        facts=BaseFacts(
            python="3.13.5",
            glibc="2.41",
            interpreter="/usr/bin/python3.13",
            runtime_client=client,
            unzipped_bytes=0,
        ),
    )


def tree(**files: bytes) -> Tree:
    return Tree.of(
        FileEntry(path=path, size_bytes=len(data), owner="source", content=Bytes(data))
        for path, data in files.items()
    )


def test_a_layer_is_named_by_its_recipe() -> None:
    """Another wheel, another root or another compiler is another layer; the same recipe is not."""
    weights = {"a": 1}
    (plain,) = package_layers([package("a")], weights, None)

    assert package_layers([package("a")], weights, None) == (plain,)
    others = {
        plain.fingerprint,
        package_layers([package("a", "2.0")], weights, None)[0].fingerprint,
        package_layers([package("a")], weights, "3.13.0")[0].fingerprint,
        package_layers([package("a")], weights, "3.13.1")[0].fingerprint,
        client_layer([package("a")], weights, None).fingerprint,
    }
    assert len(others) == 5


def test_what_is_left_out_is_part_of_the_recipe() -> None:
    """Each profile and each word of it is another layer; `off` is the one that it always was."""
    weights, whole = {"a": 1}, package("a")
    slims = [
        Slim(),
        Slim(profile="safe"),
        Slim(profile="max"),
        Slim(profile="max", symbols=1),
        Slim(profile="safe", drop=("a/",)),
        Slim(profile="safe", keep=("a/",)),
        Slim(profile="safe", reads_stubs=True),
        Slim(services=("s3",)),
    ]
    found = [
        package_layers([replace(whole, slim=slim)], weights, None)[0].fingerprint for slim in slims
    ]

    assert len(set(found)) == len(slims)
    assert found[0] == package_layers([whole], weights, None)[0].fingerprint
    assert str(found[0]) == OF_A_WHOLE_WHEEL


def test_the_source_is_named_by_paths_and_bytes() -> None:
    """Two files that swap their contents make another layer."""
    one = source_layer(tree(a=b"1", b=b"2"), None)
    swapped = source_layer(tree(a=b"2", b=b"1"), None)

    assert one.fingerprint != swapped.fingerprint
    assert one.unzipped_bytes == 2


def test_a_base_with_a_client_keeps_its_entry_point() -> None:
    """AWS's base starts itself: only the one-element command is set (M21)."""
    found = image_settings(
        base(client=True, env=(("PATH", "/var/lang/bin"),), working_dir="/var/task"),
        "app.handler",
        [("LEVEL", "INFO")],
        adds_client=False,
    )

    assert found.entrypoint is None
    assert found.command == ("app.handler",)
    assert found.env == (("PATH", "/var/lang/bin"), ("LEVEL", "INFO"))


def test_a_plain_base_starts_the_client_by_its_real_path() -> None:
    """An absolute interpreter, the working directory with the code, the client on the path."""
    found = image_settings(base(client=False), "app.handler", [], adds_client=True)

    assert found.entrypoint == ("/usr/bin/python3.13", "-m", "awslambdaric")
    assert found.working_dir == "/var/task"
    assert dict(found.env)["PYTHONPATH"] == "/opt/python:/opt/imagekit"


def test_pythonpath_is_appended_to() -> None:
    """What the base or the user put on PYTHONPATH stays, in front (R7)."""
    found = image_settings(
        base(client=False, env=(("PYTHONPATH", "/base"),)),
        "app.handler",
        [("PYTHONPATH", "/mine")],
        adds_client=True,
    )

    assert dict(found.env)["PYTHONPATH"] == "/mine:/opt/python:/opt/imagekit"
