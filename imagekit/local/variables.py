"""The variables that Lambda sets. Pure.

docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Defined runtime environment
variables".
"""

from __future__ import annotations

from collections.abc import Mapping

from imagekit.model.invocation import Limits

ACCOUNT = "012345678912"
"""Whose function it is here: the account that AWS's own emulator names."""

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

# Enough for a client to be made, and for nothing else: there is no network.
_NOBODY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def variables_of(name: str, limits: Limits, region: str, handler: str) -> dict[str, str]:
    """Of every function; nothing can set them otherwise."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(limits.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "HOME": "/home/sbx_user1051",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
        "_HANDLER": handler,
    }


def managed_variables(runtime: str) -> dict[str, str]:
    """Of a ZIP, where the image that stands in for its runtime has none of its own."""
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": (
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"
            "/var/task/lib:/opt/lib"
        ),
    }


def account_variables(credentials: Mapping[str, str]) -> dict[str, str]:
    """Who the function is to AWS: whoever was given, else nobody."""
    return dict(credentials) or dict(_NOBODY)


def arn_of(name: str, region: str) -> str:
    """The function's ARN here."""
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"
