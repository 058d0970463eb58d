"""Reading a wheel's directory over HTTP without the rest of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from imagekit.contents.install import tree_of
from imagekit.contents.ranges import RemoteFile, open_remote
from imagekit.model.errors import HttpError
from imagekit.model.package import Package
from imagekit.net.http import Request
from tests.contents.support import Answers, contents, package
from tests.services.wheels import make_wheel

Answer = tuple[int, Mapping[str, str], bytes]


def ranged(data: bytes) -> Callable[[Request], Answer]:
    """A server that does ranges as RFC 9110 wants them."""

    def answer(request: Request) -> Answer:
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers["Range"])
        assert wanted
        first, last = wanted.groups()
        start = int(first) if first else max(0, len(data) - int(last))
        end = min(len(data), int(last) + 1) if first else len(data)
        return 206, {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}, data[start:end]

    return answer


def opened(server: Answers, one: Package) -> RemoteFile:
    remote = open_remote(one, server, sleep=lambda _: None)
    assert remote is not None
    return remote


def wheel(tmp_path: Path, files: int = 10, size: int = 100) -> Path:
    data = {f"pkg/m{number}.bin": os.urandom(size) for number in range(files)}
    return make_wheel(tmp_path, "pkg", "1.0", data)


def remote_package(path: Path) -> Package:
    return package(path, url=f"https://index.example/{path.name}")


def test_every_place_reads_as_in_the_file(tmp_path: Path) -> None:
    """In whatever order, over the end as well."""
    path = wheel(tmp_path, files=50, size=50_000)
    data = path.read_bytes()
    remote = opened(Answers(ranged(data)), remote_package(path))

    assert remote.size_bytes == len(data)
    for offset in (len(data) - 10, len(data) - 100_000, 0, 1_000_000, 30, len(data), len(data) + 5):
        assert remote.read_at(offset, 70_000) == data[offset : offset + 70_000]


def test_a_small_wheel_takes_one_request(tmp_path: Path) -> None:
    """Shorter than the first range: all of it comes along."""
    path = wheel(tmp_path)
    server = Answers(ranged(path.read_bytes()))

    tree_of(remote_package(path), opened(server, remote_package(path)))

    assert len(server.requests) == 1


def test_a_large_wheel_takes_three_at_most_and_little_of_it(tmp_path: Path) -> None:
    """The end, the rest of a long directory, the metadata before it; not the files."""
    path = wheel(tmp_path, files=2000, size=5_000)
    data = path.read_bytes()
    server = Answers(ranged(data))
    one = remote_package(path)

    found = tree_of(one, opened(server, one))

    assert len(found.entries) == 2003
    assert len(server.requests) <= 3
    asked = [request.headers["Range"] for request in server.requests]
    assert sum(_size(wanted) for wanted in asked) < len(data) / 10


def test_the_same_tree_comes_out_as_from_the_file(tmp_path: Path) -> None:
    """Exact sizes, scripts and RECORD included."""
    path = make_wheel(
        tmp_path,
        "pkg",
        "1.0",
        {"big.bin": os.urandom(2_000_000), "a.py": b"x"},
        entry_points={"run": "a:x"},
        data={"scripts": {"old": b"#!python\n"}},
    )
    one = remote_package(path)
    remote = opened(Answers(ranged(path.read_bytes())), one)

    assert contents(tree_of(one, remote)) == contents(tree_of(package(path), remote))


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"the whole file"),
        (400, {}, b"no suffix ranges"),
        (416, {"Content-Range": "bytes */0"}, b""),
        (501, {}, b""),
        (206, {}, b"which part?"),
        (206, {"Content-Range": "bytes 0-9/*"}, b"0123456789"),
    ],
    ids=["ignored", "bad-request", "unsatisfiable", "not-implemented", "unnamed", "no-size"],
)
def test_a_server_without_ranges_is_told_apart(tmp_path: Path, answer: Answer) -> None:
    """Not an error: the caller downloads the whole wheel."""
    server = Answers(lambda _: answer)

    assert open_remote(remote_package(wheel(tmp_path)), server, sleep=lambda _: None) is None


def test_a_wheel_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Downloading it would fail as well."""
    server = Answers(lambda _: (404, {}, b"gone"))

    with pytest.raises(HttpError) as found:
        open_remote(remote_package(wheel(tmp_path)), server, sleep=lambda _: None)

    assert found.value.status == 404


def test_what_is_temporary_is_tried_again(tmp_path: Path) -> None:
    """As everywhere."""
    path = wheel(tmp_path)
    serve = ranged(path.read_bytes())
    troubles = iter([(503, {}, b""), (206, {"Content-Range": "bytes 0-9/10"}, b"short")])
    server = Answers(lambda request: next(troubles, None) or serve(request))

    assert opened(server, remote_package(path)).size_bytes == path.stat().st_size
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "lie", ["bytes 0-99/{size}", "bytes {first}-{last}/7", "bytes {first}-{first}/{size}"]
)
def test_another_range_than_the_one_asked_for_is_an_error(tmp_path: Path, lie: str) -> None:
    """A file that changed under our hands, or a cache that mixes them up."""
    path = wheel(tmp_path, files=50, size=50_000)
    data = path.read_bytes()
    serve = ranged(data)

    def answer(request: Request) -> Answer:
        if request.headers["Range"].startswith("bytes=-"):
            return serve(request)
        first, last = (int(number) for number in request.headers["Range"][6:].split("-"))
        stated = lie.format(size=len(data), first=first, last=last)
        start, end = (int(number) for number in stated[6:].partition("/")[0].split("-"))
        return 206, {"Content-Range": stated}, data[start : end + 1]

    remote = opened(Answers(answer), remote_package(path))
    with pytest.raises(HttpError) as found:
        remote.read_at(1_000_000, 200)

    assert not found.value.temporary


def _size(wanted: str) -> int:
    first, last = wanted.removeprefix("bytes=").split("-")
    return int(last) + 1 - int(first) if first else int(last)
