"""Functions of the same contents, which one image serves: they differ by their handler alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from imagekit.project.config import FunctionConfig


def with_shared(functions: Sequence[FunctionConfig]) -> Iterator[FunctionConfig]:
    """Each function, with the handler of the image that it would share with others.

    That is the handler of the first one of the same contents, in the order of the files, so that
    it makes no difference which of them a run is about. `functions` are all of the project.
    """
    groups: list[list[FunctionConfig]] = []
    for function in functions:
        group = next((one for one in groups if _contents(one[0]) == _contents(function)), None)
        if group is None:
            groups.append(group := [])
        group.append(function)
    first = {one.name: group[0].handler for group in groups if len(group) > 1 for one in group}
    for function in functions:
        yield replace(function, shared_handler=first.get(function.name))


def _contents(function: FunctionConfig) -> tuple[object, ...]:
    """What an image is made of, its command left out."""
    return (
        function.root,
        (function.source, function.include, function.exclude),
        (function.groups, function.extras, function.member, function.lock),
        (function.env, function.labels),
        (function.base, function.python, function.architectures, function.extensions),
        (function.system, function.run, function.dockerfile),
        (function.packaging, function.bytecode, function.slim),
    )
