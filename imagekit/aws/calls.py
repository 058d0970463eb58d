"""One call to AWS: errors become values, and what only describes is tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from imagekit.aws.refusals import hint_for
from imagekit.model.errors import AwsRefused
from imagekit.net.retry import with_retries

T = TypeVar("T")

NOT_FOUND = frozenset({"ResourceNotFoundException", "404", "NoSuchKey", "NotFound"})

# lambda_rules L10, L18, and "Common Errors" of AWS's API references.
_TEMPORARY = frozenset(
    {
        "EC2ThrottledException",
        "InternalFailure",
        "PreconditionFailedException",
        "RequestLimitExceeded",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "ServiceException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# IAM tells the rest of AWS after some seconds, and neither has a code of its own (L6).
_NOT_YET = ("cannot be assumed by Lambda", "does not have permission to access the ECR image")


class Calls(Struct, frozen=True, kw_only=True):
    """Makes calls for one identity; `sleep` takes seconds."""

    environ: Mapping[str, str]
    sleep: Callable[[float], None]

    def describe(self, what: str, action: str, call: Callable[[], T]) -> T:
        """A call that changes nothing: tried again while that may help. Raises AwsRefused."""
        return with_retries(lambda: self.change(what, action, call), sleep=self.sleep)

    def find(self, what: str, action: str, call: Callable[[], T]) -> T | None:
        """As `describe`, None where there is no such thing."""
        try:
            return self.describe(what, action, call)
        except AwsRefused as error:
            if error.code in NOT_FOUND:
                return None
            raise

    def change(self, what: str, action: str, call: Callable[[], T]) -> T:
        """A call that changes something, made once: after an error look again what is there.

        `what` says in words what was asked for, `action` the permission that it needs. Raises
        AwsRefused, whose cause has AWS's own words.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            return call()
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise self._refused(what, action, error) from error

    def _refused(self, what: str, action: str, error: Exception) -> AwsRefused:
        response = getattr(error, "response", None)
        if not isinstance(response, dict):
            return AwsRefused(
                what=f"AWS did not answer: {what}",
                action=action,
                code=type(error).__name__,
                temporary=_cut_off(error),
                hint=hint_for(error, self.environ, action),
            )
        told = response.get("Error", {})
        code, message = str(told.get("Code", "")), str(told.get("Message", ""))
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        refused = code.startswith(("AccessDenied", "Expired", "Unrecognized", "Invalid"))
        return AwsRefused(
            what=f"AWS refused: {what}",
            action=action,
            code=code,
            temporary=code in _TEMPORARY
            or status == 429
            or status >= 500
            or any(words in message for words in _NOT_YET),
            hint=hint_for(error, self.environ, action) if refused else None,
        )


def _cut_off(error: Exception) -> bool:
    """Whether the way to AWS broke: the next try may get through."""
    from botocore import exceptions
    from botocore.exceptions import ProxyConnectionError, SSLError
    from botocore.parsers import ResponseParserError

    broken = (exceptions.ConnectionError, exceptions.HTTPClientError, ResponseParserError)
    return isinstance(error, broken) and not isinstance(error, (ProxyConnectionError, SSLError))
