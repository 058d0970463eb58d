"""Between Lambda's JSON and our values."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from imagekit.model.digest import Digest
from imagekit.model.function import AliasState, FunctionState
from imagekit.model.release import Code
from imagekit.model.target import Architecture

# What a published version keeps; the rest tells about the moment, or differs between $LATEST and
# its version by itself (botocore, lambda/2015-03-31, FunctionConfiguration).
_KEPT = (
    "DeadLetterConfig",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "KMSKeyArn",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
)


def function_state(answer: Mapping[str, Any]) -> FunctionState:
    """GetFunction's answer, or `{"Configuration": …}` of another call's."""
    found: Mapping[str, Any] = answer["Configuration"]
    code: Mapping[str, Any] = answer.get("Code") or {}
    version = str(found.get("Version") or "$LATEST")
    architectures = found.get("Architectures") or ["x86_64"]
    return FunctionState(
        name=found["FunctionName"],
        arn=found["FunctionArn"].removesuffix(f":{version}"),
        version=version,
        package="image" if found.get("PackageType") == "Image" else "zip",
        architecture=cast("Architecture", architectures[0]),
        code=found.get("CodeSha256") or "",
        configuration=_fingerprint(found),
        image=code.get("ResolvedImageUri"),
        location=code.get("Location"),
        runtime=found.get("Runtime"),
        handler=found.get("Handler"),
        description=found.get("Description") or "",
        memory=found.get("MemorySize") or 128,
        timeout=found.get("Timeout") or 3,
        storage=(found.get("EphemeralStorage") or {}).get("Size") or 512,
        role=found.get("Role") or "",
        env=_variables(found),
        env_hidden=((found.get("Environment") or {}).get("Error") or {}).get("Message") or "",
        layers=_layers(found),
        snapstart=_snapstart(found),
        state=found.get("State") or "Active",
        state_code=found.get("StateReasonCode") or "",
        state_reason=found.get("StateReason") or "",
        update=found.get("LastUpdateStatus") or "Successful",
        update_code=found.get("LastUpdateStatusReasonCode") or "",
        update_reason=found.get("LastUpdateStatusReason") or "",
        revision=found.get("RevisionId"),
        tags=tuple(sorted((answer.get("Tags") or {}).items())),
        image_config=_image_config(found),
    )


def alias_state(answer: Mapping[str, Any]) -> AliasState:
    """An alias, as every call about one answers it."""
    routing = (answer.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return AliasState(
        name=answer["Name"],
        version=answer["FunctionVersion"],
        routing=tuple(sorted(routing.items())),
        revision=answer.get("RevisionId"),
    )


def base64_of(digest: Digest) -> str:
    """As `CodeSha256` says it of an archive (lambda_rules L8)."""
    return base64.b64encode(bytes.fromhex(digest.hex)).decode()


def code_fields(code: Code) -> dict[str, object]:
    """The code as CreateFunction and UpdateFunctionCode take it."""
    if code.image is not None:
        return {"ImageUri": code.image}
    if code.file is not None:
        return {"ZipFile": code.file.read_bytes()}
    return {"S3Bucket": code.bucket, "S3Key": code.key}


def _fingerprint(found: Mapping[str, Any]) -> str:
    kept = {key: found.get(key) or None for key in _KEPT}
    vpc = found.get("VpcConfig") or {}
    kept |= {
        "Architectures": found.get("Architectures") or ["x86_64"],
        "Environment": _variables(found),
        "ImageConfig": dict(_image_config(found)),
        "Layers": [arn for arn, _ in _layers(found)],
        "SnapStart": _snapstart(found),
        "VpcConfig": [sorted(vpc.get(key) or ()) for key in ("SubnetIds", "SecurityGroupIds")],
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _image_config(found: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    said = (found.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    values = ((key, tuple(one) if isinstance(one, list) else one) for key, one in said.items())
    return tuple(sorted((key, value) for key, value in values if value))


def _variables(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(((found.get("Environment") or {}).get("Variables") or {}).items()))


def _layers(found: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    return tuple((one["Arn"], one.get("CodeSize") or 0) for one in found.get("Layers") or ())


def _snapstart(found: Mapping[str, Any]) -> bool:
    return (found.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
