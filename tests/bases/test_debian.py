"""A base composed from Debian's packages: one real composition, done twice."""

from __future__ import annotations

import gzip
import io
import os
import platform
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.bytecode import argv_in, own_interpreter
from imagekit.bases.debian import Composer, fingerprint
from imagekit.bases.definition import DebianOrigin, Definition
from imagekit.bases.demands import Wanted
from imagekit.bases.named import find
from imagekit.bases.pin import Pinner
from imagekit.bases.record import load_pinned
from imagekit.check.image import check_image
from imagekit.check.opened import OpenImage, OpenLayer
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, CommandFailed, DigestMismatch
from imagekit.model.image import MANIFEST
from imagekit.model.target import Architecture
from imagekit.oci.archive import write_docker_archive
from imagekit.oci.documents import dump_manifest, parse_manifest
from imagekit.oci.image import Image, ImageLayer
from imagekit.store import Store
from tests.bases.fake import Layer, entries
from tests.bases.test_record import BASE
from tests.services import needs
from tests.services.docker import connect as docker
from tests.services.needs import USER_ENVIRON

HOST: Architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
FOREIGN: Architecture = "x86_64" if HOST == "arm64" else "arm64"

_COMPOSE = """
import os, sys
from pathlib import Path
from typing import NoReturn
from imagekit.bases.debian import Composer
from imagekit.bases.named import find
from imagekit.store import Store

os.umask(int(sys.argv[3], 8))
composer = Composer(store=Store(Path(sys.argv[1])), environ=os.environ)
base = composer.base(find("debian-python3.13", ()), sys.argv[2])
sys.stdout.write(str(base.digest))
"""


class Composed(Struct, frozen=True, kw_only=True):
    """The same base from two runs that differ in everything around them."""

    digests: tuple[str, str]
    store: Store
    base: Base

    def members(self) -> dict[str, tarfile.TarInfo]:
        with self._tar() as tar:
            return {member.name: member for member in tar}

    def read(self, path: str) -> bytes:
        with self._tar() as tar:
            data = tar.extractfile(path)
            assert data is not None
            return data.read()

    def _tar(self) -> tarfile.TarFile:
        blob = self.store.blob_path(self.base.layers[0].digest).read_bytes()
        return tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob)))


def definition() -> Definition:
    found = find("debian-python3.13", ())
    assert isinstance(found, Definition)
    return found


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Composed:
    """Composed twice at the same time: other umask, time zone, folder, locale, hash seed."""
    needs.needs("debian base", "mmdebstrap")
    around = [
        ("022", {"TZ": "UTC", "PYTHONHASHSEED": "1"}, "/"),
        ("077", {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "2"}, "/usr"),
    ]
    stores = [Store(tmp_path_factory.mktemp("store")) for _ in around]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _COMPOSE, str(store.root), HOST, umask],
            env={**USER_ENVIRON, **environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for store, (umask, environ, cwd) in zip(stores, around, strict=True)
    ]
    said = [process.communicate(timeout=600) for process in running]
    for process, (_, stderr) in zip(running, said, strict=True):
        if process.returncode and "CommandFailed" in stderr:
            needs.leave_out("debian base", stderr.strip().splitlines()[-1])
        assert process.returncode == 0, stderr
    base = load_pinned(stores[0], Digest.parse(said[0][0]))
    assert base is not None
    return Composed(digests=(said[0][0], said[1][0]), store=stores[0], base=base)


def test_the_same_bytes_twice(composed: Composed) -> None:
    """Whoever composes it, wherever and in what surroundings: the digest is the same."""
    assert composed.digests[0] == composed.digests[1]


def test_what_it_is(composed: Composed) -> None:
    """The entry point is the interpreter itself, and the working directory exists (M15, M16)."""
    base, members = composed.base, composed.members()

    assert base.facts.minor == "3.13"
    assert base.facts.interpreter == "/usr/bin/python3.13"
    assert base.config.entrypoint == ("/usr/bin/python3.13",)
    assert members["usr/bin/python3.13"].isreg()
    assert members[base.config.working_dir.strip("/")].isdir()
    assert not base.facts.runtime_client
    assert base.in_store and base.family == "oci"
    assert composed.store.has_blob(base.digest)


def test_its_layer_is_one_that_lambda_takes(composed: Composed) -> None:
    """Files, folders and links; parents first; readable by all (lambda_rules T1 to T16, P2)."""
    members = composed.members()
    names = list(members)

    assert names == sorted(names)
    assert {one.type for one in members.values()} == {b"0", b"2", b"5"}
    assert {f"{one.mode:o}" for one in members.values()} <= {"644", "755", "777", "1777"}
    assert {(one.uid, one.gid, one.mtime) for one in members.values()} == {(0, 0, 315_532_800)}
    parents = {name.rpartition("/")[0] for name in names} - {""}
    assert all(members[parent].isdir() for parent in parents)


def test_it_passes_every_rule(composed: Composed) -> None:
    """Judged as a layer of our own, where every rule is an error (decision 6)."""
    image = image_of(composed)
    layers = tuple(
        OpenLayer(descriptor=layer.descriptor, diff_id=layer.diff_id, open=layer.open, ours=True)
        for layer in image.layers
    )

    report = check_image(
        OpenImage(
            name="composed",
            manifest_bytes=image.manifest,
            media_type=image.media_type,
            config_bytes=image.config,
            layers=layers,
            architecture=HOST,
            python="3.13",
        )
    )

    assert report.findings == ()


def test_nothing_tells_of_this_machine(composed: Composed) -> None:
    """Neither its name nor its resolver, nor the day."""
    members = set(composed.members())

    assert not members & {"etc/hostname", "etc/resolv.conf", "etc/hosts", "etc/shadow"}
    assert not any(name.startswith(("var/log/", "var/cache/", "dev/")) for name in members)


def test_bytecode_is_valid_whatever_the_time(composed: Composed) -> None:
    """Unchecked-hash, for every module that Debian compiles (decision 3)."""
    compiled = [name for name in composed.members() if name.endswith(".cpython-313.pyc")]

    assert len(compiled) > 500
    for name in ("os", "ssl", "json/__init__"):
        folder, _, module = f"usr/lib/python3.13/{name}".rpartition("/")
        data = composed.read(f"{folder}/__pycache__/{module}.cpython-313.pyc")
        assert data[4:8] == b"\x01\x00\x00\x00"  # PEP 552: hash-based, not checked
        assert f"{folder}/{module}.py".encode() in data


def test_composed_once(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same recipe again needs no mmdebstrap, and no pin."""
    monkeypatch.setenv("PATH", "/nowhere")

    again = Composer(store=composed.store, environ=os.environ).base(definition(), HOST)

    assert again == composed.base


def test_a_pin_that_debian_no_longer_gives(composed: Composed) -> None:
    """What is composed today is not what the lock names: said, with the command that moves it."""
    wanted = Wanted(
        name="debian-python3.13",
        source=definition(),
        architecture=HOST,
        pinned=Digest.of(b"last year's"),
    )

    with pytest.raises(DigestMismatch) as raised:
        pinner(composed.store).base(wanted)
    assert raised.value.actual == str(composed.base.digest)
    assert raised.value.hint == "imagekit lock --upgrade-base"


def test_pinned_by_name(composed: Composed) -> None:
    """Its reference names the base and the digest, as there is no registry to name."""
    base = pinner(composed.store).base(
        Wanted(name="debian-python3.13", source=definition(), architecture=HOST)
    )

    assert base.reference == f"debian-python3.13@{composed.base.digest}"
    assert base.layers == composed.base.layers


def test_its_own_python_runs_here(composed: Composed) -> None:
    """Through its own loader and C library, so that it compiles bytecode of the exact version."""
    interpreter = own_interpreter(composed.base, composed.store)
    assert interpreter is not None
    probe = "import json, ssl, sys, zlib; print(sys.version.split()[0], sys.prefix)"

    done = subprocess.run(
        [*interpreter.argv, "-I", "-c", probe], capture_output=True, text=True, check=True
    )

    version, prefix = done.stdout.split()
    assert version == interpreter.version == composed.base.facts.python
    assert Path(prefix).is_relative_to(composed.store.root)
    assert own_interpreter(composed.base, composed.store) == interpreter


def test_a_base_without_such_a_python(tmp_path: Path) -> None:
    """A layout of another form has none that could run here; that is no error."""
    store = Store(tmp_path)
    files: list[dict[str, bytes | str]] = [
        {"var/lang/bin/python3.13": b"#!"},
        {
            "usr/bin/python3.13": b"not a program",
            "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": b"nor this",
        },
    ]
    for number, there in enumerate(files):
        layer = Layer.of(entries(there))
        store.put_blob(layer.blob)
        base = replace(BASE, digest=Digest.of(bytes([number])), layers=(layer.descriptor,))

        assert own_interpreter(base, store) is None
    assert not (tmp_path / "interpreters").exists()


def test_it_runs_in_a_container(composed: Composed, docker_engine: str, tmp_path: Path) -> None:
    """As Lambda runs it: read-only, without rights. No module is compiled again (decision 3)."""
    name = "imagekit-test/composed:1"
    write_docker_archive(image_of(composed), tmp_path / "base.tar", tags=[name])
    probe = "import json, ssl, sqlite3, sys; ssl.create_default_context(); print(sys.version)"
    client = docker(docker_engine)
    try:
        with (tmp_path / "base.tar").open("rb") as archive:
            client.images.load(archive)
        said = client.containers.run(
            name,
            ["-v", "-c", probe],
            user="993:990",
            read_only=True,
            network_mode="none",
            remove=True,
            stderr=True,
        ).decode()
    finally:
        client.images.remove(name, force=True)
        client.close()

    assert composed.base.facts.python in said
    loaded = [line for line in said.splitlines() if line.startswith("# code object from")]
    assert any("/json/__pycache__/decoder.cpython-313.pyc" in line for line in loaded)
    # Debian's own sitecustomize.py is a link into /etc, and Debian compiles none such either.
    sources = [line for line in loaded if ".pyc" not in line]
    assert sources == ["# code object from /usr/lib/python3.13/sitecustomize.py"]


def image_of(composed: Composed) -> Image:
    """The base itself as an image."""
    document = parse_manifest(composed.store.blob_path(composed.base.digest).read_bytes())
    config = composed.store.blob_path(document.config.digest).read_bytes()
    layers = [
        ImageLayer(descriptor=layer, diff_id=diff_id, path=composed.store.blob_path(layer.digest))
        for layer, diff_id in zip(document.layers, composed.base.config.diff_ids, strict=True)
    ]
    return Image.of(dump_manifest(document), MANIFEST["oci"], config, layers)


def test_without_mmdebstrap(tmp_path: Path) -> None:
    """The hint is what to install."""
    with pytest.raises(CannotBuild) as raised:
        Composer(store=Store(tmp_path), environ={"PATH": str(tmp_path)}).base(definition(), HOST)

    assert "mmdebstrap" in raised.value.what
    assert "apt-get install mmdebstrap" in str(raised.value.hint)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Path]:
    """A folder for programs of the tests' own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    yield folder


def program(folder: Path, text: str) -> dict[str, str]:
    """An environment with this `mmdebstrap`."""
    path = folder / "mmdebstrap"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_another_architecture_is_refused(programs: Path, tmp_path: Path) -> None:
    """Debian's packages are set up by running them."""
    composer = Composer(store=Store(tmp_path / "store"), environ=program(programs, "exit 0"))

    with pytest.raises(CannotBuild) as raised:
        composer.base(definition(), FOREIGN)
    assert f"a Debian base for {FOREIGN} cannot be composed on" in raised.value.what


def test_mmdebstrap_that_fails(programs: Path, tmp_path: Path) -> None:
    """What it said last is in the error, and nothing is left behind."""
    environ = program(programs, "echo 'E: unable to locate package' >&2; exit 100")
    store = Store(tmp_path / "store")

    with pytest.raises(CommandFailed) as raised:
        Composer(store=store, environ=environ).base(definition(), HOST)

    assert (raised.value.status, raised.value.argv[0]) == (100, "mmdebstrap")
    assert "unable to locate package" in raised.value.stderr_tail
    assert "mmdebstrap" in str(raised.value.hint)
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_packages_without_python(programs: Path, tmp_path: Path) -> None:
    """Said in terms of the base's own file."""
    environ = program(programs, 'for last; do :; done; tar -cf "$last" -C / etc/os-release')

    with pytest.raises(CannotBuild) as raised:
        Composer(store=Store(tmp_path / "store"), environ=environ).base(definition(), HOST)
    assert "no Python" in raised.value.what
    assert "base.toml" in str(raised.value.hint)


def test_what_mmdebstrap_is_told(programs: Path, tmp_path: Path) -> None:
    """Suite, packages and mirror are those of the definition, and the surroundings are fixed."""
    heard = tmp_path / "heard"
    environ = program(programs, f'echo "$TZ $SOURCE_DATE_EPOCH $*" > {heard}; exit 1')
    origin = DebianOrigin(
        suite="sid", packages=("python3.14", "libgomp1"), mirror="http://127.0.0.1:9/debian"
    )

    with pytest.raises(CommandFailed):
        Composer(store=Store(tmp_path / "store"), environ={**environ, "TZ": "Asia/Tokyo"}).base(
            replace(definition(), origin=origin), HOST
        )

    words = heard.read_text().split()
    assert words[:2] == ["UTC", "315532800"]
    assert "--include=python3.14,libgomp1" in words
    assert words[-3] == "sid" and words[-1] == "http://127.0.0.1:9/debian"


def test_every_part_of_a_recipe_counts() -> None:
    """Another suite, package, architecture, variable or label is another base."""
    one = definition()
    others = [
        replace(one, origin=DebianOrigin(suite="sid", packages=("python3.13",))),
        replace(one, origin=DebianOrigin(suite="trixie", packages=("python3.13",))),
        replace(one, env=(("A", "1"),)),
        replace(one, labels=(("A", "1"),)),
    ]

    assert len({fingerprint(other, "x86_64") for other in (one, *others)}) == 5
    assert fingerprint(one, "x86_64") != fingerprint(one, "arm64")
    assert fingerprint(replace(one, name="other"), "arm64") == fingerprint(one, "arm64")


def test_a_folder_without_python(tmp_path: Path) -> None:
    """There is nothing to start."""
    with pytest.raises(CannotBuild, match="no Python"):
        argv_in(tmp_path)


def pinner(store: Store) -> Pinner:
    return Pinner(store=store, environ={"PATH": "/nowhere"}, registry=_nobody, sleep=lambda _: None)


def _nobody() -> NoReturn:
    raise AssertionError("a registry was asked")
