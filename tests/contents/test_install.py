"""A wheel's tree is what `uv pip install --target` leaves behind."""

from __future__ import annotations

import csv
import os
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from imagekit.contents.install import tree_of, wheel_tree
from imagekit.model.errors import BadWheel
from imagekit.model.tree import Tree
from tests.contents.support import Counting, contents, package, raw_zip
from tests.services.wheels import Member, make_wheel

NOT_OURS = {".lock", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
SHEBANG = b"#!/usr/bin/env python3\n"


def tree(wheel: Path) -> Tree:
    return wheel_tree(package(wheel), wheel)


def odd_wheel(folder: Path) -> Path:
    """Everything that a wheel may bring, in one."""
    return make_wheel(
        folder,
        "Odd.Pkg",
        "1.0",
        {
            "odd/__init__.py": b"def main(): ...\n",
            "odd/run.sh": b"#!/bin/sh\n",
            "odd/Transparent Busy.ani": b"RIFF",
            "odd/ünï.txt": b"text",
            "odd/empty": b"",
            "odd/a,b.txt": b"comma",
            "/".join(["odd", *["folder" * 5] * 10, "x.py"]): b"y = 1\n",
            "namespace/part/x.py": b"x = 1\n",
        },
        entry_points={"odd": "odd:main", "odd-sub": "odd.sub : Main.run [extra]"},
        data={
            "scripts": {
                "script": b"#!python\nprint(1)\n",
                "window": b"#!pythonw -u\nprint(1)\n",
                "dos": b"#!python\r\nprint(1)\r\n",
                "shell": b"#!/bin/sh\necho\n",
                "program": b"\x7fELF" + bytes(5000),
                "nothing": b"",
                "odd": b"#!python\n# what the entry point replaces\n",
                "odd-script.py": b"#!python\n",
                "odd.exe": b"MZ",
            },
            "data": {"share/x.txt": b"x", "bin/tool": b"#!python\n"},
            "headers": {"odd.h": b"", "sub/odd.h": b""},
            "purelib": {"odd_pure.py": b"x = 1\n"},
            "platlib": {"odd_plat.py": b"x = 1\n"},
        },
        executable=["odd/run.sh"],
    )


def by_uv(wheel: Path, target: Path) -> dict[str, tuple[bytes, bool]]:
    """What uv installs; an empty cache and no network."""
    from uv import find_uv_bin

    where = ["--target", str(target), "--python", sys.executable]
    quiet = ["--quiet", "--no-config", "--no-cache", "--no-deps", "--no-index"]
    subprocess.run([find_uv_bin(), "pip", "install", *quiet, *where, str(wheel)], check=True)
    return {
        path.relative_to(target).as_posix(): (
            path.read_bytes(),
            bool(path.stat().st_mode & stat.S_IXUSR),
        )
        for path in target.rglob("*")
        if path.is_file() and path.name not in NOT_OURS
    }


def without_shebang(data: bytes) -> bytes:
    first, newline, rest = data.partition(b"\n")
    return rest if first.startswith(b"#!") and b"python" in first and newline else data


def test_the_layout_is_that_of_uv(tmp_path: Path) -> None:
    """Paths, bytes and modes of every file; shebangs and RECORD aside, which name this machine."""
    wheel = odd_wheel(tmp_path)
    theirs = by_uv(wheel, tmp_path / "target")
    ours = {entry.path: (bytes(entry.content.read()), entry.executable) for entry in tree(wheel)}

    record = "Odd.Pkg-1.0.dist-info/RECORD"
    assert ours.keys() == theirs.keys()
    for path in ours.keys() - {record}:
        assert without_shebang(ours[path][0]) == without_shebang(theirs[path][0]), path
        assert ours[path][1] == theirs[path][1], path


def test_scripts_start_the_python_of_the_image(tmp_path: Path) -> None:
    """Entry points and `#!python` alike; other programs are left as they are."""
    found = contents(tree(odd_wheel(tmp_path)))

    assert found["bin/script"] == found["bin/window"] == SHEBANG + b"print(1)\n"
    assert found["bin/dos"] == SHEBANG + b"print(1)\r\n"
    assert found["bin/odd"].startswith(SHEBANG)
    assert b"from odd.sub import Main\n" in found["bin/odd-sub"]
    assert b"sys.exit(Main.run())\n" in found["bin/odd-sub"]
    assert found["bin/shell"] == b"#!/bin/sh\necho\n"


def test_gui_scripts_are_scripts(tmp_path: Path) -> None:
    """There is one kind of program on Linux."""
    wheel = with_metadata(tmp_path, {"entry_points.txt": b"[gui_scripts]\nwin = odd:main\n"})

    assert "bin/win" in contents(tree(wheel))


def test_record_names_what_is_there_and_nothing_else(tmp_path: Path) -> None:
    """Sorted, with true hashes and sizes, so that importlib.metadata finds every file."""
    found = contents(tree(odd_wheel(tmp_path)))
    record = "Odd.Pkg-1.0.dist-info/RECORD"
    rows = list(csv.reader(found[record].decode().splitlines()))

    assert rows == sorted(rows)
    assert {path for path, _, _ in rows} == found.keys()
    for path, digest, size in rows:
        if path != record:
            assert digest == "sha256=" + _urlsafe(found[path])
            assert int(size) == len(found[path])


def test_a_hash_that_record_does_not_give_is_made(tmp_path: Path) -> None:
    """Wheels of old tools have md5, or nothing for some files."""
    lines = b"a.py,md5=abc,1\nodd-1.0.dist-info/WHEEL,,\n"
    wheel = with_metadata(tmp_path, {"RECORD": lines})

    record = contents(tree(wheel))["odd-1.0.dist-info/RECORD"].decode()

    assert f"a.py,sha256={_urlsafe(b'x')},1\n" in record


def test_bytecode_that_came_along_is_left_out(tmp_path: Path) -> None:
    """It is stale, or of another Python; RECORD does not name it either."""
    wheel = make_wheel(
        tmp_path, "odd", "1.0", {"a.py": b"", "__pycache__/a.cpython-313.pyc": b"old"}
    )
    found = contents(tree(wheel))

    assert not any("__pycache__" in path for path in found)
    assert b"__pycache__" not in found["odd-1.0.dist-info/RECORD"]


@pytest.mark.parametrize(
    ("mode", "executable"), [(0o755, True), (0o700, True), (0o601, True), (0o600, False)]
)
def test_any_execute_bit_makes_a_program(tmp_path: Path, mode: int, executable: bool) -> None:
    """Of the other bits nothing is kept: P7 of Lambda's rules wants 0755 and 0644."""
    member = Member(path="a.sh", data=b"", mode=mode)
    wheel = raw_wheel(tmp_path, {"a.sh": b""}, external_attr=member.external_attr)

    (found,) = [entry for entry in tree(wheel) if entry.path == "a.sh"]

    assert found.executable is executable


def test_an_empty_wheel_is_its_metadata(tmp_path: Path) -> None:
    """Meta packages install nothing but their own name."""
    found = contents(tree(make_wheel(tmp_path, "meta", "1.0", {})))

    assert found.keys() == {
        f"meta-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")
    }


def test_laying_out_reads_next_to_nothing(tmp_path: Path) -> None:
    """A 2 MB program is not read to learn where it goes; its content is asked for later."""
    wheel = make_wheel(
        tmp_path,
        "big",
        "1.0",
        {"big.so": os.urandom(2_000_000)},
        data={"scripts": {"big": os.urandom(2_000_000)}},
    )
    source = Counting(wheel)

    found = tree_of(package(wheel), source)

    assert source.read_bytes < 10_000
    assert found.size_bytes > 4_000_000


def test_files_belong_to_their_package(tmp_path: Path) -> None:
    """Collisions and weights name owners."""
    assert {entry.owner for entry in tree(odd_wheel(tmp_path))} == {"odd-pkg 1.0"}


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"entry_points.txt": b"[console_scripts]\nx = only.a.module\n"}, "no callable"),
        ({"entry_points.txt": b"[console_scripts]\n../x = a:b\n"}, "outside its root"),
        ({"entry_points.txt": b"[console_scripts]\nx = a:b; import os\n"}, "no callable"),
        ({"entry_points.txt": b"x = 1\n"}, "section"),
        ({"entry_points.txt": b"[console_scripts]\nx = a:b\nx = a:c\n"}, "already exists"),
        ({"entry_points.txt": b"\xff\xfe"}, "utf-8"),
        ({"WHEEL": b"Wheel-Version: 2.0\n"}, "Wheel-Version"),
        ({"WHEEL": b""}, "Wheel-Version"),
        ({"RECORD": b"one,two\n"}, "expected 3"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(
    tmp_path: Path, files: dict[str, bytes], what: str
) -> None:
    """By the package's name, not by a traceback."""
    with pytest.raises(BadWheel, match=what) as found:
        tree(with_metadata(tmp_path, files))

    assert found.value.wheel == "odd 1.0"


@pytest.mark.parametrize("name", ["RECORD", "WHEEL"])
def test_a_wheel_without_its_metadata_is_refused(tmp_path: Path, name: str) -> None:
    """A zip of Python files is no wheel."""
    files = {f"odd-1.0.dist-info/{one}": b"" for one in {"RECORD", "WHEEL"} - {name}}
    wheel = raw_zip(tmp_path / "odd-1.0-py3-none-any.whl", {"a.py": b"x", **files})

    with pytest.raises(BadWheel, match=f"has no odd-1.0.dist-info/{name}"):
        tree(wheel)


def test_a_wheel_has_one_dist_info(tmp_path: Path) -> None:
    """With two of them, which entry points count?"""
    wheel = make_wheel(tmp_path, "odd", "1.0", {"other-2.0.dist-info/METADATA": b""})

    with pytest.raises(BadWheel, match="2 dist-info folders"):
        tree(wheel)


def test_a_wheel_of_another_package_is_refused(tmp_path: Path) -> None:
    """The lock says numpy, the file says something else."""
    wheel = make_wheel(tmp_path, "other", "1.0", {})

    with pytest.raises(BadWheel, match=r"calls itself other-1\.0"):
        tree(wheel.rename(tmp_path / "numpy-1.0-py3-none-any.whl"))


def test_a_data_folder_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    """Nobody knows where its files would go."""
    wheel = make_wheel(tmp_path, "odd", "1.0", {}, data={"elsewhere": {"x": b""}})

    with pytest.raises(BadWheel, match="elsewhere"):
        tree(wheel)


def with_metadata(folder: Path, files: dict[str, bytes]) -> Path:
    return raw_wheel(folder, {"a.py": b"x"}, metadata=files)


def raw_wheel(
    folder: Path,
    files: dict[str, bytes],
    *,
    metadata: dict[str, bytes] | None = None,
    **fields: int,
) -> Path:
    inside = {"WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n", "RECORD": b""}
    inside |= metadata or {}
    members = files | {f"odd-1.0.dist-info/{name}": data for name, data in inside.items()}
    return raw_zip(folder / "odd-1.0-py3-none-any.whl", members, **fields)


def _urlsafe(data: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
