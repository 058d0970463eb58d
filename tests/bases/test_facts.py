"""What is read from a base's files and its config."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from imagekit.bases.facts import facts_of
from imagekit.bases.view import View
from imagekit.model.base import BaseFacts
from imagekit.model.errors import CannotBuild
from imagekit.model.image import ImageConfig
from tests.bases.fake import DEBIAN, ELF, GLIBC, PYTHON, Layer, config, entries

Files = Mapping[str, bytes | str]

# AWS's own bases: lambda_rules R3 and R5; libpython says the version, python3.13 is a stub.
AWS: Files = {
    "lambda-entrypoint.sh": b"#!/bin/bash",
    "lib64": "usr/lib64",
    "usr/lib64/libc.so.6": GLIBC.replace(b"2.41", b"2.34"),
    "usr/bin/python3.9": PYTHON.replace(b"3.13.5", b"3.9.25"),
    "usr/bin/python3": "python3.9",
    "var/lang/bin/python3.13": ELF,
    "var/lang/bin/python3": "python3.13",
    "var/lang/lib/libpython3.13.so.1.0": PYTHON.replace(b"3.13.5", b"3.13.9"),
    "var/lang/lib/python3.13/site-packages/boto3-1.40.4.dist-info/METADATA": b"",
    "var/lang/lib/python3.13/site-packages/awslambdaric/__init__.py": b"",
    "var/runtime/bootstrap": b"#!/bin/bash",
}
AWS_CONFIG = config(
    env={"PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"},
    entrypoint=["/lambda-entrypoint.sh"],
)


def facts(*layers: Files, settings: ImageConfig | None = None) -> BaseFacts:
    listings = [Layer.of(entries(files)).listing() for files in layers]
    return facts_of(View(listings), settings or config(), 4096, "the base")


def refusal(*layers: Files, settings: ImageConfig | None = None) -> str:
    with pytest.raises(CannotBuild) as raised:
        facts(*layers, settings=settings)
    return raised.value.what


def test_a_base_of_debian() -> None:
    """All that plans need, from an image that somebody made of Debian's packages."""
    assert facts(DEBIAN) == BaseFacts(
        python="3.13.5",
        glibc="2.41",
        interpreter="/usr/bin/python3.13",
        runtime_client=False,
        unzipped_bytes=4096,
        packages=(),
    )


def test_a_base_of_aws() -> None:
    """Python comes first on PATH, and is not the system's; libpython tells its version."""
    found = facts(AWS, settings=AWS_CONFIG)

    assert (found.python, found.interpreter) == ("3.13.9", "/var/lang/bin/python3.13")
    assert (found.glibc, found.runtime_client) == ("2.34", True)
    assert found.packages == (("boto3", "1.40.4"),)


def test_a_package_weighs_what_its_record_names() -> None:
    """Files elsewhere, and such as are gone, too; a package without a RECORD is not guessed at."""
    home = "usr/local/lib/python3.13/dist-packages"
    record = "six.py,sha256=a,3\nsix-1.17.dist-info/RECORD,,\n../../../bin/six,,\ngone.py,,\n"
    files: Files = DEBIAN | {
        f"{home}/six.py": b"123",
        f"{home}/six-1.17.dist-info/METADATA": b"",
        f"{home}/six-1.17.dist-info/RECORD": record.encode(),
        "usr/local/bin/six": b"#!x",
        f"{home}/bare-1.0.dist-info/METADATA": b"Name: bare",
        f"{home}/odd-1.0.dist-info/METADATA": b"",
        f"{home}/odd-1.0.dist-info/RECORD": b'"',
    }
    found = facts(files)

    assert [name for name, _ in found.packages] == ["bare", "odd", "six"]
    assert dict(found.package_bytes)["six"] == len(record) + 3 + 3
    assert "bare" not in dict(found.package_bytes)


def test_an_upper_layer_changes_the_facts() -> None:
    """Facts are those of the files that a container sees."""
    newer: Files = {"usr/bin/python3.13": PYTHON.replace(b"3.13.5", b"3.13.9")}

    assert facts(DEBIAN, newer).python == "3.13.9"


def test_the_interpreter_is_a_real_file() -> None:
    """Lambda wants no link as an entry point (lambda_rules M15)."""
    files: Files = DEBIAN | {
        "usr/local/bin/python3": "/opt/py/bin/python3",
        "opt/py": "py-3.13",
        "opt/py-3.13/bin/python3": "python3.13",
        "opt/py-3.13/bin/python3.13": PYTHON,
    }

    assert facts(files).interpreter == "/opt/py-3.13/bin/python3.13"


def test_python_without_a_plain_name() -> None:
    """Debian's python3.13 package alone brings no `python3`."""
    files = {path: data for path, data in DEBIAN.items() if path != "usr/bin/python3"}

    assert facts(files).interpreter == "/usr/bin/python3.13"


def test_no_path_means_the_usual_places() -> None:
    """A config may leave PATH out."""
    assert facts(DEBIAN, settings=config(env={})).interpreter == "/usr/bin/python3.13"


def test_a_version_of_something_else_is_not_pythons() -> None:
    """`python3.13` must say 3.13: other strings of that form stand in it, too."""
    strings = b"\x003.12.1\x003.13.5\x003.46.0\x00"

    assert facts(DEBIAN | {"usr/bin/python3.13": ELF + strings}).python == "3.13.5"


def test_a_release_candidate() -> None:
    """Python's own spelling is kept."""
    files = DEBIAN | {"usr/bin/python3": ELF + b"\x003.14.0rc2\x00"}

    assert facts(files).python == "3.14.0rc2"


@pytest.mark.parametrize(
    ("entrypoint", "starts"),
    [
        (("/usr/bin/python3.13", "-m", "awslambdaric"), True),
        (("/entry.sh",), True),
        (("/usr/bin/python3.13",), False),
        ((), False),
    ],
)
def test_a_client_counts_only_if_it_is_started(entrypoint: tuple[str, ...], starts: bool) -> None:
    """An image keeps its base's entry point only where that starts a runtime client."""
    client: Files = {"usr/local/lib/python3.13/dist-packages/awslambdaric/__init__.py": b""}

    found = facts(DEBIAN, client, settings=config(entrypoint=entrypoint))

    assert found.runtime_client is starts


def test_no_client() -> None:
    """An entry point alone is no runtime client."""
    assert not facts(DEBIAN, settings=config(entrypoint=["/entry.sh"])).runtime_client


def test_packages_are_those_that_a_function_would_find() -> None:
    """Of another Python, or beside the path, they are not; the first on the path wins."""
    found = facts(
        DEBIAN,
        {
            "usr/lib/python3/dist-packages/Six_Two-1.0.dist-info/METADATA": b"",
            "usr/lib/python3/dist-packages/boto3-1.0.dist-info/METADATA": b"",
            "opt/python/boto3-2.0.dist-info/METADATA": b"",
            "usr/lib/python3.12/site-packages/numpy-1.0.dist-info/METADATA": b"",
            "srv/venv/pandas-1.0.dist-info/METADATA": b"",
            "opt/extra/extra-3.0.dist-info/METADATA": b"",
            "opt/python/half-1.0.dist-info/RECORD": b"",
        },
        settings=config(env={"PATH": "/usr/bin", "PYTHONPATH": "/opt/extra"}),
    )

    assert found.packages == (("boto3", "2.0"), ("extra", "3.0"), ("six-two", "1.0"))


def test_arm() -> None:
    """glibc lies in another folder there."""
    files = dict(DEBIAN)
    files["usr/lib/aarch64-linux-gnu/libc.so.6"] = files.pop("usr/lib/x86_64-linux-gnu/libc.so.6")

    assert facts(files, settings=config(architecture="arm64")).glibc == "2.41"
    assert "has no glibc for amd64" in refusal(files)


def test_no_python() -> None:
    """Said in plain words."""
    assert refusal({"lib64/libc.so.6": GLIBC}) == "the base has no Python 3"


def test_an_interpreter_that_hides_its_version() -> None:
    """A script in its place, such as a version manager's."""
    files = DEBIAN | {"usr/bin/python3.13": b"#!/bin/sh"}

    assert refusal(files) == "the base does not tell the version of its /usr/bin/python3.13"


def test_a_python_that_is_not_built_for() -> None:
    """The words name those that are."""
    old = DEBIAN | {"usr/bin/python3": "python3.9", "usr/bin/python3.9": ELF + b"\x003.9.25\x00"}

    assert "has Python 3.9.25; imagekit builds for 3.11, 3.12" in refusal(old)


def test_musl_is_refused() -> None:
    """Wheels for Lambda need glibc (lambda_rules R1)."""
    alpine: Files = {"usr/bin/python3": PYTHON, "lib/ld-musl-x86_64.so.1": ELF}

    assert refusal(alpine) == "the base is built on musl; wheels for Lambda need glibc"
