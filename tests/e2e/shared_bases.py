"""Repositories that make bases, for end-to-end tests, and what a registry has of them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from tests.e2e.projects import Done, write_pylock
from tests.services.cli import imagekit, succeeded
from tests.services.index import Index

HANDLER = """\
import os, sys
import alpha


def handler(event, context):
    return {"version": alpha.VERSION, "file": alpha.__file__, "compiled": alpha.__cached__,
            "path": os.environ.get("PYTHONPATH"), "team": os.environ.get("TEAM"),
            "there": os.path.exists(alpha.__cached__)}
"""
"""Says where the shared package `alpha` came from."""

DAY = {"SOURCE_DATE_EPOCH": "1795219200"}
TODAY = "2026.11.21"
_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"
_ACCEPTS = f"{_ACCEPT}, application/vnd.oci.image.manifest.v1+json"


class Platform(Struct, frozen=True, kw_only=True):
    """A folder with `base_images/` and nothing else, as a platform team may have it."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def define(self, name: str, text: str) -> Path:
        """Write a base.toml; the folder of the base."""
        folder = self.folder / "base_images" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "base.toml").write_text(text, encoding="utf-8")
        return folder

    def share(
        self, name: str, origin: str, wheels: Iterable[Path], index: Index, more: str = ""
    ) -> Path:
        """A base of these wheels on `origin`; `more` goes before any table of the base.toml."""
        folder = self.define(name, f'from = "{origin}"\nlock = "pylock.toml"\n{more}')
        write_pylock(folder, wheels, index)
        return folder

    def run(self, *arguments: str | Path, **env: str) -> Done:
        """`imagekit base ARGUMENTS` here."""
        return imagekit("base", *arguments, cwd=self.folder, env={**self.env, **env})

    def made(self, *arguments: str | Path, **env: str) -> list[dict[str, Any]]:
        """The bases that such a command made, as its JSON tells of them."""
        done = succeeded(self.run(*arguments, "--json", **env))
        return list(json.loads(done.stdout)["bases"])


def tags_of(repository: str) -> list[str]:
    """The tags of `HOST/NAME`; none where the repository is not there."""
    host, _, name = repository.partition("/")
    try:
        with urllib.request.urlopen(f"http://{host}/v2/{name}/tags/list") as answer:
            return sorted(json.loads(answer.read())["tags"] or ())
    except urllib.error.HTTPError as error:
        error.close()
        return []


def digest_of(reference: str) -> str:
    """What `HOST/NAME:TAG` names."""
    host, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    request = urllib.request.Request(
        f"http://{host}/v2/{name}/manifests/{tag}", headers={"Accept": _ACCEPTS}
    )
    with urllib.request.urlopen(request) as answer:
        return str(answer.headers["Docker-Content-Digest"])
