"""Which images can go: every reason to keep one, and nothing else."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.ecr import Collection, StoredImage, Use, Verdict
from imagekit.pipeline.account.garbage import Held, in_order, judged
from imagekit.report.gc import closing_line, collection_line

NOW = 1_800_000_000.0
DAY = 24 * 3600
NOBODY = Held(uses=(), newest=0)


def image(name: str, days: float = 9, *tags: str, subject: Digest | None = None) -> StoredImage:
    """An image pushed so long ago."""
    return StoredImage(
        digest=Digest.of(name.encode()),
        tags=tags,
        pushed=NOW - days * DAY,
        size_bytes=1_000_000,
        subject=subject,
    )


def why(images: list[StoredImage], held: Held = NOBODY) -> dict[Digest, str | None]:
    """The reasons by digest."""
    return {one.image.digest: one.why for one in judged(images, held, NOW)}


def use(found: StoredImage, version: str = "1", function: str = "scoring") -> Use:
    """A version that runs the image."""
    return Use(account="1" * 12, function=function, version=version, digest=found.digest)


def test_what_nothing_points_at_can_go() -> None:
    """A tag of the user's alone keeps nothing: versions do."""
    one = image("one", 9, "v1")

    assert why([one]) == {one.digest: None}


def test_what_a_version_runs_stays() -> None:
    """`$LATEST` and every version, of whatever function, named in few words."""
    one, other = image("one"), image("other")
    uses = (use(one, "$LATEST"), use(one, "41"), use(one, "7", "report"))

    found = why([one, other], replace(NOBODY, uses=uses))
    assert found == {one.digest: "run by report:7 scoring:$LATEST,41", other.digest: None}


def test_many_functions_are_counted() -> None:
    """A base of everything is said in one line."""
    one = image("one")
    uses = tuple(use(one, "1", f"f{number}") for number in range(9))

    assert why([one], replace(NOBODY, uses=uses))[one.digest] == "run by f0:1 f1:1 f2:1 and 6 more"


def test_a_day_is_granted() -> None:
    """Between a push and its deployment an image is run by nothing."""
    young, old = image("young", 0.99), image("old", 1.01)

    assert why([young, old])[young.digest] == "pushed less than a day ago"
    assert why([young, old])[old.digest] is None


def test_imagekits_own_tag_keeps_the_newest_build() -> None:
    """The next build finds its layers under it."""
    one = image("one", 9, "imagekit-scoring-arm64")

    assert why([one])[one.digest] == "imagekit-scoring-arm64 names it"


def test_the_newest_stay() -> None:
    """By when they were pushed; documents are not counted among them."""
    images = [image(f"i{days}", days) for days in (2, 3, 4)]
    document = image("sbom", 1.5, subject=images[2].digest)
    found = why([*images, document], replace(NOBODY, newest=2))

    assert [found[one.digest] for one in images] == ["one of the newest 2"] * 2 + [None]
    assert found[document.digest] is None


def test_what_the_lock_pins_stays() -> None:
    """A base in the same repository is built on tomorrow."""
    one = image("base")

    assert why([one], replace(NOBODY, pinned=frozenset({one.digest})))[one.digest] is not None


def test_archived_images_are_left_alone() -> None:
    """Somebody put them away on purpose (lambda_rules E23)."""
    one = replace(image("one"), archived=True)

    assert why([one])[one.digest] == "archived"


def test_parts_stay_with_their_index_and_documents_with_their_image() -> None:
    """What is kept is kept whole."""
    part, index, loose = image("part"), image("index", 9, "imagekit-x"), image("loose")
    sbom, lost = image("sbom", subject=part.digest), image("lost", subject=loose.digest)
    held = replace(NOBODY, parts={index.digest: (part.digest, Digest.of(b"elsewhere"))})
    found = why([part, index, loose, sbom, lost], held)

    assert found[part.digest] == f"part of the index {index.digest.short}"
    assert found[sbom.digest] == f"a document of the image {part.digest.short}"
    assert found[loose.digest] is found[lost.digest] is None


def test_indexes_and_documents_go_first() -> None:
    """ECR refuses to delete an image that an index names."""
    part, index = image("part"), image("index")
    sbom = image("sbom", subject=part.digest)
    held = replace(NOBODY, parts={index.digest: (part.digest,)})

    assert in_order([part, sbom, index], held) == (index.digest, sbom.digest, part.digest)


def test_words_of_a_collection() -> None:
    """One line a repository: what can go, and why the rest stays, counted."""
    verdicts = (
        Verdict(image=image("a"), why=None),
        Verdict(image=image("b"), why="run by scoring:1"),
        Verdict(image=image("c"), why="run by report:1"),
        Verdict(image=image("d"), why="part of the index 0123456789ab"),
    )
    found = Collection(repository="h/team/a", verdicts=verdicts)

    assert collection_line(found) == (
        "h/team/a: 1 of 4 images unused (1 MB); kept: 2 run by functions, 1 part of the index"
    )
    assert "imagekit gc --apply deletes 1 image" in closing_line([found], applied=False)
    assert closing_line([found], applied=True) == "deleted 1 image (1 MB)"
    assert closing_line([], applied=True).startswith("nothing to delete")


def test_layers_that_builds_share_stay() -> None:
    """No function ever runs them; nor do they count among a repository's newest images."""
    kept = image("layer", 1, f"layer-{'0' * 64}-rules1")
    old, older = image("old", 20), image("older", 30)

    found = why([kept, old, older], replace(NOBODY, newest=1))
    assert found[kept.digest] == "a layer that builds share"
    assert found[old.digest] == "one of the newest 1"
    assert found[older.digest] is None
