"""What holds of slimming for any package, any paths and any words of a configuration."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from imagekit.contents.slim.dress import slimmed
from imagekit.contents.slim.rules import REASONS, why_dropped
from imagekit.contents.slim.trim import dropped_of, record_bytes, trimmed
from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Package
from imagekit.model.slim import PROFILES, Slim, SlimSettings, saved
from imagekit.model.tree import Bytes, FileEntry, Tree

FOLDERS = ("thing", "tests", "docs", "include", "lib", "share", "licenses", "data", "é", "a b")
NAMES = ("a.py", "a.pyi", "a.h", "a.so.1", "lib.a", "LICENSE", "x,y.txt", 'q".rst', "model.bin")

paths = st.builds(
    lambda folders, name: "/".join([*folders, name]),
    st.lists(st.sampled_from(FOLDERS), max_size=4),
    st.sampled_from(NAMES),
)
names = st.sampled_from(["thing", "botocore", "astropy", "torch", "librosa", "joblib"])
patterns = st.lists(
    st.sampled_from(["*", "*.py", "tests/", "thing/", "thing/**/a.h", "/lib", "docs/*.rst"]),
    max_size=3,
).map(tuple)
slims = st.builds(
    Slim,
    profile=st.sampled_from(PROFILES),
    keep=patterns,
    drop=patterns,
    services=st.sampled_from([(), ("s3",)]),
    reads_stubs=st.booleans(),
)


def package(name: str, slim: Slim) -> Package:
    wheel = Artifact(filename="a.whl", url="file:///a.whl", digest=Digest("0" * 64))
    return Package(name=name, version="1.0", wheel=wheel, slim=slim)


def entry(path: str, data: bytes = b"data") -> FileEntry:
    return FileEntry(path=path, size_bytes=len(data), owner="thing 1.0", content=Bytes(data))


def whole(found: set[str]) -> Tree:
    """A package of these files; RECORD is written as for any wheel."""
    record = "thing-1.0.dist-info/RECORD"
    rows = (f"{quoted(path)},sha256={'x' * 43},4\n" for path in sorted(found))
    text = "".join([*rows, f"{record},,\n"])
    return Tree(tuple(sorted([*map(entry, found), entry(record, text.encode())], key=by_path)))


def by_path(one: FileEntry) -> str:
    return one.path


def quoted(path: str) -> str:
    doubled = path.replace('"', '""')
    return f'"{doubled}"' if "," in path or '"' in path else path


@given(name=names, path=paths, slim=slims)
def test_a_reason_is_one_of_those_known(name: str, path: str, slim: Slim) -> None:
    """Reports name and add up reasons: there is no other."""
    why = why_dropped(name, path, slim)

    assert why is None or why in REASONS


@given(name=names, path=paths, slim=slims)
def test_keep_wins_for_any_path(name: str, path: str, slim: Slim) -> None:
    """Whatever else is said."""
    assert why_dropped(name, path, replace(slim, keep=("*",))) is None


@given(name=names, path=paths, slim=slims)
def test_max_drops_whatever_safe_does(name: str, path: str, slim: Slim) -> None:
    """A later profile is never heavier; `off` leaves out what was asked for, and no more."""
    by_profile = {one: why_dropped(name, path, replace(slim, profile=one)) for one in PROFILES}

    assert by_profile["max"] == by_profile["safe"]
    assert by_profile["off"] in (None, "asked for", "models of other services")


@given(path=paths, slim=slims)
def test_metadata_stays(path: str, slim: Slim) -> None:
    """For any words: `importlib.metadata` reads it, and licences lie there."""
    assert why_dropped("thing", f"thing-1.0.dist-info/{path}", slim) is None


@given(found=st.sets(paths, max_size=12), slim=slims)
def test_a_plan_and_a_tree_agree(found: set[str], slim: Slim) -> None:
    """Files and bytes that go, RECORD's rows among them; nothing else changes."""
    tree, one = whole(found), package("thing", slim)
    left = trimmed(tree, one)
    dropped = dropped_of([(each.path, each.size_bytes) for each in tree], one)

    gone = {each.path for each in dropped}
    assert [each.path for each in left] == [each.path for each in tree if each.path not in gone]
    lost = sum(each.size_bytes for each in dropped) + record_bytes(dropped)
    assert left.size_bytes == tree.size_bytes - lost
    assert sum(each.unzipped_bytes for each in saved(dropped)) == lost - record_bytes(dropped)
    assert trimmed(left, one).entries == left.entries


@given(slim=slims, profile=st.sampled_from(PROFILES), keep=patterns, drop=patterns)
def test_a_recipe_tells_words_apart(
    slim: Slim, profile: str, keep: tuple[str, ...], drop: tuple[str, ...]
) -> None:
    """Two packages with one recipe are slimmed alike; without any word it is the wheel alone."""
    settings = SlimSettings(profile="off")
    (plain,) = slimmed([package("thing", slim)], settings)
    said = replace(settings, profile=profile, keep=keep, drop=drop)
    (other,) = slimmed([package("thing", slim)], said)

    assert plain.recipe == plain.wheel.digest.hex
    if other.recipe == plain.recipe:
        assert all(why_dropped("thing", path, other.slim) is None for path in NAMES)
    else:
        assert profile != "off" or drop
