"""A base image made here from Debian's packages, as no image can be pulled where tests run."""

from __future__ import annotations

import gzip
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from tests.services.images import MadeLayer, layer_of

SUITE = "trixie"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

DEBIAN_CONFIG: dict[str, object] = {"Env": [f"PATH={PATH}"], "Cmd": ["/bin/sh"]}
"""A base without a Lambda runtime client."""

AWS_CONFIG: dict[str, object] = {
    "Env": [
        "LANG=en_US.UTF-8",
        "TZ=:/etc/localtime",
        f"PATH=/var/lang/bin:{PATH}:/opt/bin",
        "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/task:/opt/lib",
        "LAMBDA_TASK_ROOT=/var/task",
        "LAMBDA_RUNTIME_DIR=/var/runtime",
    ],
    "Entrypoint": ["/lambda-entrypoint.sh"],
    "WorkingDir": "/var/task",
}
"""What AWS's own base image states: lambda_rules M21, and aws/aws-lambda-base-images."""

_ENTRYPOINT = b"""#!/bin/sh
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"
exec /var/runtime/bootstrap
"""

_BOOTSTRAP = b"""#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python3.13
export PYTHONPATH="$LAMBDA_TASK_ROOT:/opt/python:/var/runtime${PYTHONPATH:+:$PYTHONPATH}"
exec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"
"""


class CannotCompose(Exception):
    """mmdebstrap failed; the message is what it said last."""


class Rootfs(Struct, frozen=True, kw_only=True):
    """What mmdebstrap is asked for; `extract` only unpacks, so that any architecture goes."""

    suite: str
    packages: str
    architecture: str | None = None
    variant: Literal["minbase", "extract"] = "minbase"

    @property
    def name(self) -> str:
        machine = self.architecture or platform.machine()
        return f"{self.suite}-{self.variant}-{machine}-{self.packages.replace(',', '+')}"


RUNS = Rootfs(suite=SUITE, packages="python3.13,ca-certificates")
"""Debian with Python 3.13 in which functions run."""
ARM64 = Rootfs(suite=SUITE, packages="python3.13", architecture="arm64", variant="extract")
"""The same files for the other architecture; nothing can be started in it here."""
PYTHON_311 = Rootfs(suite="bookworm", packages="python3.11", variant="extract")


def rootfs_layer(cache: Path, rootfs: Rootfs = RUNS) -> MadeLayer:
    """Debian as one layer; composed once (5 to 20 s), then kept in `cache`."""
    layer = cache / f"{rootfs.name}.tar.gz"
    with _alone(cache / "debian.lock"):
        if not layer.exists():
            with tempfile.TemporaryDirectory(dir=cache) as name:
                raw = Path(name, "raw.tar")
                _compose(raw, rootfs)
                _rewrite(raw, part := Path(name, layer.name))
                part.replace(layer)
    return MadeLayer.of(layer)


def aws_runtime_layer(site_packages: Path, folder: Path) -> MadeLayer:
    """The files that AWS's base image has on top: entry point, `/var/lang`, the runtime client."""
    files: dict[str, bytes | str] = {
        "lambda-entrypoint.sh": _ENTRYPOINT,
        "var/lang/bin/python3.13": "/usr/bin/python3.13",
        "var/lang/bin/python3": "python3.13",
        "var/runtime/bootstrap": _BOOTSTRAP,
    }
    files |= {
        f"var/runtime/{path.relative_to(site_packages).as_posix()}": path.read_bytes()
        for path in sorted(site_packages.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return layer_of(files, folder)


def _compose(target: Path, rootfs: Rootfs) -> None:
    options = [f"--variant={rootfs.variant}", f"--include={rootfs.packages}"]
    if rootfs.architecture:
        options.append(f"--architectures={rootfs.architecture}")
    done = subprocess.run(
        ["mmdebstrap", *options, rootfs.suite, str(target)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )
    if done.returncode != 0:
        last = " ".join(done.stderr.strip().splitlines()[-3:])
        raise CannotCompose(f"mmdebstrap ended with {done.returncode}: {last}")


def _rewrite(raw: Path, target: Path) -> None:
    """No `./`, no device nodes, no hard links: what a registry's base for Lambda looks like."""
    with (
        tarfile.open(raw) as old,
        gzip.GzipFile(target, "wb", compresslevel=1, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as new,
    ):
        for info in old:
            content = old.extractfile(info) if info.isreg() or info.islnk() else None
            if info.isdev() or info.name in (".", "./"):
                continue
            data = content.read() if content else b""
            info.name = info.name.removeprefix("./")
            if info.islnk():
                info.type, info.linkname = tarfile.REGTYPE, ""
            info.size, info.mtime = len(data), int(info.mtime)
            info.pax_headers = {}
            new.addfile(info, io.BytesIO(data))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time compose; the others find the result."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
