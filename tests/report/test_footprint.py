"""What is said of an artefact that was inspected, and of two that differ."""

from __future__ import annotations

import json

from msgspec.structs import replace

from imagekit.check.inventory.chunks import ChunkEstimate
from imagekit.check.inventory.difference import Change, Difference, FileChange, LayerChange
from imagekit.check.inventory.footprint import LargeFile
from imagekit.model.footprint import Footprint, LayerFootprint, Limit, PackageFootprint, tally
from imagekit.report.difference import difference_json, difference_lines
from imagekit.report.footprint import inspection_json, inspection_lines
from imagekit.report.plan import categories_line
from imagekit.report.text import percent

NUMPY = PackageFootprint(
    name="numpy", version="2.5.5", categories=tally([("a.so", 60_000_000), ("a.py", 2_000_000)])
)
FOOTPRINT = Footprint(
    name="scoring",
    packaging="image",
    limit_bytes=10 * 1024**3,
    layers=(
        LayerFootprint(name="layer 0", kind="base", unread="its bytes are not here"),
        LayerFootprint(name="numpy", kind="packages", packages=(NUMPY,), size_bytes=21_000_000),
    ),
)
LIMITS = (
    Limit(rule="T6", what="layers as tars", used=63_000_000, limit=10 * 1024**3),
    Limit(rule="T7", what="layers", used=2, limit=127, bytes=False),
)
FILES = (LargeFile(60_000_000, "var/task/a.so", "numpy", "numpy 2.5.5"),)
DIFFERENCE = Difference(
    before="a",
    after="b",
    packages=(Change(name="six", before="1.0", after="1.1"),),
    layers_kept=3,
    layers_added=(LayerChange(name="six", digest="sha256:1", size_bytes=1_000),),
    layers_removed=(),
    push_bytes=3_000,
    size_bytes=9_000_000,
    files=(
        FileChange(path="six.py", before_bytes=30, after_bytes=31),
        FileChange(path="new.py", before_bytes=None, after_bytes=50),
        FileChange(path="old.py", before_bytes=40, after_bytes=None),
    ),
    chunks=ChunkEstimate(chunks=100, new_at_most=4, new_at_least=1),
    unread=(),
)


def test_an_inspection_names_layers_packages_categories_files_and_limits() -> None:
    """Each of the five, in this order, with what is not known said."""
    text = "\n".join(
        inspection_lines(FOOTPRINT, LIMITS, FILES, size_bytes=90_000_000, columns=None)
    )

    headings = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert headings == [
        "scoring  image  62 MB, 90 MB compressed",
        "layers",
        "packages",
        "categories",
        "largest files",
        "limits",
    ]
    assert "unread: its bytes are not here" in text
    assert "numpy 2.5.5  62 MB  2 files  shared libraries 60 MB, Python 2 MB" in text
    assert "T7 layers" in text
    assert "2 of 127" in text


def test_a_zip_has_no_layers() -> None:
    """Nor is a size invented that is not known."""
    zipped = replace(FOOTPRINT, packaging="zip", layers=FOOTPRINT.layers[1:])

    lines = list(inspection_lines(zipped, LIMITS, FILES, size_bytes=None, columns=None))

    assert lines[0] == "scoring  zip  62 MB"
    assert "layers" not in lines


def test_parts_of_a_zip_say_what_becomes_of_them() -> None:
    """Where they are unpacked, and what they weigh there or in the ZIP."""
    parts = (
        LayerFootprint(name="app.zip", kind="zip", size_bytes=30_000_000),
        LayerFootprint(name="inside", kind="unpacked", packages=(NUMPY,), packed_bytes=21_000_000),
        LayerFootprint(name="one", kind="lambda-layer", packages=(NUMPY,), size_bytes=20_000_000),
    )
    zipped = replace(FOOTPRINT, packaging="zip", layers=parts)

    lines = list(inspection_lines(zipped, LIMITS, FILES, size_bytes=None, columns=None))
    document = json.loads(inspection_json(zipped, LIMITS, FILES, size_bytes=None))

    assert lines[2] == "parts"
    assert lines[4].split("  ")[-2:] == ["21 MB in the ZIP", "unpacked to /tmp: numpy 2.5.5"]
    assert lines[5].split("  ")[-2:] == ["20 MB compressed", "Lambda layer: numpy 2.5.5"]
    assert document["layers"][1]["packed_bytes"] == 21_000_000
    assert "packed_bytes" not in document["layers"][2]


def test_the_inspections_json_is_the_footprint_with_limits_and_files() -> None:
    """Keys for programs; the same numbers."""
    document = json.loads(inspection_json(FOOTPRINT, LIMITS, FILES, size_bytes=90_000_000))

    assert (document["schema"], document["unzipped_bytes"]) == (1, 62_000_000)
    assert document["size_bytes"] == 90_000_000
    assert document["limits"][1] == {"rule": "T7", "what": "layers", "used": 2, "limit": 127}
    assert document["largest_files"][0]["package"] == "numpy 2.5.5"
    assert document["layers"][0]["unread"] == "its bytes are not here"


def test_the_heaviest_category_comes_first() -> None:
    """What is foreseen only is said to be about that much."""
    counted = tally([("a.py", 1_000), ("a.pyc", 1_300), ("a.so", 9_000)])

    assert categories_line(counted, estimated=("bytecode",)) == (
        "shared libraries 9 kB, bytecode about 1.3 kB, Python 1 kB"
    )
    assert categories_line(counted, shown=1) == "shared libraries 9 kB, …"


def test_a_share_is_never_rounded_to_nothing() -> None:
    """One file of a thousand is some."""
    assert [percent(share) for share in (0, 0.001, 0.84, 1)] == ["0 %", "<1 %", "84 %", "100 %"]


def test_a_difference_says_packages_bytes_files_and_chunks() -> None:
    """Chunks as a range, and said to be an estimate."""
    text = "\n".join(difference_lines(DIFFERENCE))

    assert "packages  six 1.0→1.1" in text
    assert "layers    3 kept; 1 new (six 1 kB)" in text
    assert "push      3 kB of 9 MB compressed" in text
    assert "files     1 changed, 1 added (50 B), 1 removed (40 B)" in text
    assert "1 to 4 of 100 (512 KiB each)" in text
    assert "96 % already" in text
    assert "estimate" in text
    assert "    + new.py (50 B)" in text


def test_nothing_is_one_line() -> None:
    """Two builds of the same are the usual case."""
    same = replace(DIFFERENCE, packages=(), layers_added=(), files=(), push_bytes=0)

    assert list(difference_lines(same)) == ["a → b", "  nothing differs"]


def test_what_is_not_known_is_not_said_to_be_nothing() -> None:
    """An archive without a manifest has no compressed layers; an unread layer has no chunks."""
    unknown = replace(DIFFERENCE, push_bytes=None, chunks=None, unread=("layer 0: not here",))

    text = "\n".join(difference_lines(unknown))

    assert "push      not known" in text
    assert "chunks" not in text
    assert "unread    layer 0: not here" in text


def test_the_differences_json_has_every_file() -> None:
    """Null is what one side lacks."""
    document = json.loads(difference_json(DIFFERENCE))

    assert document["files"][1] == {"path": "new.py", "before_bytes": None, "after_bytes": 50}
    assert document["chunks"] == {
        "size_bytes": 524288,
        "total": 100,
        "new_at_least": 1,
        "new_at_most": 4,
        "estimate": True,
    }
    assert document["layers"]["kept"] == 3
    assert (document["schema"], document["same"]) == (1, False)
