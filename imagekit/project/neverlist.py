"""What never goes into an artefact, and what does not unless `include` brings it."""

from __future__ import annotations

_NEVER = frozenset(
    {
        ".git",  # a folder, or a file in a worktree
        ".hg",
        ".svn",
        ".venv",
        "__pycache__",  # imagekit compiles its own (decision 3)
        ".ds_store",
        # Credentials, by the names that their tools read.
        ".aws",
        ".azure",
        ".docker",
        ".git-credentials",
        ".gnupg",
        ".kube",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".pgpass",
        ".pypirc",
        ".ssh",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        "id_rsa",
        "pip.conf",
        "pip.ini",
    }
)

# Public certificates are `*.pem` too (AWS's bundle for RDS, a company's CA), so a name is not
# enough: only a file with a private key in it is kept out.
_KEY_FILES = (".pem", ".key", ".p8")
_PRIVATE_KEY = b"PRIVATE KEY-----"
_KEY_FILE_BYTES = 65_536

_NOT_CODE = frozenset(
    {
        "base_images",
        "benchmarks",
        "build",
        "dist",
        "doc",
        "docs",
        "example",
        "examples",
        "node_modules",
        "site-packages",
        "test",
        "tests",
        "venv",
    }
)
_NOT_MODULES = frozenset({"conftest.py", "noxfile.py", "setup.py", "tasks.py"})


def never_in(name: str) -> bool:
    """Whether a file or folder of this name stays out whatever the configuration says."""
    lower = name.lower()  # macOS and Windows do not tell the cases apart
    return lower in _NEVER or lower.startswith(".env")


def is_private_key(name: str, path: str) -> bool:
    """Whether a file that is called like a key holds a private one."""
    if not name.lower().endswith(_KEY_FILES):
        return False
    with open(path, "rb") as file:  # noqa: PTH123 - hot
        return _PRIVATE_KEY in file.read(_KEY_FILE_BYTES)


def left_out(name: str, *, folder: bool) -> bool:
    """Whether this is a test or a notebook, which source folders leave at home."""
    if folder:
        return name == "tests"
    if name.endswith(".py"):
        return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return name.endswith(".ipynb")


def is_code_folder(name: str) -> bool:
    """Whether a folder beside the configuration may be a package, by its name."""
    hidden = name.startswith(".") or name.endswith(".egg-info")
    return not hidden and name.lower() not in _NOT_CODE


def is_module(name: str) -> bool:
    """Whether a file beside the configuration is a module that may be meant for the function."""
    return name.endswith(".py") and not name.startswith(".") and name not in _NOT_MODULES
