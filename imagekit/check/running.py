"""The rules over what is started: entry point, working folder, handler, and who may read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from imagekit.check.command import CLIENT, command_of
from imagekit.check.documents import RawConfig
from imagekit.check.findings import Findings, Rule
from imagekit.check.handler import malformed, module_file, module_path
from imagekit.check.rules import M15, M16, M22, M23, P2, R5
from imagekit.check.sdk import check_sdk
from imagekit.check.view import Found, Node, View

RUNNING_RULES: Final[tuple[Rule, ...]] = (M15, M16, M22, M23, P2, R5)
"""They need every layer; the documents alone may break some of them already."""

_CONFIG = "the config"
_READ, _ENTER = 0o004, 0o001


def check_running(
    view: View, config: RawConfig, *, handler: str | None, python: str | None
) -> Findings:
    """What is started, in the final tree; every layer is known here."""
    needed: dict[str, Found] = {}
    yield from _entry_point(view, config, needed)
    if (folder := config.working_dir).startswith("/"):
        found = view.find(folder)
        if found is None or not found.node.is_folder:
            yield M16.found(_CONFIG, f"WORKDIR {folder} is no folder in the image")
        else:
            needed[found.path] = found
    path = _Path.of(view, config, python)
    if command_of(config).client and path.locate(CLIENT) is None:
        yield M23.found(_CONFIG, "awslambdaric is not in the image where Python would find it")
    yield from _handler(path, handler or command_of(config).handler, needed)
    if config.is_aws:
        yield from check_sdk(path.names(config.env.get("LAMBDA_TASK_ROOT", "/var/task")), R5)
    yield from _closed(needed)


def check_handler(
    view: View, config: RawConfig, *, handler: str | None, python: str | None
) -> Findings:
    """The handler's module where some layers are not known: it may lie in one of those."""
    needed: dict[str, Found] = {}
    path = _Path.of(view, config, python)
    for finding in _handler(path, handler or command_of(config).handler, needed):
        yield replace(
            finding, severity="warning", what=f"{finding.what}, as far as layers are here"
        )
    yield from _closed(needed)


def _entry_point(view: View, config: RawConfig, needed: dict[str, Found]) -> Findings:
    if not (config.argv and config.argv[0].startswith("/")):
        return
    found = view.find(config.argv[0])
    if found is None or found.node.entry is None or found.node.entry.kind != "file":
        yield M15.found(_CONFIG, f"{config.argv[0]} is no file in the image")
        return
    if found.linked:
        what = f"{config.argv[0]} is a symbolic link to /{found.path}"
        yield M15.found(_CONFIG, what, severity="warning")
    if not found.node.entry.mode & _ENTER:
        yield M15.found(found.node.entry.where, f"others may not run it ({_mode(found.node)})")
    else:
        needed[found.path] = found


class _Path(Struct, frozen=True, kw_only=True):
    """Where Python looks for modules."""

    view: View
    roots: tuple[str, ...]
    python: str | None

    @classmethod
    def of(cls, view: View, config: RawConfig, python: str | None) -> _Path:
        return cls(view=view, roots=import_roots(view, config), python=python)

    def names(self, folder: str) -> tuple[str, ...]:
        found = self.view.find(folder)
        return tuple(found.node.children) if found else ()

    def locate(self, module: str) -> Found | None:
        path = module_file(module, self.roots, self.names, self.python)
        return self.view.find(path) if path else None

    @property
    def redirected(self) -> bool:
        """An editable install names its folders in a file that only Python can read in full."""
        listed = (name for root in self.roots for name in self.names(root))
        return any("editable" in name for name in listed if name.endswith(".pth"))


def _handler(path: _Path, handler: str | None, needed: dict[str, Found]) -> Findings:
    if handler is None or malformed(handler):
        return
    if found := path.locate(module_path(handler)):
        needed[found.path] = found
        return
    places = ", ".join(f"/{root}" for root in path.roots[:4])
    what = (
        f"the module of {handler} is not in {places or 'the image'} or elsewhere on Python's path"
    )
    yield M22.found(_CONFIG, what, severity="warning" if path.redirected else "error")


def import_roots(view: View, config: RawConfig) -> tuple[str, ...]:
    """Folders that Python looks into, where they are there (lambda_rules R5, M23)."""
    asked = [config.env.get("LAMBDA_TASK_ROOT", "/var/task")] if config.is_aws else []
    asked.append(config.working_dir or "/")  # `-m` puts the working folder first
    asked.extend(filter(None, config.env.get("PYTHONPATH", "").split(":")))
    if config.is_aws:
        asked.extend(("/opt/python", "/var/runtime"))
    asked.extend(view.folders_named(("site-packages", "dist-packages")))
    found = (view.find(path) for path in asked)
    return tuple(dict.fromkeys(place.path for place in found if place and place.node.is_folder))


def _closed(needed: dict[str, Found]) -> Findings:
    """What must be open to others whoever made the layer, as nothing runs without it."""
    told: set[int] = set()
    for found in needed.values():
        for node, bits in _asked(found):
            entry = node.entry
            if entry is None or entry.mode & bits == bits or id(node) in told:
                continue
            told.add(id(node))
            yield P2.found(entry.where, f"others may not read it ({_mode(node)})", severity="error")


def _asked(found: Found) -> Iterator[tuple[Node, int]]:
    yield from ((parent, _ENTER) for parent in found.parents)
    yield found.node, _ENTER if found.node.is_folder else _READ


def _mode(node: Node) -> str:
    return f"mode {node.entry.mode:04o}" if node.entry else ""
