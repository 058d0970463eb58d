"""A template of SAM or CloudFormation: the Python functions among its resources.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imagekit.project.survey.folder import Folder
from imagekit.project.survey.template_function import TemplateFunction
from imagekit.project.survey.values import Notes, Reading
from imagekit.project.survey.yaml_nodes import Node

_SERVERLESS = "AWS::Serverless::Function"
_FUNCTIONS = (_SERVERLESS, "AWS::Lambda::Function")
# sam-specification-template-anatomy-globals.html, "Lists are additive". A function on two
# architectures does not exist, so its own takes the place of the global one.
_REPLACED = frozenset({"Architectures"})


def read_template(node: Node, file: str, folder: Folder) -> Reading:
    """Every Python function of a template that parses, and what of it stays with the template."""
    notes = Notes()
    read = [resource.read() for resource in _resources(node, file, folder, notes)]
    return notes.reading(*(function for function in read if function is not None))


def is_template(node: Node) -> bool:
    """Whether a document is a template at all."""
    return node.get("Resources") is not None


def _resources(node: Node, file: str, folder: Folder, notes: Notes) -> Iterator[TemplateFunction]:
    shared = node.get("Globals", "Function")
    parameters = node.get("Parameters")
    defaults = {
        name: default
        for name, one in (parameters.items() if parameters else ())
        if (default := one.get("Default")) is not None
    }
    resources = node.get("Resources")
    for name, resource in resources.items() if resources else ():
        kind = resource.get("Type")
        if kind is None or kind.text not in _FUNCTIONS:
            continue
        own = resource.get("Properties") or Node({}, resource.line)
        above = dict(shared.items()) if shared and kind.text == _SERVERLESS else {}
        yield TemplateFunction(
            file=file,
            name=name,
            line=resource.line,
            properties=_merged(above, dict(own.items())),
            metadata=resource.get("Metadata"),
            defaults=defaults,
            folder=folder,
            notes=notes,
        )


def _merged(above: Mapping[str, Node], own: Mapping[str, Node]) -> dict[str, Node]:
    """A function's properties over the global ones: tables by entry, lists one after the other."""
    merged = dict(above)
    for key, node in own.items():
        other = merged.get(key)
        if other is None or key in _REPLACED or node.computed or other.computed:
            merged[key] = node
        elif isinstance(node.value, Mapping) and isinstance(other.value, Mapping):
            merged[key] = Node(_merged(other.value, node.value), node.line, "map")
        elif isinstance(node.value, tuple) and isinstance(other.value, tuple):
            merged[key] = Node((*other.value, *node.value), node.line, "list")
        else:
            merged[key] = node
    return merged
