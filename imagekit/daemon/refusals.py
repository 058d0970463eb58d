"""What goes wrong with a Docker Engine, in imagekit's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagekit.model.errors import RemoteRefused


@contextmanager
def refusals(command: str, hint: str | None = None) -> Iterator[None]:
    """What the Docker SDK raises as a RemoteRefused with what the engine said."""
    import requests
    from docker.errors import APIError, DockerException, NotFound

    try:
        yield
    except NotFound as error:
        why = str(error.explanation or error)
        raise RemoteRefused(what=f"{command} failed", causes=(why,), hint=hint) from error
    except APIError as error:
        why = str(error.explanation or error)
        raise RemoteRefused(what=f"{command} failed", causes=(why,)) from error
    except (DockerException, requests.RequestException) as error:
        raise RemoteRefused(what=f"{command} failed", causes=(str(error),)) from error
