"""Reads ranges of one object of S3 with the function's own credentials: the standard library alone.

boto3 would take 0.3 s to import before a byte is asked for, and the function's own boto3 may lie in
that very object. Signature Version 4:
docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NamedTuple

_PAUSES = (0.1, 0.3, 1.0)
_SECONDS = 5.0
"""Without an answer; init as a whole has 10 (lambda_rules C1)."""
_EMPTY = hashlib.sha256(b"").hexdigest()
_SIGNED = "host;range;x-amz-content-sha256;x-amz-date"
_REGION = "x-amz-bucket-region"

BundleError: type[Exception] = import_module(f"{__package__}.start").BundleError


class Credentials(NamedTuple):
    """Of the function's role."""

    key: str
    secret: str
    token: str | None = None


class Object:
    """`with Object(…) as read:` then `read(offset, length)`, from any thread."""

    def __init__(self, bucket: str, key: str, environ: Mapping[str, str]) -> None:
        self._name = f"s3://{bucket}/{key}"
        self._bucket, self._key, self._environ = bucket, key, environ
        self._region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION", "us-east-1")
        self._credentials = credentials(environ)
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Callable[[int, int], bytes]:
        return self.read

    def __exit__(self, *_: object) -> None:
        for connection in self._open:
            connection.close()

    def read(self, offset: int, length: int) -> bytes:
        """A range of the object; BundleError where S3 keeps refusing, says why."""
        what = ""
        for pause in (*_PAUSES, None):
            try:
                status, data = self._get(f"bytes={offset}-{offset + length - 1}")
            except (OSError, http.client.HTTPException) as error:
                self._local.connection = None
                what = f"{type(error).__name__}: {error}"
            else:
                if status == 206 or (status == 200 and len(data) == length):
                    return data
                what = f"HTTP {status} {_code(data)}".rstrip()
                if status < 500 and status != 429:
                    break
            if pause is not None:
                time.sleep(pause)
        raise BundleError(
            f"{self._name} cannot be read ({what}): the function's role needs s3:GetObject there, "
            "and `imagekit deploy` uploads it"
        )

    def _get(self, wanted: str) -> tuple[int, bytes]:
        status, data, region = self._asked(wanted)
        if status in (301, 307, 400) and region not in (None, self._region):
            # The bucket lies elsewhere: asked again there, and from now on.
            self._region = region
            self._local.connection = None
            status, data, _ = self._asked(wanted)
        return status, data

    def _asked(self, wanted: str) -> tuple[int, bytes, str | None]:
        url = address(self._bucket, self._key, self._region, self._environ)
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = signed(url, wanted, now, self._region, self._credentials)
        connection = self._connection(url)
        connection.request("GET", url.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get(_REGION)

    def _connection(self, url: urllib.parse.SplitResult) -> http.client.HTTPConnection:
        """One for each thread, kept open."""
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            secure = url.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            connection = kind(url.netloc, timeout=_SECONDS)
            self._local.connection = connection
            self._open.append(connection)
        return connection


def address(
    bucket: str, key: str, region: str, environ: Mapping[str, str]
) -> urllib.parse.SplitResult:
    """Where the object is asked for: an endpoint of the user's, else AWS's own host."""
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    path = urllib.parse.quote(key)
    if endpoint:
        return urllib.parse.urlsplit(f"{endpoint.rstrip('/')}/{bucket}/{path}")
    host = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    # TLS: AWS's certificate covers one label before its own.
    full = f"{host}/{bucket}" if "." in bucket else f"{bucket}.{host}"
    return urllib.parse.urlsplit(f"https://{full}/{path}")


def credentials(environ: Mapping[str, str]) -> Credentials:
    """As Lambda hands them over: in variables, and under SnapStart at an address."""
    where = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if where and "AWS_ACCESS_KEY_ID" not in environ:
        import urllib.request

        asked = urllib.request.Request(where)
        asked.add_header("Authorization", environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""))
        with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
            found = json.load(answer)
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("Token"))
    try:
        return Credentials(
            environ["AWS_ACCESS_KEY_ID"],
            environ["AWS_SECRET_ACCESS_KEY"],
            environ.get("AWS_SESSION_TOKEN"),
        )
    except KeyError as error:
        raise BundleError(f"there are no credentials to read S3 with: no {error}") from error


def signed(
    url: urllib.parse.SplitResult, wanted: str, now: str, region: str, who: Credentials
) -> dict[str, str]:
    """The headers of a GET of a range at a time such as `20261121T101112Z`."""
    headers = {
        "host": url.netloc,
        "range": wanted,
        "x-amz-content-sha256": _EMPTY,
        "x-amz-date": now,
    }
    names = _SIGNED
    if who.token:
        headers["x-amz-security-token"] = who.token
        names = f"{_SIGNED};x-amz-security-token"
    lines = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
    request = f"GET\n{url.path}\n\n{lines}\n{names}\n{_EMPTY}"
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{who.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={who.key}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return headers


def _code(data: bytes) -> str:
    """`AccessDenied`, of S3's XML."""
    return data.partition(b"<Code>")[2].partition(b"</Code>")[0].decode("ascii", "replace")
