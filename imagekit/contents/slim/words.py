"""Words of the configuration that name nothing: no service of botocore's, no file of a package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from imagekit.contents.facts import wheel_facts
from imagekit.contents.slim.models import CREDENTIALS, services_in
from imagekit.contents.slim.rules import named_by
from imagekit.model.digest import Digest
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE
from imagekit.store import Store

_KIND = "unused-patterns"


def unknown_services(
    services: Sequence[str], packages: Sequence[Package], store: Store
) -> Iterator[str]:
    """What to say of each of `services` that botocore has no model of; nothing without botocore."""
    botocore = next((one for one in packages if one.name == "botocore"), None)
    if not services or botocore is None:
        return
    known = services_in(_files(botocore, store))
    for name in services if known else ():
        if name not in known and name not in CREDENTIALS:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{name!r} is no service of {botocore.label}{hint}"


def unused_patterns(
    patterns: Sequence[str], packages: Sequence[Package], store: Store
) -> tuple[str, ...]:
    """Which of `patterns` name no file of the wheels; one small record for all of them.

    None of them where a wheel's files are not known, as its weight was told by an image.
    """
    if not patterns:
        return ()
    wheels = sorted(package.wheel.digest.hex for package in packages)
    key = Digest.of("\n".join([*patterns, "", *wheels]).encode()).hex
    match store.record(_KIND, key):
        case {"unused": list(known)}:
            return tuple(map(str, known))
    files = [_files(package, store) for package in packages]
    if not all(files):
        return ()
    paths = [path for one in files for path in one]
    unused = [one for one in patterns if not any(map(named_by((one,)), paths))]
    store.put_record(_KIND, key, {"unused": unused})
    return tuple(unused)


def _files(package: Package, store: Store) -> Sequence[str]:
    facts = wheel_facts(replace(package, slim=WHOLE), store)
    return [file.path for file in facts.files] if facts else []
