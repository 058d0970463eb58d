"""Which certificate authorities are believed."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from imagekit.model.errors import UsageError


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Verify against `SSL_CERT_FILE` and `SSL_CERT_DIR` where set, else the system's store.

    Where the system's store is empty (python.org's build for macOS before its certificates are
    installed), the certifi bundle is used. A file that cannot be read is a UsageError.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        return _system()
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        named = ", ".join(f"{k}={environ[k]}" for k in _NAMES if environ.get(k))
        raise UsageError(
            what=f"the certificates of {named} cannot be read: {error.strerror or error}",
            hint="point SSL_CERT_FILE at a PEM file, or unset it",
        ) from error


_NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def _system() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not _has_folder():
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context


def _has_folder() -> bool:
    # A folder of certificates is read only when one is asked for, so the statistics say nothing.
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).iterdir())
