"""What the tests of this room share: packages of wheels, and small real parts."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from imagekit.contents.wheel import LocalFile
from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Package
from imagekit.model.tree import Tree
from imagekit.net.http import Request, Response
from imagekit.project.interpreter import Interpreter

PYTHON = Interpreter(version=sys.version.split()[0].rstrip("+"), argv=(sys.executable,))
"""The Python that runs the tests: every machine has that one."""


def package(wheel: Path, *, url: str | None = None, own: bool = False) -> Package:
    """The package that a lock would name, with the wheel's real digest and size."""
    data = wheel.read_bytes()
    name, version = wheel.name.split("-")[:2]
    return Package(
        name=name.replace("_", "-").replace(".", "-").lower(),
        version=version,
        wheel=Artifact(
            filename=wheel.name,
            url=url or wheel.as_uri(),
            digest=Digest.of(data),
            size_bytes=len(data),
        ),
        own=own,
    )


def contents(tree: Tree) -> dict[str, bytes]:
    """Every path with its bytes."""
    return {entry.path: bytes(entry.content.read()) for entry in tree}


def raw_zip(path: Path, members: Mapping[str, bytes], **fields: int) -> Path:
    """A zip of these members; `fields` are set on each ZipInfo."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.filename = name
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in fields.items():
                setattr(info, key, value)
            archive.writestr(info, data)
    return path


class Counting(Struct):
    """A file that counts the bytes that are read of it."""

    path: Path
    read_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        data = LocalFile(self.path).read_at(offset, size_bytes)
        self.read_bytes += len(data)
        return data


class Answers(Struct):
    """A transport that gives what a function says, and keeps what it was sent."""

    answer: Callable[[Request], tuple[int, Mapping[str, str], bytes]]
    requests: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        status, headers, body = self.answer(request)
        return Response(status=status, headers=headers, url=request.url, stream=io.BytesIO(body))


def nobody() -> Answers:
    """A transport that must not be used."""

    def refuse(request: Request) -> tuple[int, Mapping[str, str], bytes]:
        raise AssertionError(f"nothing was to be asked, but {request.method} {request.url} was")

    return Answers(refuse)
