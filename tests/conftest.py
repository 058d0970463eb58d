"""Fixtures: real parts for all tests, and an environment that changes no result."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services import debian, needs, scoring
from tests.services.docker import NoDocker, forget_registries, running_engine
from tests.services.ecr_front import EcrFront
from tests.services.images import MadeLayer, put_image, put_index
from tests.services.moto import forget, running_moto
from tests.services.needs import USER_ENVIRON
from tests.services.registry import running_registry, started

ROOT = Path(__file__).parents[1]
_TOOLS = ("PDM_", "PIP_", "POETRY_", "UV_")
_CLEANED = ("AWS_", "BUILDKIT_", "COMPOSE_", "DOCKER_", "IMAGEKIT_", *_TOOLS)
_PIPELINE = ("CI", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITLAB_CI")
_CLEANED_NAMES = {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} | {
    *_PIPELINE,
    "COLUMNS",
    "FORCE_COLOR",
    "NETRC",
    "NO_COLOR",
    "PYTHONPATH",
    "SOURCE_DATE_EPOCH",
    "VIRTUAL_ENV",
}


@pytest.fixture(scope="session", autouse=True)
def _no_pipeline() -> None:
    """Fixtures of a module or a session, too, run imagekit as on a developer's machine.

    What tells where packages and services are stays: `clean_environ` hides it from each test.
    """
    for name in list(os.environ):
        if name in _PIPELINE or name.startswith(("AWS_", "IMAGEKIT_")):
            del os.environ[name]


@pytest.fixture(autouse=True)
def clean_environ(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Path:
    """No variable of the user's changes a result; the store is new. Returns the store's folder."""
    for name in list(os.environ):
        if name.startswith(_CLEANED) or name.upper() in _CLEANED_NAMES:
            monkeypatch.delenv(name)
    store = tmp_path_factory.mktemp("store")
    monkeypatch.setenv("IMAGEKIT_CACHE_DIR", str(store))
    monkeypatch.setenv("DOCKER_CONFIG", str(store / "no-docker-config"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return store


@pytest.fixture(scope="session")
def test_cache() -> Path:
    """What may be kept between runs: downloads and the composed base, nothing of imagekit's."""
    default = Path(tempfile.gettempdir(), f"imagekit-tests-{os.environ.get('USER', 'user')}")
    folder = Path(USER_ENVIRON.get("IMAGEKIT_TEST_CACHE", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reference registry, empty at first: `127.0.0.1:PORT`."""
    needs.needs("registry", "docker-registry")
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        needs.have("registry", "docker-registry")
        yield host


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """AWS on this machine: its URL. Whoever uses it empties it (`tests.services.moto.forget`)."""
    with running_moto() as url:
        yield url


@pytest.fixture
def aws(registry: str, moto: str) -> Iterator[EcrFront]:
    """AWS with ECR's own ways, and nothing in it."""
    forget(moto)
    with EcrFront(storage=registry, moto=moto) as front:
        front.registry()
        yield front


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[str]:
    """The address of a Docker Engine."""
    try:
        with running_engine(USER_ENVIRON) as host:
            needs.have("docker", f"Engine {_version(host)}")
            yield host
            forget_registries(host, started)
    except NoDocker as error:
        needs.leave_out("docker", str(error))


def _version(host: str) -> str:
    from tests.services.docker import connect

    client = connect(host)
    try:
        return str(client.version()["Version"])
    finally:
        client.close()


def _composed(cache: Path, rootfs: debian.Rootfs) -> MadeLayer:
    needs.needs("debian base", "mmdebstrap")
    try:
        return debian.rootfs_layer(cache, rootfs)
    except debian.CannotCompose as error:
        needs.leave_out("debian base", str(error))


@pytest.fixture(scope="session")
def debian_layer(test_cache: Path) -> MadeLayer:
    """Debian with Python 3.13 as one layer."""
    layer = _composed(test_cache, debian.RUNS)
    needs.have("debian base", f"{debian.SUITE}, {layer.path.stat().st_size >> 20} MB")
    return layer


@pytest.fixture(scope="session")
def debian_base(registry: str, debian_layer: MadeLayer) -> str:
    """Debian with Python 3.13 and no Lambda runtime client: the reference `HOST/base:trixie`."""
    put_image(registry, "base:trixie", [debian_layer], debian.DEBIAN_CONFIG)
    return f"{registry}/base:trixie"


@pytest.fixture(scope="session")
def debian_both(registry: str, debian_layer: MadeLayer, test_cache: Path) -> str:
    """A manifest list of Debian with Python 3.13 for both architectures."""
    arm64 = _composed(test_cache, debian.ARM64)
    manifests = {
        "amd64": put_image(registry, "both:x86_64", [debian_layer], debian.DEBIAN_CONFIG),
        "arm64": put_image(
            registry, "both:arm64", [arm64], debian.DEBIAN_CONFIG, architecture="arm64"
        ),
    }
    put_index(registry, "both:trixie", manifests)
    return f"{registry}/both:trixie"


@pytest.fixture(scope="session")
def debian_python311(registry: str, test_cache: Path) -> str:
    """Debian 12 with Python 3.11, glibc 2.36."""
    layer = _composed(test_cache, debian.PYTHON_311)
    put_image(registry, "base:bookworm", [layer], debian.DEBIAN_CONFIG)
    return f"{registry}/base:bookworm"


@pytest.fixture(scope="session")
def runtime_client(test_cache: Path) -> Path:
    """A folder with the wheels of `awslambdaric` and what it needs, for both architectures."""
    return _fetched(
        "runtime client",
        lambda machine: scoring.fetch_runtime_client(
            test_cache / "runtime-client", machine, USER_ENVIRON
        ),
    )


@pytest.fixture(scope="session")
def scoring_wheels(test_cache: Path) -> Path:
    """A folder with the wheels that examples/scoring locks, for both architectures."""
    requirements = ROOT / "examples" / "scoring" / "requirements.txt"
    return _fetched(
        "scoring's wheels",
        lambda machine: scoring.fetch(
            test_cache / "scoring-wheels", requirements, machine, USER_ENVIRON
        ),
    )


@pytest.fixture(scope="session")
def hello_wheels(test_cache: Path) -> Path:
    """A folder with the wheels that examples/hello locks."""
    requirements = ROOT / "examples" / "hello" / "requirements.txt"
    return _fetched(
        "hello's wheels",
        lambda machine: scoring.fetch(
            test_cache / "hello-wheels", requirements, machine, USER_ENVIRON
        ),
    )


def _fetched(service: str, fetch: Any) -> Path:
    try:
        folders = [fetch(machine) for machine in ("x86_64", "aarch64")]
    except (scoring.CannotFetch, subprocess.TimeoutExpired) as error:
        needs.leave_out(service, str(error))
    folder = Path(folders[0])
    needs.have(service, f"{len(list(folder.glob('*.whl')))} wheels")
    return folder


@pytest.fixture(scope="session")
def aws_layer(runtime_client: Path, tmp_path_factory: pytest.TempPathFactory) -> MadeLayer:
    """What AWS's base image has on top of a system."""
    site_packages = tmp_path_factory.mktemp("aws-runtime")
    scoring.unpack_runtime_client(runtime_client, site_packages)
    return debian.aws_runtime_layer(site_packages, tmp_path_factory.mktemp("aws-layer"))


@pytest.fixture(scope="session")
def aws_base(registry: str, debian_layer: MadeLayer, aws_layer: MadeLayer) -> str:
    """The same Debian under the name, config and entry point of AWS's base image."""
    put_image(registry, "lambda/python:3.13", [debian_layer, aws_layer], debian.AWS_CONFIG)
    return f"{registry}/lambda/python:3.13"


@pytest.fixture(scope="session")
def aws_base_both(
    registry: str, debian_layer: MadeLayer, aws_layer: MadeLayer, test_cache: Path
) -> str:
    """As `aws_base`, for both architectures behind one tag."""
    systems = {"amd64": debian_layer, "arm64": _composed(test_cache, debian.ARM64)}
    images = {
        architecture: put_image(
            registry,
            f"lambda/both:{architecture}",
            [layer, aws_layer],
            debian.AWS_CONFIG,
            architecture=architecture,
        )
        for architecture, layer in systems.items()
    }
    put_index(registry, "lambda/both:3.13", images)
    return f"{registry}/lambda/both:3.13"


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the programs that tests start.

    A shell that starts pytest in the background has it ignored, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes are named by their length: every worker of xdist must find the same names."""
    return f"{len(val)}-bytes" if isinstance(val, bytes) else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist each worker hands over what it found."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["services"] = (needs.found, needs.left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what a worker of xdist found."""
    found, left_out = getattr(node, "workeroutput", {}).get("services", ({}, {}))
    needs.found.update(found)
    needs.left_out.update(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line which real parts the run stood on."""
    terminalreporter.write_line(needs.summary())
