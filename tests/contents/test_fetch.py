"""Wheels onto this machine: checked, whole, fetched once; local files stay where they are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from imagekit.contents.address import Address, local_file
from imagekit.contents.fetch import fetch, wheel_path
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, DigestMismatch, HttpError
from imagekit.model.package import Package
from imagekit.net.http import Request
from imagekit.net.transport import PooledTransport, connect
from imagekit.store import Store
from tests.contents.support import Answers, nobody, package
from tests.services.index import Fault, Index
from tests.services.wheels import make_wheel

Answer = tuple[int, Mapping[str, str], bytes]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def transport() -> Iterator[PooledTransport]:
    transport = connect({})
    yield transport
    transport.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    (tmp_path / "index").mkdir()
    with Index(tmp_path / "index") as index:
        yield index


def served(index: Index, name: str = "pkg", size: int = 100) -> Package:
    wheel = make_wheel(index.folders[0], name, "1.0", {f"{name}.bin": os.urandom(size)})
    return package(wheel, url=f"http://{index.host}/files/{quote(wheel.name)}")


def no_sleep(_: float) -> None:
    """Time does not matter here."""


def blobs(store: Store) -> list[Path]:
    return [path for path in (store.root / "blobs").rglob("*") if path.is_file()]


def test_wheels_are_fetched_once(store: Store, transport: PooledTransport, index: Index) -> None:
    """What is in the store is not asked for again, nor by two packages at once."""
    packages = [served(index, name) for name in ("one", "two", "three")]
    assert [wheel_path(one, store) for one in packages] == [None] * 3

    fetch([*packages, *packages], store, transport)
    fetch(packages, store, transport)

    assert set(index.downloads().values()) == {1}
    for one in packages:
        path = wheel_path(one, store)
        assert path is not None
        assert Digest.of(path.read_bytes()) == one.wheel.digest


def test_other_bytes_than_the_lock_promised_are_refused(
    store: Store, transport: PooledTransport, index: Index
) -> None:
    """The error names the package, and the bytes are not kept."""
    one = served(index)
    index.fault(Fault(path=".whl$", times=9, body=b"something else"))

    with pytest.raises(DigestMismatch) as found:
        fetch([one], store, transport, sleep=no_sleep)

    assert found.value.what == "the wheel of pkg 1.0"
    assert found.value.expected == str(one.wheel.digest)
    assert found.value.actual == str(Digest.of(b"something else"))
    assert wheel_path(one, store) is None
    assert blobs(store) == []


def test_what_is_temporary_is_tried_again(
    store: Store, transport: PooledTransport, index: Index
) -> None:
    """An overloaded index, then a connection that breaks off in the middle."""
    one = served(index, size=1_000_000)
    index.fault(Fault(path=".whl$", status=503))
    index.fault(Fault(path=".whl$", cut_bytes=500_000))
    seen: list[int] = []

    fetch([one], store, transport, progress=seen.append, sleep=no_sleep)

    assert wheel_path(one, store) is not None
    assert sum(seen) == one.wheel.size_bytes
    assert min(seen) < 0, "what was lost is taken back"


@pytest.mark.parametrize("status", [404, 403, 410])
def test_what_is_not_temporary_ends_at_once(
    store: Store, transport: PooledTransport, index: Index, status: int
) -> None:
    """A wheel that is gone does not come back by asking again."""
    one = served(index)
    index.fault(Fault(path=".whl$", times=9, status=status))

    with pytest.raises(HttpError) as found:
        fetch([one], store, transport, sleep=no_sleep)

    assert found.value.status == status
    assert sum(index.downloads().values()) == 1


def test_one_failure_ends_the_others(store: Store, index: Index) -> None:
    """A build that cannot succeed does not go on downloading."""
    bad, good = served(index, "bad"), served(index, "good", 2_000_000)
    started, ended = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        if "bad" in request.url:
            started.wait(10)
            return 404, {}, b""
        return 200, {}, bytes(2_000_000)

    def progress(count: int) -> None:
        started.set()
        if count < 0:
            ended.set()
        ended.wait(0.2)

    with pytest.raises(HttpError):
        fetch([bad, good], store, Answers(answer), progress=progress, sleep=no_sleep)

    assert ended.is_set()
    assert blobs(store) == []


def test_user_and_password_of_a_url_go_into_a_header(store: Store) -> None:
    """And into no request line; percent signs are undone (RFC 3986, 3.2.1)."""
    asked = Answers(lambda _: (200, {}, b"wheel"))
    one = locked("https://me:p%40ss@index.example/files/pkg-1.0.whl#sha256=1", b"wheel")

    fetch([one], store, asked)

    (request,) = asked.requests
    assert request.url == "https://index.example/files/pkg-1.0.whl"
    assert request.headers["Authorization"] == "Basic bWU6cEBzcw=="


def test_credentials_stay_with_their_host(store: Store) -> None:
    """Files often lie on a storage host behind a presigned URL, which refuses them."""

    def answer(request: Request) -> Answer:
        if request.url.startswith("https://index.example/"):
            return 302, {"Location": "https://storage.example/x?signature=1"}, b""
        return 200, {}, b"wheel"

    asked = Answers(answer)
    fetch([locked("https://me:pass@index.example/pkg-1.0.whl", b"wheel")], store, asked)

    first, second = asked.requests
    assert "Authorization" in first.headers
    assert second.url == "https://storage.example/x?signature=1"
    assert "Authorization" not in second.headers


def test_an_error_shows_no_password(store: Store) -> None:
    """It may end in a log."""
    one = locked("https://me:hunter2@index.example/pkg-1.0.whl?token=hunter2", b"wheel")

    with pytest.raises(HttpError) as found:
        fetch([one], store, Answers(lambda _: (401, {}, b"")))

    assert "hunter2" not in str(found.value)


def test_a_local_wheel_is_hashed_once_and_never_copied(tmp_path: Path, store: Store) -> None:
    """Reading it where it lies costs nothing; the second build only looks at its time."""
    one = package(make_wheel(tmp_path, "pkg", "1.0", {"a.bin": os.urandom(10_000)}))
    seen: list[int] = []
    assert wheel_path(one, store) is None

    fetch([one], store, nobody(), progress=seen.append)
    fetch([one], store, nobody(), progress=seen.append)

    assert wheel_path(one, store) == local_file(one.wheel)
    assert sum(seen) == one.wheel.size_bytes
    assert blobs(store) == []


def test_a_local_wheel_that_changed_is_noticed(tmp_path: Path, store: Store) -> None:
    """Same name, other bytes: what the lock says counts."""
    wheel = make_wheel(tmp_path, "pkg", "1.0", {"a.bin": b"one"})
    one = package(wheel)
    fetch([one], store, nobody())
    make_wheel(tmp_path, "pkg", "1.0", {"a.bin": b"another"})

    assert wheel_path(one, store) is None
    with pytest.raises(DigestMismatch, match=r"pkg 1\.0"):
        fetch([one], store, nobody())
    assert wheel_path(one, store) is None


def test_a_local_wheel_that_changes_meanwhile_is_not_believed(tmp_path: Path, store: Store) -> None:
    """Its hash would be remembered with the time of other bytes."""
    wheel = make_wheel(tmp_path, "pkg", "1.0", {"a.bin": b"one"})
    one = package(wheel)

    with pytest.raises(CannotBuild, match="changed while it was read"):
        fetch([one], store, nobody(), progress=lambda _: os.utime(wheel, (0, 0)))

    assert wheel_path(one, store) is None


def test_a_local_wheel_that_is_gone_is_named(tmp_path: Path, store: Store) -> None:
    """By package and path."""
    wheel = make_wheel(tmp_path, "pkg", "1.0", {})
    one = package(wheel)
    wheel.unlink()

    with pytest.raises(CannotBuild, match=r"pkg-1\.0-py3-none-any\.whl"):
        fetch([one], store, nobody())


def test_a_wheel_in_the_store_needs_no_url(store: Store) -> None:
    """Own packages are built into the store; where they came from may be gone."""
    one = locked("file:///gone/pkg-1.0.whl", b"wheel")
    store.put_blob(b"wheel")

    fetch([one], store, nobody())

    assert wheel_path(one, store) == store.blob_path(one.wheel.digest)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///wheels/a%20b/x.whl", "/wheels/a b/x.whl"),
        ("file://localhost/wheels/x.whl#sha256=1", "/wheels/x.whl"),
        ("file:///C:/wheels/x.whl", "C:/wheels/x.whl"),
        ("file://server/share/x.whl", "//server/share/x.whl"),
        ("https://index.example/x.whl", None),
    ],
)
def test_file_urls_name_paths(url: str, path: str | None) -> None:
    """RFC 8089, and its Windows forms of appendix E."""
    found = local_file(locked(url, b"").wheel)

    assert found == (None if path is None else Path(path))


def test_an_address_without_credentials_sends_none() -> None:
    """The query stays: a presigned URL is nothing without it."""
    address = Address.of("https://index.example/x.whl?signature=1")

    assert address.request().url == "https://index.example/x.whl?signature=1"
    assert address.request({"Range": "bytes=0-1"}).headers == {"Range": "bytes=0-1"}


def locked(url: str, data: bytes) -> Package:
    from imagekit.model.package import Artifact

    wheel = Artifact(filename="pkg-1.0-py3-none-any.whl", url=url, digest=Digest.of(data))
    return replace(Package(name="pkg", version="1.0", wheel=wheel))
