"""Layers on top of each other, as a container sees them."""

from __future__ import annotations

import pytest

from imagekit.bases.view import View
from tests.bases.fake import Entry, Layer, entries, folder, link


def view(*layers: dict[str, bytes | str]) -> View:
    return View(Layer.of(entries(files)).listing() for files in layers)


def paths(found: View) -> set[str]:
    return {path for path, _ in found.files()}


def test_upper_layers_win_and_whiteouts_remove() -> None:
    """A whiteout hides a name of the layers below, whatever kind it is."""
    found = view(
        {"a/one": b"", "a/two": b"", "b/three/four": b""}, {"a/.wh.one": b"", ".wh.b": b""}
    )

    assert paths(found) == {"/a/two"}
    assert found.real("/b/three") is None


def test_an_opaque_folder_hides_all_below_it() -> None:
    """And keeps what its own layer puts there, in whatever order the tar has it."""
    found = view({"a/one": b"", "b": b""}, {"a/new": b"", "a/.wh..wh..opq": b""})

    assert paths(found) == {"/a/new", "/b"}


def test_a_whiteout_and_a_new_file_of_the_same_name() -> None:
    """Whiteouts act on lower layers only (image-spec, layer.md)."""
    found = view({"a/one": b"", "a/two": b""}, {".wh.a": b"", "a/three": b""})

    assert paths(found) == {"/a/three"}


def test_a_folder_that_becomes_a_link() -> None:
    """Its content goes with it, as when `/lib` became a link to `/usr/lib`."""
    found = view({"lib/old": b"", "usr/lib/new": b""}, {"lib": "usr/lib"})

    assert paths(found) == {"/usr/lib/new"}
    assert found.real("/lib/new") == "/usr/lib/new"


def test_a_folder_that_is_written_again_keeps_its_files() -> None:
    """Layers repeat the folders they write into."""
    found = View(
        [
            Layer.of(entries({"a/one": b""})).listing(),
            Layer.of([folder("a"), Entry(path="a/two")]).listing(),
        ]
    )

    assert paths(found) == {"/a/one", "/a/two"}


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/usr/bin/python3", "/usr/bin/python3.13"),
        ("/bin/python3", "/usr/bin/python3.13"),
        ("/alt", "/usr/bin/python3.13"),
        ("/up", "/usr/bin/python3.13"),
        ("/usr/../bin//./python3", "/usr/bin/python3.13"),
        ("/", "/"),
        ("/usr/bin", "/usr/bin"),
        ("/loop/x", None),
        ("/dangling", None),
        ("/usr/bin/python3.13/x", None),
        ("/nowhere", None),
    ],
)
def test_links_are_followed_in_every_part(path: str, real: str | None) -> None:
    """Absolute and relative ones, within the image, and never for ever."""
    found = view(
        {
            "bin": "usr/bin",
            "usr/bin/python3": "python3.13",
            "usr/bin/python3.13": b"",
            "alt": "/etc/alternatives/python",
            "etc/alternatives/python": "/bin/python3",
            "up": "../../usr/bin/python3",
            "loop": "loop",
            "dangling": "usr/bin/gone",
        }
    )

    assert found.real(path) == real


def test_only_regular_files_are_files() -> None:
    """A folder is not, nor a link that leads to none."""
    found = View([Layer.of([folder("a"), link("b", "a"), Entry(path="c")]).listing()])

    assert (found.file("/a"), found.file("/b"), found.file("/nowhere")) == (None, None, None)
    assert found.file("/c") is not None
