"""Runs where the handler lies, by its own Python (3.9 or later), and tells how importing it went.

Nothing of imagekit is there: this text is an argument of `python -c`, before two words: the
handler, and the folders that come first on the path, with colons. The last line of stdout, behind a
mark, is JSON: milliseconds, or the exceptions from the outermost to its cause, and their places.
"""

import importlib
import json
import sys
import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MARK = "imagekit-import:"


def main(handler: str, roots: str) -> None:
    """Import the module and find the function, as awslambdaric does (bootstrap.py)."""
    sys.path[:0] = [root for root in roots.split(":") if root and root not in sys.path]
    module, _, function = handler.rpartition(".")
    began = time.perf_counter()
    try:
        found = importlib.import_module(module.replace("/", "."))
        getattr(found, function)
    except BaseException as error:  # SystemExit, too: Lambda would not get further either
        answer: dict[str, Any] = {"raised": raised(error), "places": places(error)}
    else:
        answer = {"milliseconds": round(1000 * (time.perf_counter() - began))}
    sys.stdout.flush()
    sys.stdout.write("\n" + MARK + json.dumps(answer) + "\n")
    sys.stdout.flush()


def raised(error: "BaseException | None") -> "list[dict[str, Any]]":
    """The exception and what it came from."""
    found: list[dict[str, Any]] = []
    while error is not None and len(found) < 10:
        filename = getattr(error, "filename", None)
        found.append(
            {
                "error": type(error).__name__,
                "message": str(error),
                "name": getattr(error, "name", None) if isinstance(error, ImportError) else None,
                "filename": str(filename) if isinstance(error, OSError) and filename else None,
            }
        )
        error = error.__cause__ or error.__context__
    return found


def places(error: BaseException) -> "list[str]":
    """Files and lines from the handler inwards, without the import system's own."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return [
        f"{frame.filename}:{frame.lineno}"
        for frame in frames
        if not frame.filename.startswith("<") and "/importlib/" not in frame.filename
    ]


if __name__ == "__main__":
    main(sys.argv[2], sys.argv[3])
