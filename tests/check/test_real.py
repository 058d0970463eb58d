"""Images that others made, and that are known to run: warnings at most."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from imagekit.check.image import check_image
from imagekit.check.opened import OpenImage, OpenLayer
from imagekit.oci.archive import read_archive
from imagekit.oci.image import Image
from tests.services.docker import connect
from tests.services.images import MadeLayer

NAME = "imagekit-test-check:made"
DOCKERFILE = b"""
FROM scratch
ADD base.tar.gz /
RUN mkdir /opt/links && echo one > /opt/links/a && ln /opt/links/a /opt/links/b \
 && ln -s a /opt/links/c && rm -rf /usr/share/doc /etc/issue \
 && python3.13 -m compileall -q /usr/lib/python3.13/json
WORKDIR /var/task
RUN mkdir awslambdaric && touch awslambdaric/__init__.py awslambdaric/__main__.py app.py
ENTRYPOINT ["/usr/bin/python3.13", "-m", "awslambdaric"]
CMD ["app.handler"]
"""


def opened(image: Image) -> OpenImage:
    return OpenImage(
        name=NAME,
        manifest_bytes=None if image.made_up else image.manifest,
        media_type=image.media_type,
        config_bytes=image.config,
        layers=tuple(
            OpenLayer(
                descriptor=None if image.made_up else layer.descriptor,
                diff_id=layer.diff_id,
                open=layer.open,
            )
            for layer in image.layers
        ),
    )


def context(layer: Path) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(DOCKERFILE)
        archive.addfile(info, io.BytesIO(DOCKERFILE))
        archive.add(layer, "base.tar.gz")
    out.seek(0)
    return out


def built(client: Any, layer: Path, archive: Path) -> None:
    """What `docker build` and `docker save` make of it; nothing is left in the engine."""
    try:
        client.images.build(
            fileobj=context(layer),
            custom_context=True,
            tag=NAME,
            network_mode="none",
            rm=True,
            forcerm=True,
        )
        with archive.open("wb") as file:
            file.writelines(client.images.get(NAME).save(named=True))
    finally:
        if client.images.list(NAME):
            client.images.remove(NAME, force=True)


def test_an_image_that_docker_built(
    docker_engine: str, debian_layer: MadeLayer, tmp_path: Path
) -> None:
    """Debian with closed files, hard links and removed folders: it runs, so nothing is an error.

    Everything else holds: parents, whiteouts, diff_ids, the entry point, bytecode that
    `compileall` and Debian made.
    """
    client = connect(docker_engine)
    try:
        built(client, debian_layer.path, tmp_path / "saved.tar")
    finally:
        client.close()
    image = opened(read_archive(tmp_path / "saved.tar"))
    report = check_image(image)

    assert report.errors == ()
    assert [finding.rule for finding in report.findings] == ["T3", "P2"]
    assert report.findings[0].place.endswith(": opt/links/b")
    assert report.unseen == ()
    assert {"M15", "M16", "M20", "M22", "M23", "T1", "C7", "T6"} <= set(report.rules_run)
