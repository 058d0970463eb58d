"""Nothing secret reaches a layer, a config, the store, a lock, a log or an error."""

from __future__ import annotations

import base64
import gzip
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from msgspec import Struct, field

from tests.e2e import private as sources
from tests.e2e.many import write
from tests.e2e.private import SOURCES, USER, Private
from tests.e2e.projects import Done
from tests.services.codeartifact import codeartifact
from tests.services.index import Index
from tests.services.repository import repository
from tests.services.wheels import make_wheel

LEAKY = "import os, sys\nfor pair in os.environ.items():\n    print(pair, file=sys.stderr)\n"


class Watch(Struct):
    """Every token that was planted, and all that was said."""

    root: Path
    tokens: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def plant(self, source: str) -> str:
        """A token that stands nowhere else; of characters that a URL spells differently, too."""
        self.tokens[source] = f"tok-{source.replace('_', '-')}-{os.urandom(6).hex()}=9+"
        return self.tokens[source]

    def heard(self, done: Done) -> Done:
        """Keep what a command said."""
        self.said.append(f"{done.args}\n{done.stdout}\n{done.stderr}")
        return done

    def spellings(self) -> dict[bytes, str]:
        """Each token in each way in which it may be written."""
        found: dict[bytes, str] = {}
        for source, token in self.tokens.items():
            basic = base64.b64encode(f"{USER}:{token}".encode())
            for spelling in (token.encode(), quote(token, safe="").encode(), basic[8:-4]):
                found[spelling] = source
        return found

    def leaks(self, *folders: Path) -> list[str]:
        """Where a token stands: in what was said, in names, in contents however packed."""
        wanted = self.spellings()
        found = [f"{wanted[each]} was said" for each in wanted if each in _joined(self.said)]
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                texts = [path.as_posix().encode()]
                if path.is_file():
                    texts += unpacked(path.read_bytes())
                found += [
                    f"{wanted[each]} in {path}" for text in texts for each in wanted if each in text
                ]
        return found


def _joined(said: list[str]) -> bytes:
    return "\n".join(said).encode()


def unpacked(data: bytes) -> Iterator[bytes]:
    """The bytes themselves, and what is in them: gzip, ZIP, and those in one another."""
    yield data
    if data.startswith(b"\x1f\x8b"):
        yield from unpacked(gzip.decompress(data))
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from unpacked(archive.read(name))


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    """A check that cannot fail is none: in a gzip, in a ZIP in a ZIP, in a name, as Basic."""
    watch = Watch(tmp_path)
    token = watch.plant("one").encode()
    (tmp_path / "layer").write_bytes(gzip.compress(b"xx" + token))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("METADATA", quote(token.decode(), safe=""))
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("x.whl", inner.getvalue())
    (tmp_path / f"name-{token.decode()}").touch()
    (tmp_path / "basic").write_bytes(base64.b64encode(USER.encode() + b":" + token))
    watch.said.append(f"error: {token.decode()}")

    assert len(watch.leaks(tmp_path)) == 5


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Nothing planted, nothing heard."""
    return Watch(tmp_path)


def machine(watch: Watch, running: ExitStack, source: str, uv_cache: Path) -> Private:
    """A machine of its own for one source, with an index of its own."""
    root = watch.root / source
    wheel = make_wheel(root / "wheels", "demo", "1.0", {"demo/__init__.py": b"ANSWER = 42\n"})
    sources.backend_wheel(root / "wheels")
    public = make_wheel(root / "public", "demo", "9.0", {"demo/__init__.py": b""})
    return Private(
        root=root,
        index=running.enter_context(Index(root / "wheels")),
        public=running.enter_context(Index(public.parent)),
        uv_cache=uv_cache,
        password=watch.plant(source),
        wheel=wheel,
    )


def all_said(watch: Watch, private: Private) -> None:
    """A plan, an image and a ZIP; a refusal by the index; a build that prints its environment."""
    project = private.project
    base = private.image()
    image = ("--packaging", "image", "--verbose", "--json")
    project.replace("[functions.app]", f'base = "{base.as_posix()}"\n[functions.app]')
    for arguments in (("plan", "--verbose"), ("build", *image), ("build", "--verbose")):
        done = watch.heard(project.run(*arguments))
        assert done.returncode == 0, done.stderr
    good = private.index.auth
    private.index.auth = (USER, "changed")
    lock = private.folder / "imagekit.lock"
    if lock.exists():  # A lock of its own pins all that there is to pin.
        (private.root / "kept").mkdir()
        lock.rename(private.root / "kept" / "imagekit.lock")
    again = project.with_env(IMAGEKIT_CACHE_DIR=str(private.root / "second-store"))
    for arguments in (("plan", "--json"), ("build", "--verbose")):
        done = watch.heard(again.run(*arguments))
        assert done.returncode == 3, done.stderr
    private.index.auth = good


@pytest.mark.parametrize("source", SOURCES)
def test_token_of(source: str, watch: Watch, uv_cache: Path, clean_environ: Path) -> None:
    """Planted where one tool keeps it: images, ZIPs, refusals, `--verbose` and `--json`."""
    with ExitStack() as running:
        private = machine(watch, running, source, uv_cache)
        SOURCES[source](private)
        all_said(watch, private)

        made = ("second-store", "project/dist", "kept")
        assert watch.leaks(clean_environ, *(private.root / name for name in made)) == []
        planted = any(watch.tokens[source] in unquote(text) for text in private.env.values())
        assert planted or watch.leaks(private.root), "it is where it was planted"


@pytest.mark.parametrize("source", ["uv_name", "line", "pip_variable", "pip_file", "netrc"])
def test_backend_that_prints_its_environment(
    source: str, watch: Watch, uv_cache: Path, clean_environ: Path
) -> None:
    """uv is handed the token, so that what builds can have it: its words lose it again."""
    with ExitStack() as running:
        private = machine(watch, running, source, uv_cache)
        SOURCES[source](private)
        if source == "pip_file":
            (private.folder / "pyproject.toml").unlink()
            private.requirements()
        sources.library(private)
        leaky = f"{LEAKY}raise SystemExit('it failed')\n"
        make_wheel(
            private.root / "wheels", "house-backend", "1.1", {"house_backend.py": leaky.encode()}
        )
        done = watch.heard(private.project.run("build", "--verbose"))

        assert done.returncode == 1, done.stderr
        assert "it failed" in done.stderr
        assert watch.leaks(clean_environ) == []


def test_token_of_codeartifact(watch: Watch, uv_cache: Path, clean_environ: Path) -> None:
    """AWS's own, and the keys that it was asked with."""
    from tests.e2e.test_codeartifact import HOST
    from tests.net.certificates import authority
    from tests.net.servers import serving, tunnel_to

    with ExitStack() as running:
        private = machine(watch, running, "codeartifact", uv_cache)
        root, tls = authority(private.root, HOST)
        private.index = running.enter_context(Index(private.root / "wheels", tls=(HOST, tls)))
        aws = running.enter_context(codeartifact())

        def allow(token: str) -> None:
            private.index.auth = ("aws", token)
            watch.tokens[token] = token

        aws.issued = allow
        port = int(private.index.host.rpartition(":")[2])
        proxy = running.enter_context(serving(tunnel_to(port)))
        private.env |= {
            "HTTPS_PROXY": f"http://user:{watch.plant('proxy')}@127.0.0.1:{proxy.server_port}",
            "SSL_CERT_FILE": str(root),
            "AWS_ACCESS_KEY_ID": "AKIATESTS",
            "AWS_SECRET_ACCESS_KEY": watch.plant("aws"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_CODEARTIFACT": aws.url,
            "UV_DEFAULT_INDEX": private.index.url,
        }
        private.requirements()
        project = private.project
        assert watch.heard(project.run("build", "--verbose", "--json")).returncode == 0
        aws.refusal = "AccessDeniedException"
        cold = project.with_env(IMAGEKIT_CACHE_DIR=str(private.root / "second-store"))
        assert watch.heard(cold.run("build", "--verbose")).returncode == 3
        aws.refusal, aws.issued = None, lambda token: watch.tokens.update({token: token})
        assert watch.heard(cold.run("build", "--verbose")).returncode == 3

    assert len(aws.tokens) >= 3
    kept = (clean_environ, private.root / "second-store", private.folder / "dist")
    assert watch.leaks(*kept) == []


def test_token_of_a_repository(watch: Watch, uv_cache: Path, clean_environ: Path) -> None:
    """A commit over https with a token in its URL: git is let in by its environment."""
    with ExitStack() as running:
        private = machine(watch, running, "git", uv_cache)
        sources.library_in(private.root / "lib")
        served = running.enter_context(repository(private.root / "lib", USER, watch.tokens["git"]))
        url = served.url.replace("://", f"://{USER}:{quote(watch.tokens['git'], safe='')}@")
        write(
            private.folder / "pylock.toml",
            'lock-version = "1.0"\ncreated-by = "tests"\n[[packages]]\nname = "lib"',
            f'version = "1.0"\nvcs = {{ type = "git", url = "{url}", '
            f'commit-id = "{served.commit}" }}',
        )
        write(private.folder / "app.py", "import lib\n\n\ndef handler(event, context): ...")
        private.env["UV_DEFAULT_INDEX"] = private.with_login
        done = watch.heard(private.project.run("build", "--verbose", "--json"))
        assert done.returncode == 0, done.stderr
        served.password = "changed"
        cold = private.project.with_env(IMAGEKIT_CACHE_DIR=str(private.root / "second-store"))
        done = watch.heard(cold.run("build", "--verbose"))
        assert done.returncode == 1, done.stderr

    kept = (clean_environ, private.root / "second-store", private.folder / "dist")
    assert watch.leaks(*kept) == []


def test_arguments_of_uv_and_git_hold_no_token(
    watch: Watch, uv_cache: Path, tmp_path: Path
) -> None:
    """Arguments are for everyone on the machine to see: each program is started through a front
    that writes them down."""
    calls = tmp_path / "calls"
    with ExitStack() as running:
        private = machine(watch, running, "line", uv_cache)
        sources.line(private)
        sources.library(private)
        front = tmp_path / "front" / "uv"
        real = subprocess.run(
            [sys.executable, "-c", "import uv; print(uv.find_uv_bin())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        write(front, f'#!/bin/sh\necho "$@" >> "{calls}"\nexec "{real}" "$@"')
        front.chmod(0o755)
        done = private.project.with_env(UV=str(front)).run("build")
        assert done.returncode == 0, done.stderr

    text = calls.read_text()
    assert "pip compile" in text and "build --wheel" in text
    assert watch.tokens["line"] not in text
    assert quote(watch.tokens["line"], safe="") not in text
