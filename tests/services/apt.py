"""A tiny Debian repository on loopback, of packages that this machine's own apt downloads."""

from __future__ import annotations

import functools
import hashlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("libgomp1", "gcc-12-base", "gcc-14-base")
"""What the tests install, and what that needs: bookworm's or trixie's, as the machine has it."""


class CannotDownload(Exception):
    """apt has none of them; the message is what it said last."""


def download(folder: Path) -> Path:
    """The .deb files in a folder, downloaded once through this machine's own configuration."""
    complete = folder / ".complete"
    if complete.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        done = subprocess.run(
            ["apt-get", "download", package],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode and package == PACKAGES[0]:
            raise CannotDownload(" ".join(done.stderr.split()[-20:]))
    complete.touch()
    return folder


@contextmanager
def repository(debs: Path, folder: Path) -> Iterator[str]:
    """Serve them until the block ends; yields the line for `sources.list`.

    The format is Debian's flat one: wiki.debian.org/DebianRepository/Format.
    """
    folder.mkdir()
    entries = []
    for deb in sorted(debs.glob("*.deb")):
        shutil.copy(deb, folder / deb.name)
        control = subprocess.run(
            ["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=True
        ).stdout.strip()
        data = deb.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        entries.append(f"{control}\nFilename: ./{deb.name}\nSize: {len(data)}\nSHA256: {digest}\n")
    (folder / "Packages").write_text("\n".join(entries), encoding="utf-8")
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"deb [trusted=yes] http://127.0.0.1:{server.server_port}/ ./\n"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
