"""A manifest and a config as whoever made them wrote them: read without refusing what is odd."""

from __future__ import annotations

import json

from msgspec import Struct, field

Json = dict[str, object]


class RawDescriptor(Struct, frozen=True, kw_only=True):
    """What a manifest says of a blob."""

    media_type: str = ""
    digest: str = ""
    size_bytes: int = -1


class RawManifest(Struct, frozen=True, kw_only=True):
    """A manifest, or an index where `is_index`."""

    length: int
    characters: int
    media_type: str
    """What it says itself; empty where it says nothing."""
    is_index: bool
    attestations: bool
    """An index of which some entries are no images (BuildKit's provenance)."""
    config: RawDescriptor
    layers: tuple[RawDescriptor, ...] = ()


class RawConfig(Struct, frozen=True, kw_only=True):
    """What Lambda honours of a config, and what it ignores (lambda_rules M14)."""

    architecture: str
    os: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_dir: str = ""
    env: dict[str, str] = field(default_factory=dict)
    diff_ids: tuple[str, ...] | None = None
    """None where the config has no list of them."""
    ignored: tuple[str, ...] = ()
    """Settings that are there and mean nothing on Lambda."""
    settings_bytes: int = 0
    """Of ENTRYPOINT, CMD, WORKDIR and ENV as JSON: what lambda_rules M13 is measured by."""

    @property
    def argv(self) -> tuple[str, ...]:
        """What is started."""
        return self.entrypoint + self.command

    @property
    def is_aws(self) -> bool:
        """Whether the image stands on AWS's own base (lambda_rules R3)."""
        return bool(self.argv) and self.argv[0].endswith("/lambda-entrypoint.sh")


def parse_manifest(data: bytes) -> RawManifest | None:
    """Read it; None where it is no JSON object."""
    if (value := _object(data)) is None:
        return None
    entries = _objects(value.get("manifests"))
    return RawManifest(
        length=len(data),
        characters=len(data.decode("utf-8", "replace")),
        media_type=_text(value.get("mediaType")),
        is_index=isinstance(value.get("manifests"), list),
        attestations=any(_is_attestation(entry) for entry in entries),
        config=_descriptor(_dict(value.get("config"))),
        layers=tuple(_descriptor(layer) for layer in _objects(value.get("layers"))),
    )


def parse_config(data: bytes) -> RawConfig | None:
    """Read it; None where it is no JSON object."""
    if (value := _object(data)) is None:
        return None
    config, rootfs = _dict(value.get("config")), _dict(value.get("rootfs"))
    diff_ids = rootfs.get("diff_ids")
    honoured = {key: config.get(key) for key in ("Entrypoint", "Cmd", "WorkingDir", "Env")}
    pairs = (item.partition("=") for item in _texts(config.get("Env")))
    return RawConfig(
        architecture=_text(value.get("architecture")),
        os=_text(value.get("os")),
        entrypoint=_texts(config.get("Entrypoint")),
        command=_texts(config.get("Cmd")),
        working_dir=_text(config.get("WorkingDir")),
        env={name: text for name, _, text in pairs},
        diff_ids=_texts(diff_ids) if isinstance(diff_ids, list) else None,
        ignored=tuple(_ignored(config)),
        settings_bytes=len(
            json.dumps(honoured, ensure_ascii=False, separators=(",", ":")).encode()
        ),
    )


def _ignored(config: Json) -> list[str]:
    """EXPOSE is not among them: it changes nothing on Docker, either."""
    found = []
    if user := config.get("User"):
        found.append(f"USER {user}")
    if volumes := _dict(config.get("Volumes")):
        found.append(f"VOLUME {' '.join(volumes)}")
    if config.get("Healthcheck"):
        found.append("HEALTHCHECK")
    if signal := config.get("StopSignal"):
        found.append(f"STOPSIGNAL {signal}")
    return found


def _is_attestation(entry: Json) -> bool:
    unknown = _dict(entry.get("platform")).get("architecture") == "unknown"
    return unknown or "vnd.docker.reference.type" in _dict(entry.get("annotations"))


def _descriptor(value: Json) -> RawDescriptor:
    size = value.get("size")
    return RawDescriptor(
        media_type=_text(value.get("mediaType")),
        digest=_text(value.get("digest")),
        size_bytes=size if isinstance(size, int) else -1,
    )


def _object(data: bytes) -> Json | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [_dict(item) for item in value] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in value) if isinstance(value, list) else ()
