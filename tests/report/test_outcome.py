"""Plans and builds in words and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.outcome import LayerOutcome, Outcome
from imagekit.model.packaging import Unpacks
from imagekit.report.json import document
from imagekit.report.outcome import closing_line, plan_lines, plan_table

RECORD = LayerRecord(
    fingerprint=Digest.of(b"recipe"),
    diff_id=Digest.of(b"tar"),
    digest=Digest.of(b"blob"),
    size_bytes=1_000,
    unzipped_bytes=3_000,
    tar_bytes=4_096,
    files=2,
)
ALPHA = LayerOutcome(
    name="alpha",
    packages=(("alpha", "1.0"),),
    why="own layer",
    fingerprint=RECORD.fingerprint,
    unzipped_bytes=3_000,
)
IMAGE = Outcome(
    name="app",
    architecture="arm64",
    packaging="image",
    why="asked for",
    unzipped_bytes=103_000,
    limit_bytes=10_737_418_240,
    layers=(ALPHA,),
    base="registry.example/base:1",
    base_bytes=90_000,
    extensions=(("registry.example/agent:3", 10_000),),
)
ZIP = replace(IMAGE, packaging="zip", base=None, base_bytes=0, extensions=())


def function(outcome: Outcome) -> dict[str, object]:
    return dict(json.loads(document([outcome]))["functions"][0])


def test_stored_is_true_where_the_store_has_it() -> None:
    """Of an image the layer, with its digests; of a ZIP the wheels, which have no diff_id."""
    made = replace(IMAGE, layers=(replace(ALPHA, stored=True, record=RECORD),))
    fetched = replace(ZIP, layers=(replace(ALPHA, stored=True),))

    assert function(IMAGE)["layers"] == [
        {
            "packages": ["alpha 1.0"],
            "fingerprint": RECORD.fingerprint.hex,
            "unzipped_bytes": 3_000,
            "stored": False,
        }
    ]
    assert json.loads(document([made]))["functions"][0]["layers"][0] == {
        "packages": ["alpha 1.0"],
        "fingerprint": RECORD.fingerprint.hex,
        "unzipped_bytes": 3_000,
        "stored": True,
        "digest": str(RECORD.digest),
        "diff_id": str(RECORD.diff_id),
        "size_bytes": 1_000,
    }
    assert json.loads(document([fetched]))["functions"][0]["layers"][0]["stored"] is True
    assert "digest" not in json.loads(document([fetched]))["functions"][0]["layers"][0]


def test_a_plan_says_what_is_missing() -> None:
    """Layers of images are made, wheels of ZIPs are fetched."""
    assert "to make" in "\n".join(plan_lines(IMAGE))
    assert "to fetch" in "\n".join(plan_lines(ZIP))
    here = replace(ZIP, layers=(replace(ALPHA, stored=True),))
    assert "here" in "\n".join(plan_lines(here))
    made = replace(IMAGE, layers=(replace(ALPHA, stored=True, record=RECORD),))
    assert f"stored {RECORD.digest.hex[:12]}" in "\n".join(plan_lines(made))
    assert "all stored" in "\n".join(plan_table([made] * 5))
    assert "1 of 1 layers to make: alpha 1.0" in "\n".join(plan_table([IMAGE] * 5))


def test_extensions_are_shown_with_their_sizes() -> None:
    """In words and in JSON; a function without any has no such key."""
    assert "extension registry.example/agent:3 (10 kB)" in "\n".join(plan_lines(IMAGE))
    assert function(IMAGE)["extensions"] == [
        {"reference": "registry.example/agent:3", "unzipped_bytes": 10_000}
    ]
    assert "extensions" not in function(ZIP)


def test_a_build_is_one_line() -> None:
    """Name, packaging, size, what was sent, what changed, and how long it took."""
    done = replace(
        IMAGE,
        sent_bytes=1_200,
        size_bytes=100_000,
        changes=("alpha 0.9→1.0", "+b 1", "+c 1", "+d 1", "+e 1"),
        seconds=4.12,
    )
    assert closing_line(done) == (
        "app  image (103 kB; ZIP limit 262; alpha 3 kB)  sent 1.2 kB of 100 kB  "
        "alpha 0.9→1.0, +b 1, +c 1, +d 1 and 1 more  4.1 s"
    )


NESTED = replace(
    ZIP,
    packaging="zip-nested",
    unpacks=Unpacks(
        layers=("alpha",), packed_bytes=1_000_000, unpacked_bytes=3_000_000, disk_bytes=3_500_000
    ),
)
DIGEST = Digest.of(b"rest")


def test_what_is_unpacked_at_start_is_said() -> None:
    """Where it lies, how large it is packed and in `/tmp`; in the plan, the last line, and JSON."""
    assert "  at start  alpha: 1 MB in the ZIP, 3.5 MB of /tmp" in list(plan_lines(NESTED))
    assert "3 MB to /tmp)" in closing_line(NESTED)
    assert function(NESTED)["unpacks"] == {
        "layers": ["alpha"],
        "packed_bytes": 1_000_000,
        "unpacked_bytes": 3_000_000,
        "disk_bytes": 3_500_000,
    }
    assert "unpacks" not in function(ZIP)


def test_what_lies_in_a_bucket_needs_a_permission() -> None:
    """The plan says which; JSON has the key under which it is looked for, once it was made."""
    assert NESTED.unpacks is not None
    unpacks = replace(NESTED.unpacks, bucket="team", digest=DIGEST, path=Path("dist/a.zip"))
    made = replace(NESTED, packaging="zip-s3", unpacks=unpacks)
    document = function(made)["unpacks"]

    assert "  role      needs s3:GetObject on arn:aws:s3:::team/imagekit/*" in plan_lines(made)
    assert isinstance(document, dict)
    assert document["key"] == f"imagekit/{DIGEST.hex}.zip"
    assert (document["bucket"], document["path"]) == ("team", str(Path("dist/a.zip")))
