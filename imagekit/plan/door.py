"""The door: the first file that Python runs on the way to the handler. Pure.

The function's handler stays what it is. Where it is `shop.app.handler`, Python imports `shop`
first, then `shop.app`: the first of them that is a file is replaced by a line that unpacks the
packages and then runs the module itself, which lies beside it as `NAME.imagekit.py`. A name with a
dot in it is no module for `pkgutil`, so nobody meets it by accident.
"""

from __future__ import annotations

from collections.abc import Container

BEHIND = ".imagekit"

DOOR = b"""\
# imagekit: unpacks to /tmp what did not fit into the ZIP, then runs %b.
exec(__import__("imagekit_loader.start", fromlist=["enter"]).enter(__name__, __file__))
"""


def door_of(paths: Container[str], handler: str) -> str | None:
    """The path of the file that the first import on the way to the handler runs.

    None where it is no Python source: a compiled module cannot be put behind a door.
    """
    module = handler.rpartition(".")[0].replace("/", ".")
    folder = ""
    for name in module.split("."):
        for path in (f"{folder}{name}/__init__.py", f"{folder}{name}.py"):
            if path in paths:
                return path
        # A namespace package: no file is run for it.
        folder = f"{folder}{name}/"
    return None


def behind(path: str) -> str:
    """Where the module itself lies: `shop/app.py` gives `shop/app.imagekit.py`."""
    return f"{path.removesuffix('.py')}{BEHIND}.py"


def behind_bytecode(path: str, door: str) -> str:
    """The same for what may be the door's `.pyc`; any other path as it is."""
    folder, _, name = door.removesuffix(".py").rpartition("/")
    cached = f"{folder}/__pycache__/{name}.".lstrip("/")
    if path.startswith(f"{cached}cpython-") and path.endswith(".pyc"):
        return path.replace(cached, f"{cached.removesuffix('.')}{BEHIND}.", 1)
    return path


def door_source(path: str) -> bytes:
    """What stands in the door's file."""
    return DOOR % behind(path).rpartition("/")[2].encode()
