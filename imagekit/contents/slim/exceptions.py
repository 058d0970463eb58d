"""Packages for which a general rule would be wrong, each with its reason; tests hold every one."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct


class Rule(Struct, frozen=True, kw_only=True):
    """Paths of some packages."""

    packages: tuple[str, ...]
    """Normalised names, or patterns of them."""
    paths: str
    """A regular expression that is searched for."""
    reason: str

    def holds_for(self, name: str) -> bool:
        """Whether the package is one of them."""
        return any(fnmatchcase(name, one) for one in self.packages)


STAYS: Final[tuple[Rule, ...]] = (
    Rule(
        packages=("astropy", "bottleneck", "sunpy", "tables"),
        paths=r"^[^/]+/tests/",
        reason="the package imports its own `tests` when it is imported",
    ),
    Rule(
        packages=("sktime",),
        paths=r"/tests/",
        reason="its registry imports the tests of whatever it is asked for",
    ),
    Rule(
        packages=("jedi", "nuitka", "pytype", "typeshed-client"),
        paths=r"\.pyi$",
        reason="type stubs are what it works with",
    ),
    Rule(
        packages=("librosa", "mne", "scikit-image"),
        paths=r"\.pyi$",
        reason="lazy_loader.attach_stub opens them at import",
    ),
    Rule(
        packages=(
            *("cython", "pythran", "cffi", "pybind11*", "nanobind", "mypy", "swig", "cmake"),
            *("ziglang", "pytensor", "aesara", "theano*", "httpstan", "prophet", "cmdstanpy"),
        ),
        paths=r".",
        reason="it compiles: sources, headers and libraries are what it works with",
    ),
    Rule(
        packages=(
            *("torch", "triton*", "cupy*", "pyopencl", "pycuda", "numba-cuda", "warp-lang"),
            *("deepspeed", "taichi", "cppyy*", "cuda-*", "nvidia-*"),
        ),
        paths=r"(?<!/)\.(?:c|cc|cpp|cu|cuh|h|hpp|hxx|hh|tpp|a)$",
        reason="it compiles code while it runs, with these as its input",
    ),
)
"""What no general rule takes out of these packages."""

MORE: Final[tuple[Rule, ...]] = (
    Rule(
        packages=("gensim", "joblib", "nltk", "tornado"),
        paths=r"^[^/]+/test/",
        reason="tests",
    ),
    Rule(
        packages=("pycryptodome", "pycryptodomex"),
        paths=r"^Crypto(?:dome)?/SelfTest/",
        reason="tests",
    ),
)
"""What a general rule does not know: a folder `test` is a public API of others (django.test,
tensorflow's tf.test)."""
