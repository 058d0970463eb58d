"""How much memory a large layer takes, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="peak memory is measured by getrusage")

ROOT = Path(__file__).parents[2]
MEGABYTES = 120

_SCRIPT = """
import os, resource, sys
from pathlib import Path
import deflate
from imagekit.model.digest import Digest
from imagekit.model.tree import FileEntry, Tree
from imagekit.oci.layer import make_layer
from imagekit.store import Store

class Large:
    def __init__(self, size, random):
        self.size, self.random = size, random
    def read(self):
        return os.urandom(self.size) if self.random else b"x" * self.size
    def deflated(self):
        return None

def peak():
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale

folder, kind, count = sys.argv[1:4]
total = int(sys.argv[4]) * 10**6
size = total // int(count)
entries = [
    FileEntry(path=f"f{n}", size_bytes=size, owner="x", content=Large(size, kind == "random"))
    for n in range(int(count))
]
before = peak()
make_layer(
    Tree.of(entries), root="/var/task", fingerprint=Digest("0" * 64), store=Store(Path(folder))
)
print((peak() - before) / total)
"""


@pytest.mark.parametrize("kind", ["random", "zeros"])
@pytest.mark.parametrize("files", [1, 20])
def test_peak_stays_below_three_times(tmp_path: Path, kind: str, files: int) -> None:
    """A layer takes its tar and, beside it, its largest file or its blob: not three times its size,
    whether it is one file or many, and whether or not it compresses.
    """
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path), kind, str(files), str(MEGABYTES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 2.4
