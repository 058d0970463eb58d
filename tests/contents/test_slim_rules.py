"""Every rule for one package: what it keeps or takes, and on real wheels that it is needed."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.contents.install import wheel_tree
from imagekit.contents.slim.exceptions import MORE, STAYS, Rule
from imagekit.contents.slim.rules import REASONS, why_dropped
from imagekit.model.slim import Slim
from imagekit.model.tree import Tree
from tests.contents.support import package
from tests.services.needs import USER_ENVIRON, have, leave_out
from tests.services.scoring import CannotFetch, fetch_named

SAFE = Slim(profile="safe")

STAYING = {
    "astropy": "astropy/tests/runner.py",
    "bottleneck": "bottleneck/tests/util.py",
    "sunpy": "sunpy/tests/self_test.py",
    "tables": "tables/tests/common.py",
    "sktime": "sktime/forecasting/tests/test_all_forecasters.py",
    "jedi": "jedi/third_party/typeshed/stdlib/3/os/__init__.pyi",
    "nuitka": "nuitka/__past__.pyi",
    "pytype": "pytype/typeshed/stdlib/os.pyi",
    "typeshed-client": "typeshed_client/typeshed/os/__init__.pyi",
    "librosa": "librosa/__init__.pyi",
    "mne": "mne/__init__.pyi",
    "scikit-image": "skimage/filters/__init__.pyi",
    "cython": "Cython/Utility/Exceptions.c",
    "pythran": "pythran/pythonic/core.hpp",
    "cffi": "cffi/_cffi_include.h",
    "pybind11-global": "include/site/python3.13/pybind11/cast.h",
    "nanobind": "nanobind/src/nb_func.cpp",
    "mypy": "mypyc/lib-rt/CPy.h",
    "swig": "swig/data/share/swig/pyrun.swg.h",
    "cmake": "cmake/data/share/cmake/Modules/CMakeCCompilerABI.c",
    "ziglang": "ziglang/lib/libc/musl/src/string/memcpy.c",
    "pytensor": "pytensor/link/c/c_code/lazylinker_c.c",
    "aesara": "aesara/link/c/c_code/lazylinker_c.c",
    "theano-pymc": "theano/gof/c_code/lazylinker_c.c",
    "httpstan": "httpstan/include/stan/model/model_base.hpp",
    "prophet": "prophet/stan_model/cmdstan-2.36.0/stan/src/main.cpp",
    "cmdstanpy": "cmdstanpy/tests.h",
    "torch": "torch/include/ATen/ATen.h",
    "triton": "triton/backends/nvidia/driver.c",
    "cupy-cuda12x": "cupy/_core/include/cupy/complex.cuh",
    "pyopencl": "pyopencl/cl/pyopencl-complex.h",
    "pycuda": "pycuda/cuda/pycuda-complex.hpp",
    "numba-cuda": "numba_cuda/numba/cuda/cuda_fp16.h",
    "warp-lang": "warp/native/builtin.h",
    "deepspeed": "deepspeed/ops/csrc/adam/cpu_adam.cpp",
    "taichi": "taichi/_lib/c_api/include/taichi/taichi.h",
    "cppyy-cling": "cppyy_backend/include/TClass.h",
    "cuda-core": "cuda/core/_include/layout.hpp",
    "nvidia-cuda-runtime-cu12": "nvidia/cuda_runtime/include/cuda_fp16.h",
}
"""A package of each name and pattern in STAYS, and a path that its rule is for."""

GOING = {
    "gensim": "gensim/test/test_data/lee.cor",
    "joblib": "joblib/test/test_parallel.py",
    "nltk": "nltk/test/corpus.doctest",
    "tornado": "tornado/test/web_test.py",
    "pycryptodome": "Crypto/SelfTest/Cipher/test_AES.py",
    "pycryptodomex": "Cryptodome/SelfTest/Cipher/test_AES.py",
}


@pytest.mark.parametrize(("name", "path"), STAYING.items())
def test_a_rule_keeps_what_another_package_would_lose(name: str, path: str) -> None:
    """The path stays in this package, and in no other."""
    assert why_dropped(name, path, SAFE) is None
    assert why_dropped("another", path, SAFE) in REASONS


@pytest.mark.parametrize(("name", "path"), GOING.items())
def test_a_rule_takes_what_another_package_would_keep(name: str, path: str) -> None:
    """A folder `test` is the API of some: it goes from those alone that are known to need none."""
    assert why_dropped(name, path, SAFE) == "tests"
    assert why_dropped("another", path, SAFE) is None


def test_every_rule_is_tested() -> None:
    """No name and no pattern without a path above, no rule without a reason."""

    def names(rules: tuple[Rule, ...]) -> Iterator[str]:
        return (name for rule in rules for name in rule.packages)

    for rules, tested in ((STAYS, STAYING), (MORE, GOING)):
        assert all(rule.reason for rule in rules)
        for name in names(rules):
            one = Rule(packages=(name,), paths="", reason="")
            assert any(one.holds_for(package) for package in tested), name


@pytest.mark.parametrize(
    "path",
    [
        "numpy/testing/__init__.py",
        "pandas/_testing/__init__.py",
        "sklearn/utils/_testing.py",
        "scipy/_lib/_testutils.py",
        "django/test/client.py",
        "tensorflow/_api/v2/test/__init__.py",
        "botocore/docs/service.py",
        "boto3/docs/__init__.py",
        "rest_framework/templates/rest_framework/docs/index.html",
        "flask_docs/docs/words.txt",
        "thing/py.typed",
        "thing/module.pyc",
        "thing/testsuite.py",
        "thing/libc.so.6",
        "thing/data.json",
        "thing/models/scan.obj",
        "symbols/parts.lib",
        "thing/LICENSE",
        "thing/licenses/BSD.rst",
        "thing/tests/LICENSE.txt",
        "include/COPYING",
        "thing-1.0.dist-info/METADATA",
        "thing-1.0.dist-info/licenses/docs/AUTHORS.md",
        "thing.egg-info/SOURCES.txt",
        "bin/thing",
    ],
)
def test_what_looks_alike_stays(path: str) -> None:
    """Public test helpers, code and pages in `docs`, licences, metadata, data of other kinds."""
    assert why_dropped("thing", path, SAFE) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tests/test_top.py", "tests"),
        ("thing/deep/tests/data/big.bin", "tests"),
        ("thing/docs/guide/index.rst", "docs"),
        ("share/doc/thing/manual.html", "docs"),
        ("share/man/man1/thing.1", "docs"),
        ("thing/__init__.pyi", "type stubs"),
        ("thing-stubs/__init__.pyi", "type stubs"),
        ("thing/_fast.pyx", "C sources and headers"),
        ("thing/_core/include/thing.h", "C sources and headers"),
        ("include/thing/thing.hpp", "C sources and headers"),
        ("thing/src/solve.f90", "C sources and headers"),
        ("thing/lib/libthing.a", "static libraries"),
        ("thing/lib/thing.dll.a", "static libraries"),
        ("thing/_core/lib/npymath.lib", "static libraries"),
        ("thing/old.pyo", "stale bytecode"),
        ("thing/license.h", "C sources and headers"),
    ],
)
def test_what_goes_and_why(path: str, reason: str) -> None:
    """Each kind of file that no program reads when it runs."""
    assert why_dropped("thing", path, SAFE) == reason
    assert why_dropped("thing", path, Slim()) is None
    assert why_dropped("thing", path, replace(SAFE, keep=("*",))) is None


def test_whoever_reads_stubs_keeps_all_of_them() -> None:
    """With lazy-loader in the lock, any package may open its `.pyi` when it is imported."""
    reading = replace(SAFE, reads_stubs=True)

    assert why_dropped("thing", "thing/__init__.pyi", reading) is None
    assert why_dropped("thing", "thing/tests/a.py", reading) == "tests"


REAL = ("bottleneck", "joblib", "librosa", "networkx", "tables", "tornado")


@pytest.fixture(scope="module")
def wheels(test_cache: Path) -> Path:
    """Real wheels of packages that rules are for, and of one that needs none."""
    try:
        folder = fetch_named(test_cache / "slim-wheels", REAL, USER_ENVIRON)
    except (CannotFetch, subprocess.TimeoutExpired) as error:
        leave_out("wheels of packages with rules", str(error))
    have("wheels of packages with rules", f"{len(list(folder.glob('*.whl')))} wheels")
    return folder


def tree(wheels: Path, name: str, slim: Slim) -> Tree:
    (wheel,) = wheels.glob(f"{name}-*.whl")
    return wheel_tree(replace(package(wheel), slim=slim), wheel)


@pytest.mark.parametrize("name", REAL)
def test_nothing_left_imports_what_is_gone(wheels: Path, name: str) -> None:
    """When it is imported; what only tests and `import` inside functions ask for is not counted."""
    missing = set(imported(tree(wheels, name, SAFE))) & gone(wheels, name, name)

    assert not missing


@pytest.mark.parametrize("name", ["bottleneck", "tables"])
def test_without_its_rule_a_package_would_break(wheels: Path, name: str) -> None:
    """The rule is needed by the wheel as it is published today."""
    missing = set(imported(tree(wheels, name, SAFE))) & gone(wheels, name, "another")

    assert missing


def test_stubs_that_are_opened_are_there(wheels: Path) -> None:
    """Beside each module of librosa's that attaches one."""
    paths = {one.path: one for one in tree(wheels, "librosa", SAFE)}
    attaching = [
        path
        for path, one in paths.items()
        if path.endswith(".py") and b"attach_stub(__name__" in bytes(one.content.read())
    ]

    assert attaching
    assert all(f"{path}i" in paths for path in attaching)


def gone(wheels: Path, name: str, rules_of: str) -> set[str]:
    """Modules that are left out of a wheel, by the rules for a package of that name."""
    paths = (one.path for one in tree(wheels, name, Slim()))
    dropped = (path for path in paths if why_dropped(rules_of, path, SAFE))
    return {module(path) for path in dropped if path.endswith(".py")}


def module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(tree: Tree) -> Iterator[str]:
    """What the modules of a tree import when they are imported; no tests and no conftest.py."""
    for entry in tree:
        if not entry.path.endswith(".py") or "/tests/" in entry.path or "conftest" in entry.path:
            continue
        folder = entry.path.split("/")[:-1]
        for node in statements(bytes(entry.content.read())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = folder[: len(folder) - node.level + 1] if node.level else []
                name = ".".join([*above, *([node.module] if node.module else [])])
                yield from (name, *(f"{name}.{alias.name}" for alias in node.names))


def statements(source: bytes) -> list[ast.stmt]:
    """At the top of a module; none where it is written for a later Python than this one."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []
