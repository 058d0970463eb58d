"""Reading a layer: once, forwards, without trust."""

from __future__ import annotations

import gzip
import io
import tracemalloc

import pytest
from msgspec.structs import replace

from imagekit.bases.listing import CHUNK_BYTES, Node, read_layer
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, DigestMismatch, RemoteMismatch, TooLarge
from imagekit.model.image import Descriptor
from tests.bases.fake import (
    ELF,
    GLIBC,
    PYTHON,
    Entry,
    Layer,
    debian_layer,
    device,
    entries,
    folder,
    hard,
    link,
    tar,
)


def test_kinds_of_entries() -> None:
    """Files, folders, links and what is none of these; names lose `./` and a slash at the end."""
    layer = Layer.of(
        [folder("./etc/"), Entry(path="./etc/a", data=b"1"), link("b", "etc/a"), device("dev/null")]
    )

    assert layer.listing().nodes == {
        "etc": Node("folder"),
        "etc/a": Node("file", size_bytes=1),
        "b": Node("link", "etc/a"),
        "dev/null": Node("other"),
    }


def test_versions_are_read_in_passing() -> None:
    """The interpreter and the C library say their versions; other files are not searched."""
    layer = Layer.of(
        entries({"usr/bin/python3.13": PYTHON, "lib/libc.so.6": GLIBC, "usr/bin/other": PYTHON})
    )

    nodes = layer.listing().nodes

    assert nodes["usr/bin/python3.13"].versions == ("3.13.5", "3.2.0")
    assert nodes["lib/libc.so.6"].versions == ("2.41",)
    assert nodes["usr/bin/other"].versions == ()


@pytest.mark.parametrize("text", ["3.14.0rc2", "3.11.15+", "3.13.13"])
def test_every_form_of_a_version(text: str) -> None:
    """Release candidates, and builds from a branch, which end in a plus."""
    layer = Layer.of(entries({"usr/bin/python3": ELF + f"\0{text}\0".encode()}))

    assert layer.listing().nodes["usr/bin/python3"].versions == (text.rstrip("+"),)


def test_a_version_across_two_chunks() -> None:
    """Large files are searched piece by piece, and nothing is missed where pieces meet."""
    data = bytes(CHUNK_BYTES - 3) + b"\x003.13.5\x00" + bytes(CHUNK_BYTES)

    layer = Layer.of(entries({"usr/lib/libpython3.13.so.1.0": data}))

    assert layer.listing().nodes["usr/lib/libpython3.13.so.1.0"].versions == ("3.13.5",)


def test_a_hard_link_is_the_file_it_names() -> None:
    """With all that is known of that file."""
    layer = Layer.of(
        [Entry(path="./usr/bin/python3.13", data=PYTHON), hard("bin/py", "./usr/bin/python3.13")]
    )

    nodes = layer.listing().nodes

    assert nodes["bin/py"] == nodes["usr/bin/python3.13"]
    assert nodes["bin/py"].versions


def test_whiteouts_are_no_files() -> None:
    """`.wh.NAME` takes a name away, `.wh..wh..opq` empties its folder (image-spec, layer.md)."""
    listing = Layer.of(entries({"a/.wh.b": b"", ".wh.c": b"", "d/.wh..wh..opq": b""})).listing()

    assert (listing.nodes, listing.removed, listing.emptied) == ({}, {"a/b", "c"}, {"d"})


def test_size_is_that_of_the_tar() -> None:
    """Lambda counts uncompressed tars, padding and all (lambda_rules T6)."""
    members = entries({"a": b"x" * 1000})

    assert Layer.of(members).listing().tar_bytes == len(tar(members))


def test_several_gzip_members_are_one_stream() -> None:
    """Parallel compressors write them (RFC 1952, 2.2)."""
    data = tar(entries({"a": b"1" * 3000, "b": b"2" * 3000}))
    blob = gzip.compress(data[:2000]) + gzip.compress(data[2000:])

    assert set(Layer(blob=blob, diff_id=Digest.of(data)).listing().nodes) == {"a", "b"}


def test_another_blob_is_refused() -> None:
    """What a registry sends must have the digest that the manifest names."""
    layer = debian_layer()
    other = replace(layer.descriptor, digest=Digest.of(b"other"))

    with pytest.raises(RemoteMismatch) as raised:
        read_layer(io.BytesIO(layer.blob), other, layer.diff_id, "a base")

    assert raised.value.actual == str(layer.descriptor.digest)


def test_another_diff_id_is_refused() -> None:
    """The config names the uncompressed bytes (lambda_rules M20)."""
    layer = debian_layer()

    with pytest.raises(DigestMismatch) as raised:
        read_layer(io.BytesIO(layer.blob), layer.descriptor, Digest.of(b"other"), "a base")

    assert raised.value.actual == str(layer.diff_id)


@pytest.mark.parametrize("cut", [10, 100, -1])
def test_a_blob_that_ends_too_early(cut: int) -> None:
    """Half a layer is no layer."""
    layer = Layer.of(entries({"a": bytes(range(256)) * 100}))

    with pytest.raises((CannotBuild, RemoteMismatch)):
        read_layer(io.BytesIO(layer.blob[:cut]), layer.descriptor, layer.diff_id, "a base")


@pytest.mark.parametrize("blob", [b"", b"not gzip at all", gzip.compress(b"not a tar" * 100)])
def test_what_is_no_layer(blob: bytes) -> None:
    """Neither gzip nor tar: said in plain words, with the layer's digest."""
    layer = Layer(blob=blob, diff_id=Digest.of(b""))

    with pytest.raises((CannotBuild, RemoteMismatch)):
        layer.listing()


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_other_compressions_are_refused(media_type: str) -> None:
    """Nobody knows whether Lambda takes them (lambda_rules M6 to M9)."""
    layer = Layer.of(entries({"a": b"1"}), media_type=media_type)

    with pytest.raises(CannotBuild) as raised:
        layer.listing()

    assert media_type in raised.value.what
    assert raised.value.hint


class Endless:
    """A gzip stream of zeros that does not end."""

    def __init__(self) -> None:
        head = tar([Entry(path="big", data=b"")])[:512]
        size = b"%011o\0" % ((8 << 30) - 512)
        head = head[:124] + size + head[136:148] + b" " * 8 + head[156:]
        head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
        self._blocks = [gzip.compress(head)]
        self._zeros = gzip.compress(bytes(64 << 20), 1)

    def read(self, amount: int, /) -> bytes:
        self._blocks.append(self._zeros)
        return self._blocks.pop(0)


def test_a_layer_that_inflates_without_end() -> None:
    """Reading stops at a limit, and memory stays small all the while."""
    stream = Endless()
    layer = Descriptor(
        media_type="application/vnd.oci.image.layer.v1.tar+gzip",
        digest=Digest.of(b""),
        size_bytes=1,
    )
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            read_layer(stream, layer, Digest.of(b""), "a base", limit_bytes=256 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16 << 20
