"""arm64 from any machine: the right wheels, file for file."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.e2e.projects import Project, built_files, copy_example, read_config, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index

_ELF, _AARCH64 = b"\x7fELF", 183


def expected_files(index: Index) -> dict[str, bytes]:
    """What the arm64 wheels of scoring lay under their root, read with Python's own zipfile."""
    files: dict[str, bytes] = {}
    for wheel in index.wheels():
        if wheel.name.startswith(("awslambdaric-", "simplejson-", "snapshot_restore_py-")):
            continue
        if wheel.stem.endswith(("any", "aarch64")):
            with zipfile.ZipFile(wheel) as archive:
                for info in archive.infolist():
                    if not info.is_dir() and not info.filename.endswith(".dist-info/RECORD"):
                        files[info.filename] = archive.read(info)
    return files


def laid(path: str) -> str | None:
    """Where installing puts a member; None for what becomes a script with another first line."""
    if ".data/" not in path:
        return path
    scheme, _, rest = path.split(".data/", 1)[1].partition("/")
    return {"purelib": rest, "platlib": rest, "data": rest, "headers": f"include/{rest}"}.get(
        scheme
    )


def test_arm64_image_holds_the_arm64_wheels_file_for_file(
    tmp_path: Path,
    scoring_index: Index,
    debian_both: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> None:
    """Every file of the selected wheels is there with its bytes; nothing is for another CPU."""
    folder = copy_example("scoring", tmp_path, base=debian_both)
    project = Project(folder=folder, env=uv_env(scoring_index))
    whole = 'packaging = "image"\nslim = "off"'
    project.replace('packaging = "image"', whole, "pyproject.toml")
    made = project.build("--arch", "arm64")
    layout = Path(folder, made["path"])
    succeeded(project.run("check", layout))
    built = built_files(layout)

    assert made["architecture"] == "arm64"
    assert read_config(layout)["architecture"] == "arm64"
    for path, data in expected_files(scoring_index).items():
        if place := laid(path):
            assert built[f"var/task/{place}"] == data, path
    for path, data in built.items():
        if data.startswith(_ELF):
            assert struct.unpack_from("<H", data, 18)[0] == _AARCH64, path
    extra = {
        path
        for path in built
        if path.startswith("var/task/")
        and not path.endswith((".pyc", "RECORD"))
        and not path.startswith(("var/task/scoring/", "var/task/models/", "var/task/bin/"))
    } - {f"var/task/{laid(path)}" for path in expected_files(scoring_index)}
    assert extra == set()


def test_one_build_makes_both_architectures(
    imaged: Project,
    wheels: Path,
    debian_both: str,
    runtime_client: Path,
    uv_env: Callable[[Index], dict[str, str]],
) -> None:
    """Of several architectures each has its own artefact, named after it."""
    config = imaged.folder / "imagekit.toml"
    lines = [
        line
        for line in config.read_text(encoding="utf-8").splitlines()
        if not line.startswith("base")
    ]
    lines.insert(0, f'base = "{debian_both}"\narchitecture = ["x86_64", "arm64"]')
    config.write_text("\n".join(lines), encoding="utf-8")
    with Index(wheels, runtime_client) as index:
        write_pylock(imaged.folder, wheels.glob("*.whl"))
        done = succeeded(imaged.run("build", env=uv_env(index)))

    assert sorted(Path(line).name for line in done.stdout.splitlines()) == [
        "app-arm64.oci",
        "app-x86_64.oci",
    ]
