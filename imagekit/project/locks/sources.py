"""The indexes that a poetry or pdm project names, as uv is told of them.

Credentials are not looked for here: only what the URLs themselves hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from imagekit.project.locks.toml import table

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def uv_environ(
    index: str | None, pyproject: Mapping[str, object], environ: Mapping[str, str]
) -> dict[str, str]:
    """What to set so that uv finds packages where the project's own tool does.

    `index` is the URL that a poetry.lock names for a package: that one alone is asked. Else the
    sources of `[[tool.pdm.source]]` are; pdm, like pip, takes the best version of all of them.
    Variables and not arguments: a URL may hold a password, and arguments are for all to see.
    """
    if index is not None:
        return {"UV_DEFAULT_INDEX": index}
    found: dict[str, list[str]] = {"": [], "UV_DEFAULT_INDEX": [], "UV_FIND_LINKS": []}
    sources = table(pyproject, "tool", "pdm").get("source")
    for source in sources if isinstance(sources, list) else []:
        if not isinstance(source, Mapping) or not isinstance(source.get("url"), str):
            continue
        url = _VARIABLE.sub(lambda match: environ.get(match[1], match[0]), source["url"])
        if source.get("type") == "find_links":
            found["UV_FIND_LINKS"].append(url)
        else:
            # The source called `pypi` takes PyPI's place.
            found["UV_DEFAULT_INDEX" if source.get("name") == "pypi" else ""].append(url)
    extra = found.pop("")
    said = {key: ",".join(urls) for key, urls in found.items() if urls}
    if extra:
        said["UV_INDEX"] = " ".join([*extra, *environ.get("UV_INDEX", "").split()])
        said["UV_INDEX_STRATEGY"] = environ.get("UV_INDEX_STRATEGY", "unsafe-best-match")
    return said
