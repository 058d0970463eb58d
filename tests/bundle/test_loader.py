"""The loader in a function: unpacks once, whole or not at all, whoever else starts or is killed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagekit.bundle.loader import start
from imagekit.bundle.loader.start import BundleError
from imagekit.plan.door import behind, door_source
from tests.bundle.bundles import bundle, noise, starting, tree

FILES = {
    "demo/__init__.py": b"ANSWER = 42\n",
    "demo/empty.py": b"",
    "demo/naïve.txt": "ü".encode() * 10_000,
    "demo/noise.bin": noise(300_000, 1),
    "bin/demo": b"#!/bin/sh\n",
    **{f"large/{number}.bin": noise(5_000_000, number) for number in range(3)},
}
CONTENT = tree(FILES, programs=("bin/demo",), links={"demo/alias.py": "__init__.py", "l": "demo"})
MANY = tree({f"many/{number % 50}/{number}.bin": noise(6_000, number) for number in range(4_000)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loader's folder in a ZIP."""
    made = tmp_path_factory.mktemp("loader")
    bundle(made, CONTENT)
    return made


def parts(folder: Path) -> list[list[int | str]]:
    found: list[list[int | str]] = json.loads((folder / "bundle.json").read_bytes())["parts"]
    return found


def test_every_file_arrives(folder: Path, tmp_path: Path) -> None:
    """Bytes, programs, links; parts are whole members, about as large as each other."""
    place = Path(start.unpacked(str(folder), str(tmp_path)))

    assert {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not path.is_symlink()
    } == FILES
    assert (place / "bin" / "demo").stat().st_mode & 0o777 == 0o755
    assert (place / "demo" / "empty.py").stat().st_mode & 0o111 == 0
    assert (place / "demo" / "alias.py").readlink() == Path("__init__.py")
    assert (place / "l" / "empty.py").is_file()
    assert len(parts(folder)) == 3


def test_it_is_done_once(folder: Path, tmp_path: Path) -> None:
    """What is there under its name is whole: nothing is read a second time."""
    place = start.unpacked(str(folder), str(tmp_path))
    elsewhere = tmp_path / "without-archive"
    elsewhere.mkdir()
    (elsewhere / "bundle.json").write_bytes((folder / "bundle.json").read_bytes())

    assert start.unpacked(str(elsewhere), str(tmp_path)) == place
    assert sorted(path.name for path in tmp_path.iterdir() if path != elsewhere) == [
        Path(place).name,
        f"{Path(place).name}.lock",
    ]


@pytest.mark.parametrize("spoil", ["flip", "cut"])
def test_a_corrupt_archive_is_refused(tmp_path: Path, spoil: str) -> None:
    """Before a byte of the part is looked at; the error is what Lambda reports of init."""
    bundle(tmp_path, CONTENT)
    archive = tmp_path / "packages.zip"
    good = archive.read_bytes()
    half = len(good) // 2
    flipped = good[:half] + bytes([good[half] ^ 1]) + good[half + 1 :]
    archive.write_bytes(flipped if spoil == "flip" else good[:half])
    root = tmp_path / "root"
    with pytest.raises(BundleError, match=r"part \d of packages.zip is not what was built") as told:
        start.unpacked(str(tmp_path), str(root))

    assert "deploy again" in str(told.value)
    assert [path.suffix for path in root.iterdir() if path.is_dir()] == [".part"]
    archive.write_bytes(good)
    assert (Path(start.unpacked(str(tmp_path), str(root))) / "large" / "2.bin").exists()


def test_members_are_not_taken_for_what_they_are_not(tmp_path: Path) -> None:
    """A part of the right digest that holds no members is refused, too."""
    (tmp_path / "packages.zip").write_bytes(b"x" * 64)
    digest = hashlib.sha256(b"x" * 64).hexdigest()
    told = {"digest": digest, "parts": [[0, 64, digest]], "executable": [], "links": {}}
    (tmp_path / "bundle.json").write_text(json.dumps(told), encoding="utf-8")

    with pytest.raises(BundleError, match="does not begin with a member"):
        start.unpacked(str(tmp_path), str(tmp_path / "root"))


def test_concurrent_starts_unpack_once(folder: Path, tmp_path: Path) -> None:
    """Four processes in one `/tmp`: each goes on only when all of it is there."""
    processes = [starting(folder, tmp_path) for _ in range(4)]
    ends = [process.communicate(timeout=60) for process in processes]

    places = {out.strip() for out, _ in ends}
    assert len(places) == 1, ends
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".lock"]
    place = Path(places.pop())
    assert (place / "large" / "2.bin").read_bytes() == FILES["large/2.bin"]


def killed_half_way(folder: Path, root: Path) -> Path:
    """A process that was killed when some parts were there and some were not; what it left."""
    process = starting(folder, root)
    notes: list[Path] = []
    while process.poll() is None and not (notes and notes[0].stat().st_size):
        notes = list(root.glob("*.part/.imagekit-parts"))
        time.sleep(0.001)
    process.kill()
    process.communicate(timeout=60)
    (left,) = root.glob("*.part")
    return left


def test_killed_while_unpacking_the_next_start_goes_on(tmp_path: Path) -> None:
    """No lock stays, nothing has the final name, and finished parts are not done again."""
    folder, root = tmp_path / "loader", tmp_path / "root"
    folder.mkdir()
    bundle(folder, MANY)
    left = killed_half_way(folder, root)
    done = {int(line) for line in (left / ".imagekit-parts").read_text("ascii").split()}
    assert 0 < len(done) < len(parts(folder))
    assert [path.suffix for path in sorted(root.iterdir())] == [".lock", ".part"]
    # Their bytes are no longer to be had: whoever asks for them again is refused.
    data = bytearray((folder / "packages.zip").read_bytes())
    for number in done:
        offset, length, _ = parts(folder)[number]
        data[int(offset) : int(offset) + int(length)] = bytes(int(length))
    (folder / "packages.zip").write_bytes(data)

    place = Path(start.unpacked(str(folder), str(root)))

    assert sum(1 for path in place.rglob("*.bin")) == len(MANY.entries)
    for entry in MANY:
        assert (place / entry.path).read_bytes() == entry.content.read(), entry.path
    assert not left.exists()


@pytest.mark.parametrize(
    ("memory", "parts"), [("128", 2), ("512", 8), ("10240", 8), ("16", 1), ("", 8)]
)
def test_a_small_function_holds_few_parts(memory: str, parts: int) -> None:
    """Each is in memory while it is unpacked, and Lambda ends who takes more than he has."""
    assert start.at_once({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}) == parts


def test_packages_come_right_after_the_functions_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before what the runtime brings, whatever way the folder is written; once only."""
    monkeypatch.setattr(sys, "path", ["/start", "/var/../var/task", "/opt/python", "/runtime"])
    start.extend_path("/tmp/imagekit/0", "/var/task")
    start.extend_path("/tmp/imagekit/0", "/var/task")

    assert sys.path == [
        *("/start", "/var/../var/task", "/tmp/imagekit/0", "/opt/python", "/runtime")
    ]
    start.extend_path("/tmp/imagekit/1", "/elsewhere")
    assert sys.path[0] == "/tmp/imagekit/1"


SHOP = b'''"""Sells things."""

from __future__ import annotations

import demo

import shop.prices

NAMES = sorted(name for name in globals() if not name.startswith("__"))
PLACE = __file__


def fails(count: Undefined) -> None:
    raise ValueError(demo.ANSWER)
'''
TRY = """
import json, sys, traceback
sys.path.insert(0, sys.argv[1])
import imagekit_loader.start as start
start.ROOT = sys.argv[2]
start.unpacked.__defaults__ = (sys.argv[2],)
import shop
try:
    shop.fails(1)
except ValueError as error:
    frame = traceback.extract_tb(error.__traceback__)[-1]
said = [shop.__doc__, shop.NAMES, shop.PLACE, shop.fails.__annotations__]
print(json.dumps([*said, frame.filename, frame.line, shop.prices.ALL]))
"""


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Path]:
    """A ZIP, unzipped: `shop` behind its door, and the loader."""
    made = tmp_path / "task"
    (made / "shop").mkdir(parents=True)
    (made / "shop" / "__init__.py").write_bytes(door_source("shop/__init__.py"))
    (made / behind("shop/__init__.py")).write_bytes(SHOP)
    (made / "shop" / "prices.py").write_bytes(b"import demo\nALL = [demo.ANSWER]\n")
    loader = made / "imagekit_loader"
    loader.mkdir()
    for name in ("__init__.py", "start.py"):
        source = Path(start.HERE, name)
        (loader / name).write_bytes(source.read_bytes())
    bundle(loader, tree({"demo/__init__.py": b"ANSWER = 42\n"}))
    yield made


def test_a_module_behind_its_door_is_as_it_was(task: Path, tmp_path: Path) -> None:
    """Docstring, future imports, `__file__`, names; tracebacks show the line that is there."""
    argv = [sys.executable, "-I", "-c", TRY, str(task), str(tmp_path / "root")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

    doc, names, place, annotations, file, line, prices = json.loads(done.stdout)
    assert doc == "Sells things."
    assert names == ["annotations", "demo", "prices", "shop"]
    assert place == str(task / "shop" / "__init__.py")
    assert annotations == {"count": "Undefined", "return": "None"}
    assert file == str(task / "shop" / "__init__.imagekit.py")
    assert line == "raise ValueError(demo.ANSWER)"
    assert prices == [42]
