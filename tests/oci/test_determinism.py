"""Same input, same bytes: held by constants, and across processes that differ in everything else.

Where `diff_ids` or `layers` must change, `imagekit.model.image.LAYER_FORMAT` must be raised: layers
in registries and stores would otherwise be reused for recipes that now give other bytes. Where only
the others change, every user's digests change once with the release.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagekit.bundle.zip import write_zip
from imagekit.model.digest import Digest
from imagekit.model.image import LAYER_FORMAT
from imagekit.model.tree import Tree
from imagekit.oci.archive import write_docker_archive
from imagekit.oci.layout import write_layout
from imagekit.store import Store
from tests.oci.trees import image as make_image
from tests.oci.trees import odd_tree, tree

ROOT = Path(__file__).parents[2]

GOLDEN = {
    "diff_ids": "367ae107299b 32aa5a4db710",
    "layers": "a04bf3c22dea c59b26d43e5a",
    "image": "sha256:eb3506439722dcaeaed49f43c4dbabc6fec3d5a6fa5bc37909c48f4649112521",
    "index": "4185c5ec5e4a47c0656b4b093106ebc2482abd7a2fb385c3d14660da0c71e8b8",
    "archive": "f94abee5198caa24681ba01c4cc97f02d8dc81e4e735e9008cfdd766a9b5f5d4",
    "zip": "sha256:943ab527e3b0889de94bcdf3bd33efc35d12701110d48146133dacfa6aa0dbe1",
}


def digests(folder: Path) -> dict[str, str]:
    """Everything that is written for one tree, by its digest."""
    image = make_image(Store(folder / "store"), odd_tree(), compressible())
    write_layout(image, folder / "x.oci", complete=True)
    write_docker_archive(image, folder / "x.tar", tags=["x:1"])
    written = {"index": folder / "x.oci" / "index.json", "archive": folder / "x.tar"}
    return {
        "diff_ids": " ".join(layer.diff_id.short for layer in image.layers),
        "layers": " ".join(layer.descriptor.digest.short for layer in image.layers),
        "image": str(image.digest),
        "zip": str(write_zip(compressible(), folder / "x.zip").digest),
        **{name: Digest.of(path.read_bytes()).hex for name, path in written.items()},
    }


def compressible() -> Tree:
    """Enough text that two compressors would disagree about it."""
    words = " ".join(str(n * n) for n in range(20_000)).encode()
    return tree({"data/squares.txt": words, "app.py": b"x = 1\n", "é.py": words[:700]})


def test_golden(tmp_path: Path) -> None:
    """The bytes of version 1 of the layer format never change."""
    assert LAYER_FORMAT == 1
    assert digests(tmp_path) == GOLDEN


@pytest.mark.parametrize(
    ("zone", "umask", "locale", "seed"),
    [("Asia/Kathmandu", 0o077, "C", "1"), ("America/St_Johns", 0o002, "tr_TR.UTF-8", "2")],
)
def test_another_process(tmp_path: Path, zone: str, umask: int, locale: str, seed: str) -> None:
    """Time zone, umask, locale, hash seed and working directory change no byte."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path), str(umask)],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TZ": zone,
            "LC_ALL": locale,
            "PYTHONHASHSEED": seed,
            "SOURCE_DATE_EPOCH": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == GOLDEN


_SCRIPT = """
import json, os, sys
from pathlib import Path
os.umask(int(sys.argv[2]))
from tests.oci.test_determinism import digests
print(json.dumps(digests(Path(sys.argv[1]))))
"""
