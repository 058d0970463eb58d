"""A git repository over HTTP that wants a password: files alone, as any web server gives them."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast


class Repository(ThreadingHTTPServer):
    """One commit of a folder, served as `repo.git`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.user, self.password = user, password
        self.root = folder.parent / f"{folder.name}-served"
        self.commit = _commit(folder, self.root / "repo.git")

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"http://127.0.0.1:{self.server_port}/repo.git"


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast(Repository, self.server)
        wanted = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def translate_path(self, path: str) -> str:
        """Below the repository's folder, whatever folder the tests run in."""
        self.directory = str(cast(Repository, self.server).root)
        return super().translate_path(path)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _commit(folder: Path, bare: Path) -> str:
    git = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.com")

    def run(*arguments: str, cwd: Path = folder) -> str:
        done = subprocess.run([*git, *arguments], cwd=cwd, capture_output=True, check=True)
        return done.stdout.decode().strip()

    run("init", "--quiet", "--initial-branch=main")
    run("add", "--all")
    run("commit", "--quiet", "--message=first")
    run("clone", "--quiet", "--bare", str(folder), str(bare))
    run("update-server-info", cwd=bare)
    return run("rev-parse", "HEAD")


@contextmanager
def repository(folder: Path, user: str, password: str) -> Iterator[Repository]:
    """Commit what is in `folder` and serve it until the block ends."""
    with Repository(folder, user, password) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
