"""The rules of an image: its documents, its layers, what runs in it. Texts are `lambda_rules`'s."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from imagekit.check.findings import Rule

_MEDIA_TYPE = (
    "InvalidParameterValueException: The image manifest, config or layer media type "
    "for the source image <uri> is not supported."
)
_UNSUPPORTED_LAYER = (
    "InvalidImage: ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest <digest>"
)
_NO_PARENT = (
    "InvalidImage: MissingParentDirectory: Parent directory does not exist for file: <path>"
)
_IMPORT = "Runtime.ImportModuleError: Unable to import module '<module>'"


def _rule(
    code: str, title: str, source: str, confidence: str, lambda_says: str | None = None
) -> Rule:
    return Rule(
        id=code,
        title=title,
        severity="error",
        source=source,
        confidence=confidence,
        lambda_says=lambda_says,
    )


def _doubtful(
    code: str, title: str, source: str, confidence: str, lambda_says: str | None = None
) -> Rule:
    """A warning on what others made, an error on what imagekit made (decision 6)."""
    return Rule(
        id=code,
        title=title,
        severity="warning",
        source=source,
        confidence=confidence,
        lambda_says=lambda_says,
    )


def _advice(
    code: str, title: str, source: str, confidence: str, lambda_says: str | None = None
) -> Rule:
    """A warning on whatever made it: the artefact runs all the same."""
    return Rule(
        id=code,
        title=title,
        severity="warning",
        source=source,
        confidence=confidence,
        lambda_says=lambda_says,
        ours="warning",
    )


M1: Final = _rule("M1", "a single-image manifest", "AWS docs", "documented", _MEDIA_TYPE)
M2: Final = _rule(
    "M2", "no index or manifest list, not even of one image", "AWS docs", "documented", _MEDIA_TYPE
)
M2B: Final = _rule(
    "M2b", "no attestation among the layers", "VAMS docs", "reported", _UNSUPPORTED_LAYER
)
M4: Final = _rule("M4", "an image config's media type", "AWS's message", "inferred", _MEDIA_TYPE)
M5: Final = _rule(
    "M5", "a layer media type that Lambda takes", "rules_oci#777", "reported", _UNSUPPORTED_LAYER
)
M6: Final = _rule(
    "M6", "no uncompressed Docker layer", "rules_aws PR 145", "reported", _UNSUPPORTED_LAYER
)
M7: Final = _doubtful("M7", "no uncompressed OCI layer", "rules_aws PR 145", "reported, one source")
M8: Final = _rule("M8", "no zstd layer", "nothing found either way", "unknown: forbidden")
M9: Final = _rule("M9", "no foreign layer", "nothing found either way", "unknown: forbidden")
M10: Final = _doubtful(
    "M10", "manifest, config and layers of one family", "rules_aws PR 145", "inferred"
)
M11: Final = _advice("M11", "a manifest below 25,400 bytes", "AWS docs", "documented")
M12: Final = _rule(
    "M12",
    "a manifest of at most 4,194,304 characters",
    "ECR's service model",
    "documented",
    "InvalidParameterException",
)
M13: Final = replace(
    _rule("M13", "ENTRYPOINT, CMD, WORKDIR and ENV within 16 KB", "AWS docs", "documented limit"),
    hint="put large values into a file with `include`, or read them at run time, from SSM say",
)
M14: Final = _advice("M14", "nothing that Lambda ignores", "AWS docs", "documented")
M15: Final = _rule(
    "M15",
    "an entry point that is absolute, there, executable and no link",
    "AWS docs",
    "documented; as for links, source",
    "Runtime.InvalidEntrypoint",
)
M16: Final = _rule(
    "M16",
    "an absolute WORKDIR that is there",
    "AWS docs",
    "documented",
    "Runtime.InvalidWorkingDir",
)
M17: Final = _rule("M17", "an image for Linux", "AWS docs", "documented")
M18: Final = _rule(
    "M18",
    "the function's architecture",
    "many reports",
    "reported",
    "fork/exec: exec format error, Runtime.InvalidEntrypoint",
)
M20: Final = _rule(
    "M20", "bytes that are what the documents promise", "OCI and Docker image spec", "inferred"
)
M21: Final = _rule(
    "M21",
    "one argument, the handler, on AWS's base",
    "/lambda-entrypoint.sh",
    "source",
    "entrypoint requires the handler name to be the first argument, Runtime.ExitError",
)
M22: Final = _rule(
    "M22", "a handler whose module is there", "awslambdaric 4.2.2", "source", _IMPORT
)
M23: Final = _rule(
    "M23",
    "the runtime client, and a handler for it",
    "awslambdaric 4.2.2",
    "source",
    "ValueError: Handler not set",
)
E10: Final = _doubtful(
    "E10",
    "a manifest that states its media type",
    "containers/image#584",
    "reported",
    "405 UNSUPPORTED: Invalid parameter at 'ImageManifest' failed to satisfy constraint: "
    "'Invalid JSON syntax'",
)
T1: Final = _rule(
    "T1",
    "every folder written out in the same layer",
    "apko, rules_img#258",
    "reported",
    _NO_PARENT,
)
T2: Final = _rule("T2", "folders before what they hold", "tar.bzl#76", "reported", _NO_PARENT)
T3: Final = _doubtful(
    "T3", "no hard links", "rules_aws PR 145", "reported, one source", _UNSUPPORTED_LAYER
)
T5: Final = _rule(
    "T5", "gzip where the manifest says gzip", "rules_aws PR 145", "reported", _UNSUPPORTED_LAYER
)
T6: Final = _rule(
    "T6",
    "at most 10 GiB of uncompressed layers",
    "AWS docs",
    "documented",
    "InvalidImage(SizeLimitExceeded: Uncompressed container image size exceeds 10 GiB limit)",
)
T7: Final = _advice("T7", "at most 127 layers", "ECR's old quotas", "documented, old")
T8: Final = _rule("T8", "a layer, and none of zero bytes", "containers-roadmap#1074", "reported")
T9: Final = _doubtful("T9", "each path once in a layer", "docker-squash#118", "inferred")
T10: Final = _doubtful("T10", "files, folders and symbolic links alone", "-", "inferred")
T11: Final = _doubtful("T11", "no extended attributes", "-", "inferred")
T12: Final = _doubtful("T12", "whole seconds in times", "-", "inferred")
T14: Final = _doubtful("T14", "no real file named .wh.*", "OCI image spec", "inferred")
T15: Final = _doubtful("T15", "relative paths without ./ or ..", "-", "inferred")
P2: Final = _doubtful(
    "P2",
    "files that anyone may read, folders and programs that anyone may enter and run",
    "AWS docs",
    "documented",
    "[Errno 13] Permission denied: '<path>'",
)
R1: Final = _rule(
    "R1",
    "shared objects for this machine, this glibc, this Python",
    "aws-lambda-builders",
    "source",
    "Runtime.ImportModuleError: GLIBC_<x.yy> not found, or invalid ELF header",
)
R3: Final = _advice("R3", "the AWS base's PATH and LD_LIBRARY_PATH kept", "AWS's base", "source")
R5: Final = _advice("R5", "boto3 beside its own dependencies", "AWS docs", "documented")
R7: Final = _advice(
    "R7", "PYTHONPATH appended to on AWS's base, not replaced", "web-adapter#453", "reported"
)
C6: Final = _doubtful("C6", "no bytecode without its source", "CPython", "inferred")
C7: Final = _doubtful("C7", "bytecode that fits its source", "CPython", "local")
C8: Final = _doubtful("C8", "bytecode of this Python's minor version", "AWS docs", "documented")
# docs.aws.amazon.com/lambda/latest/dg/extensions-configuration.html, and Lambda's own runtime
# interface emulator: each name in /opt/extensions that is no folder is started as a program.
X1: Final = _rule(
    "X1",
    "programs alone in /opt/extensions, which anyone may run",
    "AWS docs",
    "documented",
    "Extension.LaunchError",
)
X2: Final = _rule(
    "X2", "at most 10 extensions", "AWS docs", "documented", "Extension.TooManyExtensions"
)
Z1: Final = _rule(
    "Z1",
    "less than 262,144,000 bytes unzipped, with Lambda layers",
    "recorded by LocalStack",
    "AWS-recorded",
    "Unzipped size must be smaller than 262144000 bytes",
)
Z2: Final = _advice(
    "Z2",
    "at most 52,428,800 bytes for a direct upload",
    "recorded by LocalStack",
    "AWS-recorded",
    "Zipped size must be smaller than 52428800 bytes",
)
Z5: Final = _rule(
    "Z5",
    "at most five Lambda layers",
    "recorded by LocalStack",
    "AWS-recorded",
    "Cannot reference more than 5 layers.",
)
Z6: Final = _rule(
    "Z6", "packages of a Lambda layer below python/", "AWS docs", "documented", _IMPORT
)
Z7: Final = _rule("Z7", "the handler's module at the ZIP's root", "AWS docs", "documented", _IMPORT)
Z8: Final = _doubtful("Z8", "Unix modes stored", "AWS docs", "documented")
Z9: Final = _doubtful("Z9", "times from 1980 on", "CPython", "local")
Z10: Final = _doubtful("Z10", "links that lead somewhere", "aws-sam-cli#477", "reported")
Z11: Final = _rule(
    "Z11",
    "a ZIP that can be read, with something in it",
    "user logs",
    "reported",
    "Could not unzip uploaded file. Please check your file, then try to upload again.",
)
Z13: Final = _advice("Z13", "boto3 beside its own dependencies", "AWS docs", "documented")
Z14: Final = _doubtful(
    "Z14", "stored or deflated members, each name once, no ZIP64", "nothing found", "unknown"
)

U1: Final = _rule(
    "U1",
    "a loader that runs first, and what it unpacks, whole",
    "imagekit",
    "source",
    "BundleError: part <n> of <archive> is not what was built",
)
U2: Final = _rule(
    "U2",
    "the Lambda layers that a ZIP names, as they were built, with nothing hidden by its code",
    "imagekit",
    "source",
    _IMPORT,
)


def rules_table() -> tuple[Rule, ...]:
    """Every rule, in the order of `lambda_rules`."""
    return tuple(value for value in globals().values() if isinstance(value, Rule))
