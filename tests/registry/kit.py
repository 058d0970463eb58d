"""What the tests of this room are made of: clients, images, and a sleep that only notes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from imagekit.model.digest import Digest
from imagekit.model.image import CONFIG, LAYER, MANIFEST, Descriptor
from imagekit.model.reference import Reference
from imagekit.net.http import BytesBody
from imagekit.net.transport import connect
from imagekit.registry.client import Registry
from imagekit.registry.credentials import Credentials, EcrToken
from imagekit.registry.push import PushPlan, Upload

TYPE = MANIFEST["oci"]
NOWHERE = Path("no-such-home")


@contextmanager
def client(
    *,
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, str] | None = None,
    waits: list[float] | None = None,
    ecr: EcrToken | None = None,
) -> Iterator[Registry]:
    """A registry client over real connections that never waits; `waits` notes for how long."""
    transport = connect({})
    noted = waits if waits is not None else []
    credentials = Credentials(environ or {}, home=NOWHERE, ecr=ecr)
    try:
        yield Registry(transport, credentials, endpoints=endpoints or {}, sleep=noted.append)
    finally:
        transport.close()


def logins(folder: Path, registry: str, auth: str) -> dict[str, str]:
    """An environment whose Docker configuration has `auth` (base64) for `registry`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}


def descriptor(data: bytes, media_type: str = LAYER["oci"]) -> Descriptor:
    """Points at `data`."""
    return Descriptor(media_type=media_type, digest=Digest.of(data), size_bytes=len(data))


def upload(data: bytes, *, copy_from: Reference | None = None, local: bool = True) -> Upload:
    """A blob with its bytes at hand, or not."""
    body = BytesBody(data) if local else None
    return Upload(descriptor=descriptor(data), body=body, copy_from=copy_from)


def image(blobs: Sequence[Upload], config: bytes = b'{"config": 1}') -> PushPlan:
    """A single image of these layers."""
    settings = Upload(descriptor=descriptor(config, CONFIG["oci"]), body=BytesBody(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": TYPE,
        "config": _json(settings.descriptor),
        "layers": [_json(blob.descriptor) for blob in blobs],
    }
    data = json.dumps(manifest).encode()
    return PushPlan(
        manifest=data, media_type=TYPE, digest=Digest.of(data), blobs=(*blobs, settings)
    )


def _json(one: Descriptor) -> dict[str, object]:
    return {"mediaType": one.media_type, "digest": str(one.digest), "size": one.size_bytes}
