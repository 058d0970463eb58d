"""The tree that layers make together."""

from __future__ import annotations

import io
import tarfile

import pytest

from imagekit.check.content import Lookout
from imagekit.check.stream import TarStream
from imagekit.check.tar import read_entries
from imagekit.check.view import View
from tests.check.make import Member, folder, link, tar


def view(*layers: list[Member]) -> View:
    made = View()
    for index, members in enumerate(layers):
        stream = TarStream(io.BytesIO(tar(members)))
        lookout = Lookout(inspect=lambda _: False)
        made.add(read_entries(stream, lookout, place=str(index), ours=False))
    return made


BASE = [folder("a"), Member(name="a/b", data=b"1"), folder("a/c"), Member(name="a/c/d")]


def test_later_layers_win() -> None:
    """The last one that wrote a path owns it."""
    files = view(BASE, [folder("a"), Member(name="a/b", mode=0o755)]).files()

    assert list(files) == ["a", "a/b", "a/c", "a/c/d"]
    assert (files["a/b"].place, files["a/b"].mode, files["a/c/d"].place) == ("1", 0o755, "0")


@pytest.mark.parametrize(
    ("top", "left"),
    [
        ([Member(name="a/.wh.c")], ["a", "a/b"]),
        ([Member(name="a/.wh..wh..opq"), Member(name="a/e")], ["a", "a/e"]),
        ([Member(name="a/e"), Member(name="a/.wh..wh..opq")], ["a", "a/e"]),
        ([Member(name=".wh.a")], []),
        ([Member(name=".wh.a"), folder("a")], ["a"]),
        ([Member(name="x/.wh.y"), Member(name=".wh.nothing")], ["a", "a/b", "a/c", "a/c/d"]),
        ([Member(name="a/c")], ["a", "a/b", "a/c"]),
        ([folder("a/b")], ["a", "a/b", "a/c", "a/c/d"]),
        ([Member(name="a/.wh..wh.plnk")], ["a", "a/b", "a/c", "a/c/d"]),
    ],
)
def test_whiteouts(top: list[Member], left: list[str]) -> None:
    """They remove from lower layers, never from their own; a file in a folder's place takes all."""
    assert list(view(BASE, top).files()) == left


def test_hard_links_are_their_file() -> None:
    """With its mode and content, in whichever layer it was written."""
    linked = Member(name="b", kind=tarfile.LNKTYPE, link="./a/b")
    lost = Member(name="c", kind=tarfile.LNKTYPE, link="nowhere")
    files = view(BASE, [linked, lost]).files()

    assert (files["b"].kind, files["b"].size_bytes, files["b"].place) == ("file", 1, "1")
    assert "c" not in files


@pytest.mark.parametrize(
    ("path", "place", "linked"),
    [
        ("/usr/bin/python3.13", "usr/bin/python3.13", False),
        ("/bin/python3.13", "usr/bin/python3.13", False),
        ("/bin/python3", "usr/bin/python3.13", True),
        ("/bin/../bin/./python", "usr/bin/python3.13", True),
        ("/../../bin", "usr/bin", True),
        ("/", "", False),
        ("/bin/loop", None, False),
        ("/bin/dangling", None, False),
        ("/bin/python3.13/x", None, False),
    ],
)
def test_paths_are_followed_as_linux_does(path: str, place: str | None, linked: bool) -> None:
    """Through links in the middle and at the end; a loop leads nowhere."""
    made = view(
        [
            link("bin", "usr/bin"),
            folder("usr"),
            folder("usr/bin"),
            Member(name="usr/bin/python3.13", mode=0o755),
            link("usr/bin/python3", "python3.13"),
            link("usr/bin/python", "/bin/python3"),
            link("usr/bin/loop", "loop"),
            link("usr/bin/dangling", "../nowhere"),
        ]
    )
    found = made.find(path)

    assert (found.path if found else None) == place
    if found:
        assert found.linked is linked
