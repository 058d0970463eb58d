"""`imagekit.lock`: written in one way, read back the same, stale where its inputs changed."""

from __future__ import annotations

import stat
import tempfile
from datetime import date
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, LockError
from imagekit.model.extension import ExtensionFacts, ExtensionLayer
from imagekit.model.gain import BytecodeGain
from imagekit.model.package import Artifact
from imagekit.project.imagekit_lock import read, write
from imagekit.project.lock_toml import dump
from imagekit.project.lock_values import (
    BasePin,
    BytecodePin,
    ClientPin,
    ExtensionPin,
    ImagekitLock,
    PackagesPin,
    PackagingPin,
    Part,
    PartKey,
    PinnedWheel,
    PythonPin,
    inputs_of,
    stale,
)

ONE, TWO = Digest("1" * 64), Digest("2" * 64)

FACTS = BaseFacts(
    python="3.13.5",
    glibc="2.41",
    interpreter="/usr/bin/python3.13",
    runtime_client=False,
    unzipped_bytes=164_000_000,
    packages=(("boto3", "1.40.1"), ("urllib3", "2.5.0")),
    package_bytes=(("boto3", 1_200_000), ("urllib3", 400_000)),
)
BASE = BasePin(
    name="debian-python3.13",
    architecture="x86_64",
    reference=f"registry.example/base:3.13@{ONE}",
    digest=ONE,
    family="oci",
    facts=FACTS,
    inputs=TWO,
    pinned=date(2026, 11, 21),
)
EXTENSION = ExtensionPin(
    name="registry.example/agent:83",
    architecture="x86_64",
    reference=f"registry.example/agent:83@{TWO}",
    digest=TWO,
    facts=ExtensionFacts(
        layers=(ExtensionLayer(digest=ONE, size_bytes=5, diff_id=TWO, tar_bytes=2048),),
        programs=("agent",),
        places=("agent", "extensions/agent"),
        packages=(("six", "1.17.0"),),
        glibc="2.28",
    ),
    inputs=ONE,
)
PACKAGING = PackagingPin(
    function="scoring",
    architecture="arm64",
    packaging="image",
    why="421 MB unzipped; the ZIP limit is 262",
    unzipped_bytes=421_000_000,
    inputs=ONE,
)
PYTHON = PythonPin(minor="3.13", version="3.13.5", inputs=ONE)
CLIENT = ClientPin(
    python="3.13",
    architecture="x86_64",
    wheels=(
        PinnedWheel(
            name="awslambdaric",
            version="4.2.2",
            wheel=Artifact(
                filename="awslambdaric-4.2.2-cp313-cp313-manylinux_2_17_x86_64.whl",
                url="https://files.example/awslambdaric-4.2.2.whl",
                digest=TWO,
                size_bytes=12,
            ),
        ),
    ),
    inputs=ONE,
)
PACKAGES = PackagesPin(
    function="hello",
    architecture="x86_64",
    pylock='lock-version = "1.0"\n[[packages]]\nname = "boto3"\n',
    inputs=TWO,
)
BYTECODE = BytecodePin(
    function="scoring",
    architecture="x86_64",
    gains=(
        BytecodeGain(package="", bytecode_bytes=12_000, saved_ms=4),
        BytecodeGain(package="pandas", bytecode_bytes=9_000_000, saved_ms=310),
    ),
    inputs=ONE,
)
PARTS: tuple[Part, ...] = (BASE, EXTENSION, PACKAGING, PYTHON, CLIENT, PACKAGES, BYTECODE)
LOCK = ImagekitLock().with_parts(PARTS)

TEXT = f"""\
# Written by imagekit: what was decided for this project. Commit it; `imagekit lock` changes it.
version = 1
recipe = 1

[[base]]
name = "debian-python3.13"
architecture = "x86_64"
reference = "registry.example/base:3.13@{ONE}"
digest = "{ONE}"
pinned = 2026-11-21
family = "oci"
python = "3.13.5"
glibc = "2.41"
interpreter = "/usr/bin/python3.13"
runtime-client = false
unzipped-bytes = 164000000
packages = [
    "boto3==1.40.1",
    "urllib3==2.5.0",
]
package-bytes = [
    {{ name = "boto3", bytes = 1200000 }},
    {{ name = "urllib3", bytes = 400000 }},
]
inputs = "{TWO}"

[[extension]]
name = "registry.example/agent:83"
architecture = "x86_64"
reference = "registry.example/agent:83@{TWO}"
digest = "{TWO}"
programs = [
    "agent",
]
places = [
    "agent",
    "extensions/agent",
]
packages = [
    "six==1.17.0",
]
glibc = "2.28"
layers = [
    {{ digest = "{ONE}", size = 5, diff-id = "{TWO}", tar-bytes = 2048 }},
]
inputs = "{ONE}"

[[packaging]]
function = "scoring"
architecture = "arm64"
packaging = "image"
why = "421 MB unzipped; the ZIP limit is 262"
unzipped-bytes = 421000000
inputs = "{ONE}"

[[python]]
minor = "3.13"
version = "3.13.5"
inputs = "{ONE}"

[[client]]
python = "3.13"
architecture = "x86_64"
wheels = [
    {{ name = "awslambdaric", version = "4.2.2", \
filename = "awslambdaric-4.2.2-cp313-cp313-manylinux_2_17_x86_64.whl", \
url = "https://files.example/awslambdaric-4.2.2.whl", digest = "{TWO}", size = 12 }},
]
inputs = "{ONE}"

[[packages]]
function = "hello"
architecture = "x86_64"
inputs = "{TWO}"
pylock = '''
lock-version = "1.0"
[[packages]]
name = "boto3"
'''

[[bytecode]]
function = "scoring"
architecture = "x86_64"
gains = [
    {{ package = "", bytes = 12000, ms = 4 }},
    {{ package = "pandas", bytes = 9000000, ms = 310 }},
]
inputs = "{ONE}"
"""

PYTHON_AGAIN = f'[[python]]\nminor = "3.13"\nversion = "3.13.9"\ninputs = "{ONE}"\n'


def refused(tmp_path: Path, text: str | bytes) -> LockError:
    path = tmp_path / "imagekit.lock"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(LockError) as caught:
        read(path)
    assert caught.value.path == path
    return caught.value


def test_the_file_looks_like_this() -> None:
    """One layout, a fact a line: a reviewer sees what was decided, Renovate finds the reference."""
    assert dump(LOCK) == TEXT


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """A lock survives its file; writing it again changes nothing."""
    path = tmp_path / "imagekit.lock"
    write(path, LOCK)

    assert read(path) == LOCK
    assert path.read_text("utf-8") == TEXT


def test_a_lock_that_names_no_day_is_read(tmp_path: Path) -> None:
    """Written before pins had one: the age of its bases is not known, and it stays as it is."""
    path = tmp_path / "imagekit.lock"
    old = TEXT.replace("pinned = 2026-11-21\n", "")
    path.write_text(old, encoding="utf-8")
    lock = read(path)

    assert lock is not None
    assert lock.bases[0].pinned is None
    assert dump(lock) == old


@pytest.mark.parametrize("day", ["2026-11-21T10:00:00Z", '"2026-11-21"', "20261121"])
def test_a_day_is_a_day(tmp_path: Path, day: str) -> None:
    """No time of it, which would differ between machines that pin the same."""
    error = refused(tmp_path, TEXT.replace("pinned = 2026-11-21", f"pinned = {day}"))

    assert error.problems == ("base[0].pinned: must be a day, such as 2026-11-18",)


def test_no_file_is_no_lock(tmp_path: Path) -> None:
    """The first build finds none, which is not an error here."""
    assert read(tmp_path / "imagekit.lock") is None


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LINES = st.text("ab'\"\\\n\r\t#=[] \x00\x7fé", max_size=40)
DIGESTS = st.binary(min_size=32, max_size=32).map(lambda data: Digest(data.hex()))
SIZES = st.integers(min_value=0, max_value=2**53)
ARCHITECTURES = st.sampled_from(["x86_64", "arm64"])
MINORS = st.sampled_from(["3.11", "3.12", "3.13", "3.14"])
PAIRS = st.tuples(st.from_regex(r"[a-z-]{1,9}", fullmatch=True), WORDS)
FACTS_ANY = st.builds(
    BaseFacts,
    python=WORDS,
    glibc=WORDS,
    interpreter=WORDS,
    runtime_client=st.booleans(),
    unzipped_bytes=SIZES,
    packages=st.lists(PAIRS, max_size=3).map(tuple),
    package_bytes=st.lists(st.tuples(WORDS, SIZES), max_size=3).map(tuple),
)
EXTENSION_FACTS_ANY = st.builds(
    ExtensionFacts,
    layers=st.lists(
        st.builds(
            ExtensionLayer, digest=DIGESTS, size_bytes=SIZES, diff_id=DIGESTS, tar_bytes=SIZES
        ),
        max_size=2,
    ).map(tuple),
    programs=st.lists(WORDS, max_size=2).map(tuple),
    places=st.lists(WORDS, max_size=2).map(tuple),
    packages=st.lists(PAIRS, max_size=2).map(tuple),
    glibc=st.none() | WORDS,
)
WHEELS = st.builds(
    PinnedWheel,
    name=WORDS,
    version=WORDS,
    wheel=st.builds(
        Artifact, filename=WORDS, url=WORDS, digest=DIGESTS, size_bytes=st.none() | SIZES
    ),
)
ANY_PART = st.one_of(
    st.builds(
        BasePin,
        name=WORDS,
        architecture=ARCHITECTURES,
        reference=WORDS,
        digest=DIGESTS,
        family=st.sampled_from(["oci", "docker"]),
        facts=FACTS_ANY,
        inputs=DIGESTS,
        pinned=st.none() | st.dates(),
    ),
    st.builds(
        ExtensionPin,
        name=WORDS,
        architecture=ARCHITECTURES,
        reference=WORDS,
        digest=DIGESTS,
        facts=EXTENSION_FACTS_ANY,
        inputs=DIGESTS,
    ),
    st.builds(
        PackagingPin,
        function=WORDS,
        architecture=ARCHITECTURES,
        packaging=st.sampled_from(["zip", "image"]),
        why=LINES,
        unzipped_bytes=SIZES,
        inputs=DIGESTS,
    ),
    st.builds(PythonPin, minor=MINORS, version=WORDS, inputs=DIGESTS),
    st.builds(
        ClientPin,
        python=MINORS,
        architecture=ARCHITECTURES,
        wheels=st.lists(WHEELS, max_size=2).map(tuple),
        inputs=DIGESTS,
    ),
    st.builds(
        PackagesPin, function=WORDS, architecture=ARCHITECTURES, pylock=LINES, inputs=DIGESTS
    ),
    st.builds(
        BytecodePin,
        function=WORDS,
        architecture=ARCHITECTURES,
        gains=st.lists(
            st.builds(BytecodeGain, package=WORDS, bytecode_bytes=SIZES, saved_ms=SIZES), max_size=2
        ).map(tuple),
        inputs=DIGESTS,
    ),
)


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(ANY_PART, max_size=5), recipe=st.integers(min_value=0, max_value=99))
def test_every_lock_survives_its_file(parts: list[Part], recipe: int) -> None:
    """Whatever the texts hold, quotes, newlines and control characters too."""
    lock = ImagekitLock(recipe=recipe).with_parts(parts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "imagekit.lock")
        write(path, lock)

        assert read(path) == lock


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(ANY_PART, max_size=5))
def test_the_order_of_deciding_does_not_show(parts: list[Part]) -> None:
    """The same decisions give the same file, whichever was taken first."""
    unique = {part.key: part for part in parts}
    forwards = ImagekitLock().with_parts(unique.values())
    backwards = ImagekitLock().with_parts(reversed(unique.values()))

    assert dump(forwards) == dump(backwards)
    assert dump(forwards).endswith("\n")


def test_a_part_takes_the_place_of_one_with_its_key() -> None:
    """Deciding again changes that part and no other."""
    newer = PythonPin(minor="3.13", version="3.13.9", inputs=TWO)
    lock = LOCK.with_part(newer)

    assert lock.python("3.13") == newer
    assert [part for part in lock.parts() if part != newer] == [
        p for p in LOCK.parts() if p != PYTHON
    ]
    assert LOCK.python("3.13") == PYTHON


def test_parts_are_found_by_name_and_architecture() -> None:
    """A part for one architecture says nothing of the other."""
    assert LOCK.base("debian-python3.13", "x86_64") == BASE
    assert LOCK.base("debian-python3.13", "arm64") is None
    assert LOCK.extension("registry.example/agent:83", "x86_64") == EXTENSION
    assert LOCK.extension("registry.example/agent:83", "arm64") is None
    assert LOCK.packaging("scoring", "arm64") == PACKAGING
    assert LOCK.packaging("scoring", "x86_64") is None
    assert LOCK.python("3.12") is None
    assert LOCK.client("3.13", "x86_64") == CLIENT
    assert LOCK.client("3.13", "arm64") is None
    assert LOCK.packages_of("hello", "x86_64") == PACKAGES
    assert LOCK.packages_of("other", "x86_64") is None
    assert LOCK.bytecode("scoring", "x86_64") == BYTECODE
    assert LOCK.bytecode("scoring", "arm64") is None


def test_what_no_function_needs_is_dropped() -> None:
    """A function that is gone leaves nothing behind; the recipe stays."""
    kept = LOCK.only([PYTHON.key, PartKey("base", "other", "arm64")])

    assert kept.parts() == (PYTHON,)
    assert kept.recipe == LOCK.recipe


def test_nothing_is_stale_while_the_inputs_are_the_same() -> None:
    """A build with unchanged inputs leaves the lock as it is."""
    assert stale(LOCK, {part.key: part.inputs for part in PARTS}) == ()


def test_other_inputs_make_a_part_stale() -> None:
    """What is missing or was decided from something else is named, sorted; extra parts are not."""
    wanted = {PYTHON.key: TWO, BASE.key: BASE.inputs, PartKey("packaging", "new", "x86_64"): ONE}

    assert [str(key) for key in stale(LOCK, wanted)] == ["packaging new (x86_64)", "python 3.13"]
    assert stale(None, {PYTHON.key: ONE}) == (PYTHON.key,)


def test_a_reference_that_was_edited_makes_its_base_stale(tmp_path: Path) -> None:
    """Renovate moves the digest in the reference; the facts are of the old one then."""
    path = tmp_path / "imagekit.lock"
    path.write_text(TEXT.replace(f":3.13@{ONE}", f":3.13@{TWO}"))
    lock = read(path)

    assert lock is not None
    pin = lock.base("debian-python3.13", "x86_64")
    assert pin is not None
    assert pin.moved
    assert not BASE.moved
    assert stale(lock, {BASE.key: BASE.inputs}) == (BASE.key,)


def test_an_extension_that_was_edited_is_stale(tmp_path: Path) -> None:
    """As a base: its layers are those of the old digest."""
    path = tmp_path / "imagekit.lock"
    path.write_text(TEXT.replace(f"agent:83@{TWO}", f"agent:83@{ONE}"))
    lock = read(path)

    assert lock is not None
    assert stale(lock, {EXTENSION.key: EXTENSION.inputs}) == (EXTENSION.key,)
    assert not EXTENSION.moved


def test_inputs_are_hashed_by_value() -> None:
    """The order of a table's keys is nothing; every value counts, and so does its type."""
    assert inputs_of({"a": 1, "b": 2}) == inputs_of({"b": 2, "a": 1})
    assert len({inputs_of(1), inputs_of("1"), inputs_of([1]), inputs_of(1, 1), inputs_of()}) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"version = \xff", "cannot be read"),
        ("version = ", "line 1: not TOML"),
        (f"{TEXT}<<<<<<< HEAD\n", "a merge conflict is not resolved"),
        ("", "version: must be a whole number"),
        ("version = 1\nrecipe = -1\n", "recipe: must be a whole number"),
        (f"{TEXT}\n[[bases]]\n", "bases: is not known"),
        (TEXT.replace('"arm64"', '"armv7"'), "packaging[0].architecture: 'armv7' is not one of"),
        (TEXT.replace('"image"', '"rpm"'), "packaging[0].packaging: 'rpm' is not one of"),
        (TEXT.replace("runtime-client = false", "x = 1"), "base[0].runtime-client: must be true"),
        (TEXT.replace('"boto3==1.40.1"', '"boto3"'), "base[0].packages: 'boto3' is not"),
        (TEXT.replace('"boto3==1.40.1"', "1"), "base[0].packages: must be a list of strings"),
        (TEXT.replace("size = 12", 'size = "12"'), "client[0].wheels[0].size: must be a whole"),
        (TEXT.replace(f'inputs = "{TWO}"', 'inputs = "x"'), "base[0].inputs: must be `sha256:`"),
        (TEXT.replace("[[python]]", "[python]"), "python: must be a list of tables"),
        (
            f'{TEXT}[[python]]\nminor = "3.13"\nversion = "3"\ninputs = "{ONE}"\n',
            "python: one part",
        ),
    ],
)
def test_a_lock_that_cannot_be_read_says_where(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    """Each defect is named with its place, and the hint makes the lock anew."""
    error = refused(tmp_path, text)

    assert any(said in problem for problem in error.problems)
    assert "imagekit lock" in (error.hint or "")


def test_every_problem_of_a_lock_comes_at_once(tmp_path: Path) -> None:
    """One run tells them all."""
    text = TEXT.replace('family = "oci"', "family = 1").replace('minor = "3.13"', "")

    assert [problem.partition(":")[0] for problem in refused(tmp_path, text).problems] == [
        "base[0].family",
        "python[0].minor",
    ]


def test_a_lock_of_a_later_version_asks_for_a_newer_imagekit(tmp_path: Path) -> None:
    """What this version does not understand it does not touch."""
    error = refused(tmp_path, "version = 2\n[future]\n")

    assert error.problems == ("version 2 is not known to this imagekit, which knows 1",)
    assert error.hint == "install a newer imagekit"


def test_a_lock_with_windows_line_ends_is_the_same_lock(tmp_path: Path) -> None:
    """git may check it out with CRLF: it reads the same, and is not rewritten for it."""
    path = tmp_path / "imagekit.lock"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())

    assert read(path) == LOCK
    write(path, LOCK)
    assert b"\r\n" in path.read_bytes()


def test_a_lock_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    """An unchanged lock keeps its time, so that no tool sees a change."""
    path = tmp_path / "imagekit.lock"
    write(path, LOCK)
    before = path.stat()
    write(path, LOCK)

    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_writing_leaves_nothing_beside(tmp_path: Path) -> None:
    """The lock is there whole, readable for everyone, and alone."""
    path = tmp_path / "imagekit.lock"
    write(path, LOCK)
    write(path, ImagekitLock())

    assert [found.name for found in tmp_path.iterdir()] == ["imagekit.lock"]
    assert read(path) == ImagekitLock()
    assert path.stat().st_mode & stat.S_IROTH


def test_a_disk_that_refuses_leaves_the_old_lock(tmp_path: Path) -> None:
    """A lock that cannot be written is an error with its path, and nothing is half-written."""
    path = tmp_path / "imagekit.lock"
    path.mkdir()
    with pytest.raises(CannotBuild) as caught:
        write(path, LOCK)

    assert str(path) in caught.value.what
    assert [found.name for found in tmp_path.iterdir()] == ["imagekit.lock"]


def test_the_text_is_toml_for_every_reader() -> None:
    """Other tools read the file too."""
    document = tomli.loads(TEXT)

    assert document["base"][0]["reference"] == f"registry.example/base:3.13@{ONE}"
    assert tomli.loads(document["packages"][0]["pylock"])["packages"] == [{"name": "boto3"}]
