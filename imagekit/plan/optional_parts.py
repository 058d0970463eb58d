"""Parts of well-known packages that many functions never load, each with the pattern to drop it.

What is listed was dropped from the package of the version named, and the package imported and used
without it. Patterns are those of the key `drop`: paths under the artefact's root.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class OptionalPart(Struct, frozen=True, kw_only=True):
    """One part of one package."""

    package: str
    """Normalised."""
    words: str
    """After `without`."""
    drop: tuple[str, ...]
    costs: str
    """What then fails to import."""


# pyarrow 26.0.1 (libarrow_substrait is no such part: libarrow_python itself is linked to it),
# google-api-python-client 2.202.0, phonenumbers 9.0.43, plotly 7.1.0, onnxruntime 1.31.1.
OPTIONAL_PARTS: Final = (
    OptionalPart(
        package="pyarrow",
        words="its Flight client",
        drop=(
            "pyarrow/libarrow_flight.so*",
            "pyarrow/libarrow_python_flight.so*",
            "pyarrow/_flight.*.so",
        ),
        costs="pyarrow.flight",
    ),
    OptionalPart(
        package="pyarrow",
        words="its own S3 client",
        drop=("pyarrow/libarrow_s3.so*", "pyarrow/_s3fs.*.so"),
        costs="pyarrow.fs.S3FileSystem (boto3 and s3fs do not need it)",
    ),
    OptionalPart(
        package="google-api-python-client",
        words="the documents of all APIs",
        drop=("googleapiclient/discovery_cache/documents/",),
        costs="build() of an API whose document is not in `keep`, such as "
        '"googleapiclient/discovery_cache/documents/drive.v3.json"',
    ),
    OptionalPart(
        package="phonenumbers",
        words="the places of numbers",
        drop=("phonenumbers/geodata/",),
        costs="phonenumbers.geocoder",
    ),
    OptionalPart(
        package="plotly",
        words="its JupyterLab extension",
        drop=("plotly/labextension/",),
        costs="figures in JupyterLab",
    ),
    OptionalPart(
        package="onnxruntime",
        words="its tools for transformers",
        drop=("onnxruntime/transformers/",),
        costs="onnxruntime.transformers",
    ),
)
