"""AWS on this machine: moto's server on a free port."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from tests.services.needs import have, leave_out
from tests.services.ports import free_port, listens, stop, wait_until

ACCOUNT = "123456789012"
"""Whose every access key is that moto does not know."""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTS", "AWS_SECRET_ACCESS_KEY": "tests"}


@contextmanager
def running_moto() -> Iterator[str]:
    """Run moto until the block ends; its URL. Without moto the test is left out."""
    if find_spec("moto") is None:
        leave_out("moto", "not installed: moto[server]")
    have("moto", "moto's server")
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), seconds=60, what="moto")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def forget(url: str) -> None:
    """Empty every account and region of the server."""
    request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=30):
        pass
