"""The keys that say what an artefact is made without: `slim` and its lists."""

from __future__ import annotations

import re

from imagekit.model.slim import PROFILES, Profile
from imagekit.project.config_table import Table

KEYS = ("botocore_services", "drop", "exclude_packages", "keep", "provided", "slim")

# packaging.python.org/specifications/name-normalization
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*")


def read_profile(table: Table) -> Profile | None:
    """`slim`, one of three words; a flag is told which words it could have meant."""
    value = table.values.get("slim")
    if isinstance(value, bool):
        word = "safe" if value else "off"
        what = f"{str(value).lower()} must be one of: {', '.join(PROFILES)}"
        table.problem("slim", what, f'write `slim = "{word}"`')
        return None
    return table.word("slim", PROFILES)


def read_packages(table: Table, key: str) -> tuple[str, ...] | None:
    """Names of packages, normalised as locks have them."""
    names = table.texts(key)
    if names is None:
        return None
    for name in names:
        if not _NAME.fullmatch(name):
            what = f"{name!r} is not the name of a package; versions are the lock's"
            table.problem(key, what)
    return tuple(sorted({re.sub(r"[-_.]+", "-", name).lower() for name in names}))


def read_services(table: Table) -> tuple[str, ...] | None:
    """Services of AWS, by the names that `boto3.client` takes."""
    key = "botocore_services"
    names = table.texts(key)
    for name in names or ():
        if not _SERVICE.fullmatch(name):
            hint = f'write `{key} = ["{name.lower()}"]`' if name != name.lower() else None
            table.problem(key, f"{name!r} is not the name that `boto3.client` takes", hint)
    if names == ():
        table.problem(key, "must name a service, such as s3; leave it out to keep all")
    return names if names is None else tuple(sorted(set(names)))
