"""Against the reference registry: the same client, counted by a front before it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.reference import Reference
from imagekit.net.http import FileBody
from imagekit.registry.copy import copy_plan
from imagekit.registry.push import Upload, push
from imagekit.store import Store
from tests.registry.kit import client, descriptor, image, upload
from tests.services.front import Fault, Front


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """The reference registry behind a front that counts."""
    with Front(registry) as started:
        yield started


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A repository of this test's own."""
    return "t/" + hashlib.sha256(str(request.node.nodeid).encode()).hexdigest()[:12]


def noise(seed: int, size_bytes: int) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def test_image_goes_up_and_comes_down(front: Front, name: str, tmp_path: Path) -> None:
    """From files, in parallel; what is pulled has the same bytes."""
    blobs = [noise(n, 300_000 * (n + 1)) for n in range(6)]
    files = [tmp_path / str(n) for n in range(6)]
    for path, data in zip(files, blobs, strict=True):
        path.write_bytes(data)
    plan = image(
        [
            Upload(descriptor=descriptor(data), body=FileBody(path))
            for path, data in zip(files, blobs, strict=True)
        ]
    )
    reference = Reference(registry=front.host, repository=name, tag="latest")
    with client() as registry:
        result = push(registry, plan, reference, tags=("v1",))
        store = Store(tmp_path / "store")
        for data in blobs:
            registry.pull_blob(reference, descriptor(data), store)
        assert registry.manifest(reference.tagged("v1")).data == plan.manifest
        assert registry.has_manifest(result.reference) == plan.digest

    assert result.uploaded == 7
    assert [store.blob_path(Digest.of(data)).read_bytes() for data in blobs] == blobs


def test_requests_of_the_hot_paths(front: Front, name: str) -> None:
    """Nothing changed: one request. Code changed: six."""
    bases = [upload(noise(n, 5000)) for n in range(12)]
    reference = Reference(registry=front.host, repository=name, tag="latest")
    with client() as registry:
        push(registry, image([*bases, upload(b"code")]), reference)
    front.forget()
    with client() as registry:
        push(registry, image([*bases, upload(b"code")]), reference)
    assert len(front.seen) == 1
    front.forget()
    with client() as registry:
        changed = image([*bases, upload(b"code!")], b'{"config": 2}')
        result = push(registry, changed, reference)

    assert len(front.seen) == 6
    assert result.sent_bytes == len(b"code!") + len(b'{"config": 2}')


def test_revert_finds_its_blobs(front: Front, name: str) -> None:
    """The registry takes a mount from the repository itself as "it is here"."""
    old, new = image([upload(b"old")]), image([upload(b"new")], b'{"config": 2}')
    reference = Reference(registry=front.host, repository=name, tag="latest")
    for plan in (old, new):
        with client() as registry:
            push(registry, plan, reference)
    front.forget()
    with client() as registry:
        result = push(registry, old, reference)
        assert registry.manifest(reference).digest == old.digest

    assert (result.sent_bytes, result.skipped) == (0, 2)
    assert front.sent_bytes == len(old.manifest)


def test_layers_of_another_repository_are_mounted(front: Front, name: str) -> None:
    """No byte of them is sent or read."""
    layer = noise(1, 2_000_000)
    source = Reference(registry=front.host, repository=f"{name}/base", tag="latest")
    target = Reference(registry=front.host, repository=name, tag="latest")
    with client() as registry:
        push(registry, image([upload(layer)]), source)
    front.forget()
    with client() as registry:
        result = push(registry, copy_plan(registry, source), target)

    assert (result.mounted, result.sent_bytes) == (2, 0)
    assert front.saw("GET", "/blobs/") == []


@pytest.mark.parametrize("hang_up", ["before", "after"])
def test_dropped_uploads_are_made_good(hang_up: str, front: Front, name: str) -> None:
    """Dropped before the registry saw it, or after it took it."""
    before = hang_up == "before"
    for method in ("POST", "PUT"):
        front.fault(Fault(method=method, times=1, hang_up="before" if before else "after"))
    plan = image([upload(noise(2, 100_000))])
    reference = Reference(registry=front.host, repository=name, tag="latest")
    with client() as registry:
        push(registry, plan, reference)
        assert registry.manifest(reference).digest == plan.digest
