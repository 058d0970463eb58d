"""The reference registry (Debian's `docker-registry`) on a free port with a folder of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.ports import free_port, listens, stop, wait_until

_CONFIG = """\
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  delete:
    enabled: true
  filesystem:
    rootdirectory: {folder}
  maintenance:
    uploadpurging:
      enabled: false
http:
  addr: 127.0.0.1:{port}
"""

started: list[str] = []
"""Hosts of the registries of this process: images named after them are leftovers of its tests."""


def stored_bytes(folder: Path) -> int:
    """Bytes of all blobs that the registry over `folder` keeps."""
    return sum(path.stat().st_size for path in folder.rglob("blobs/sha256/*/*/data"))


def write_config(folder: Path, port: int) -> Path:
    """The registry's configuration file; deletes are allowed, storage lies in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yml"
    # A JSON string is a YAML string: any path can be written that way.
    path.write_text(_CONFIG.format(folder=json.dumps(str(folder / "storage")), port=port))
    return path


@contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """Run a registry until the block ends; yields `127.0.0.1:PORT`."""
    port = free_port()
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(write_config(folder, port))],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: listens(port), seconds=20, what="docker-registry")
            started.append(f"127.0.0.1:{port}")
            yield started[-1]
        finally:
            stop(process)
