"""What differs between two artefacts."""

from __future__ import annotations

import os
import tarfile
from typing import BinaryIO

from msgspec.structs import replace

from imagekit.check.inventory.difference import Change, difference
from imagekit.check.inventory.read import Reader
from tests.check.inventory.kit import BLOCK, image, installed, inventory, layer, zipped
from tests.check.make import Member, link

CHUNK = 512 * 1024
OS = layer(Member(name="usr/lib/libc.so.6", data=os.urandom(4 * CHUNK)))
SIX = layer(*installed("six", "1.0", {"six.py": b"12"}))
SEVEN = layer(*installed("six", "1.1", {"six.py": b"123"}))
APP = layer(Member(name="var/task/app.py", data=b"one"))
APP2 = layer(Member(name="var/task/app.py", data=b"two"))
HISTORY = ("base", "imagekit six: six==1.0", "imagekit source")


def test_the_same_is_the_same() -> None:
    """No change, nothing to push."""
    found = difference(inventory(OS, SIX, APP), inventory(OS, SIX, APP))

    assert found.same
    assert (found.push_bytes, found.layers_kept, found.files) == (0, 3, ())
    assert found.chunks is not None
    assert (found.chunks.new_at_most, found.chunks.new_at_least) == (0, 0)


def test_packages_are_added_removed_and_moved() -> None:
    """By what is installed in the end, whichever layer brought it."""
    pip = layer(*installed("pip", "9", {"pip.py": b""}))
    found = difference(
        inventory(OS, SIX, pip), inventory(OS, SEVEN, layer(*installed("uv", "2", {"uv": b""})))
    )

    assert found.packages == (
        Change(name="pip", before="9", after=None),
        Change(name="six", before="1.0", after="1.1"),
        Change(name="uv", before=None, after="2"),
    )


def test_the_functions_own_copy_counts_before_the_bases() -> None:
    """`/var/task` comes first on the path."""
    base = layer(*installed("six", "0.9", {"six.py": b"1"}, root="opt/python"))

    found = difference(inventory(base, SIX), inventory(base, SEVEN))

    assert found.packages == (Change(name="six", before="1.0", after="1.1"),)


def test_only_what_the_older_lacks_is_pushed() -> None:
    """Its new layer, config and manifest; layers are named as they were made."""
    before, after = inventory(OS, SIX, APP), inventory(OS, SIX, APP2, history=HISTORY)

    found = difference(before, after)

    assert found.push_bytes == len(APP2.blob) + sum(map(len, after.documents))
    assert [(one.name, one.size_bytes) for one in found.layers_added] == [
        ("source", len(APP2.blob))
    ]
    assert len(found.layers_removed) == 1
    assert found.size_bytes == after.size_bytes


def test_files_differ_by_content_mode_and_target() -> None:
    """Of the tree that Lambda sees: what a later layer removed or replaced is not there."""
    before = inventory(
        layer(
            Member(name="a", data=b"1"),
            Member(name="b", data=b"1"),
            Member(name="c", data=b"1"),
            Member(name="m", data=b"1"),
            link("l", "a"),
        )
    )
    after = inventory(
        layer(
            Member(name="a", data=b"2"),
            Member(name="b", data=b"2"),
            Member(name="d", data=b"12"),
            Member(name="m", data=b"1", mode=0o755),
            link("l", "d"),
        ),
        layer(Member(name="b", data=b"1"), Member(name=".wh.nothing")),
    )

    found = difference(before, after)

    assert [(one.path, one.before_bytes, one.after_bytes) for one in found.files] == [
        ("a", 1, 1),
        ("c", 1, None),
        ("d", None, 2),
        ("l", 0, 0),
        ("m", 1, 1),
    ]


def test_a_hard_link_has_the_content_that_it_leads_to() -> None:
    """Docker writes them: the same name with other content is another file."""
    hard = Member(name="z", kind=tarfile.LNKTYPE, link="a")
    before = inventory(layer(Member(name="a", data=b"1"), hard))
    after = inventory(layer(Member(name="a", data=b"2"), hard))

    assert [one.path for one in difference(before, after).files] == ["a", "z"]


def test_chunks_before_the_change_stay() -> None:
    """The source is unpacked last: a change there is one chunk, whatever lies below."""
    found = difference(inventory(OS, SIX, APP), inventory(OS, SIX, APP2)).chunks

    assert found is not None
    assert (found.chunks, found.new_at_most, found.new_at_least) == (5, 1, 1)


def test_what_follows_a_file_that_grew_may_move() -> None:
    """The estimate has two ends: every chunk behind it, and the new bytes alone."""
    small = layer(Member(name="a", data=b"1"))
    grown = layer(Member(name="a", data=b"1" * (BLOCK + 1)))

    found = difference(inventory(small, OS), inventory(grown, OS)).chunks

    assert found is not None
    assert (found.chunks, found.new_at_most, found.new_at_least) == (5, 5, 1)


def test_a_zip_is_sent_whole() -> None:
    """Lambda has no parts of it; packages and files are told all the same."""
    before = zipped({"app.py": b"1", "six-1.0.dist-info/METADATA": b""})
    after = zipped({"app.py": b"2", "six-1.1.dist-info/METADATA": b""})

    found = difference(before, after)

    assert (found.push_bytes, found.chunks) == (after.size_bytes, None)
    assert found.packages == (Change(name="six", before="1.0", after="1.1"),)
    assert "var/task/app.py" in [one.path for one in found.files]
    assert difference(before, before).same


def test_a_zip_and_an_image_are_compared_by_where_files_end_up() -> None:
    """A ZIP is unpacked to `/var/task`: the same file there is the same file."""
    found = difference(zipped({"app.py": b"one", "b.py": b"1"}), inventory(APP, name="image"))

    assert [one.path for one in found.files] == ["var/task/b.py"]


def test_layers_that_nobody_read_are_left_out_where_both_have_them() -> None:
    """A sparse layout lacks its base; the base did not change."""
    before = inventory(layer(*_os(), here=False), APP)
    after = inventory(layer(*_os(), here=False), APP2)

    found = difference(before, after)

    assert [one.path for one in found.files] == ["var/task/app.py"]
    assert found.unread == ()
    assert found.chunks is not None


def test_layers_that_only_one_has_and_nobody_read_are_said() -> None:
    """Then nothing is said of chunks: half a comparison would pass for a whole one."""
    found = difference(inventory(APP), inventory(layer(*_os(), here=False), APP))

    assert len(found.unread) == 1
    assert found.chunks is None
    assert not found.same


def test_a_shared_layer_is_read_once() -> None:
    """A base of hundreds of megabytes is not streamed twice."""
    opened: list[int] = []
    one = image(OS, APP)
    blob = one.layers[0].open
    assert blob is not None

    def counted() -> BinaryIO:
        opened.append(1)
        return blob()

    watched = replace(one, layers=(replace(one.layers[0], open=counted), one.layers[1]))
    reader = Reader(content=True)
    reader.read(watched)
    reader.read(watched)

    assert len(opened) == 1


def _os() -> tuple[Member, ...]:
    return (Member(name="usr/lib/libm.so.6", data=b"libm"),)
