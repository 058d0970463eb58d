"""What helps after AWS refused."""

from __future__ import annotations

from collections.abc import Mapping

_EXPIRED_LOGIN = frozenset(
    {
        "LoginRefreshRequired",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
_NOBODY = frozenset({"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError"})
_CONFIGURED = {
    "ProfileNotFound": "aws configure list-profiles",
    "InvalidRegionError": "set AWS_REGION, or `region` of the stage, to one such as eu-west-1",
}
_EXPIRED_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
)


def hint_for(error: Exception, environ: Mapping[str, str], action: str) -> str:
    """What to type after botocore's `error`; `action` is the permission that was needed."""
    code = _code(error)
    profile = environ.get("AWS_PROFILE")
    named = f" --profile {profile}" if profile else ""
    if code in _EXPIRED_LOGIN:
        return f"aws sso login{named}"
    if code in _NOBODY:
        return f"aws configure{named}, or aws sso login{named}, or set AWS_PROFILE"
    if code in _CONFIGURED:
        return _CONFIGURED[code]
    if code in _EXPIRED_KEYS:
        return "get new credentials; aws sts get-caller-identity says whether they are good"
    if code.startswith("AccessDenied"):
        return f"aws sts get-caller-identity, and allow it {action}"
    return "aws sts get-caller-identity, or check the region and HTTPS_PROXY"


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    said = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(said or type(error).__name__)
