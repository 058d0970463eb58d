"""The loader's reader of S3: signed as AWS signs, patient with what passes, plain in refusals."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Known

from imagekit.bundle.loader import s3, start
from imagekit.bundle.loader.s3 import Credentials, Object, address, credentials, signed
from imagekit.bundle.loader.start import BundleError
from imagekit.model.packaging import key_of
from tests.bundle.bundles import bundle, noise, starting, tree
from tests.services.moto import KEYS, forget

REGION = "eu-west-1"
BODY = bytes(range(256)) * 4
ENVIRON = {**KEYS, "AWS_REGION": REGION}
Reply = tuple[int, bytes, dict[str, str]]


def test_signature_of_awss_own_example() -> None:
    """docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Object"."""
    who = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    url = urlsplit("https://examplebucket.s3.amazonaws.com/test.txt")
    headers = signed(url, "bytes=0-9", "20130524T000000Z", "us-east-1", who)

    assert headers["authorization"].endswith(
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@pytest.mark.parametrize("token", [None, "the/token=="])
@pytest.mark.parametrize("key", ["imagekit/ab.zip", "a b/ü+~.zip"])
def test_signature_is_botocores(token: str | None, key: str) -> None:
    """With the session's token, which every function has, and with any key."""
    url = address("bucket", key, REGION, {})
    mine = signed(url, "bytes=5-9", "20261121T101112Z", REGION, Credentials("AK", "SK", token))
    request = AWSRequest("GET", url.geturl(), headers={"range": "bytes=5-9", "host": url.netloc})
    request.context["timestamp"] = "20261121T101112Z"
    auth = S3SigV4Auth(Known("AK", "SK", token), "s3", REGION)
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = "20261121T101112Z"
    request.headers["X-Amz-Content-SHA256"] = s3._EMPTY
    canonical = auth.canonical_request(request)
    theirs = auth.signature(auth.string_to_sign(request, canonical), request)

    assert mine["authorization"].rpartition("=")[2] == theirs


@pytest.mark.parametrize(
    ("bucket", "region", "environ", "url"),
    [
        ("b", REGION, {}, "https://b.s3.eu-west-1.amazonaws.com/imagekit/x.zip"),
        ("b.c", REGION, {}, "https://s3.eu-west-1.amazonaws.com/b.c/imagekit/x.zip"),
        ("b", "cn-north-1", {}, "https://b.s3.cn-north-1.amazonaws.com.cn/imagekit/x.zip"),
        ("b", REGION, {"AWS_ENDPOINT_URL_S3": "http://h:1/"}, "http://h:1/b/imagekit/x.zip"),
        ("b", REGION, {"AWS_ENDPOINT_URL": "http://h:2"}, "http://h:2/b/imagekit/x.zip"),
    ],
)
def test_where_the_object_is_asked_for(
    bucket: str, region: str, environ: dict[str, str], url: str
) -> None:
    """AWS's own host by region, with a dot in the name by path; endpoints as boto3 takes them."""
    assert address(bucket, "imagekit/x.zip", region, environ).geturl() == url


class S3(http.server.ThreadingHTTPServer):
    """Answers what the test says, in turn; then the range that was asked for."""

    daemon_threads = True
    replies: list[Reply]
    seen: list[dict[str, str]]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3

    def do_GET(self) -> None:
        self.server.seen.append(
            {"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}
        )
        if self.server.replies:
            status, body, headers = self.server.replies.pop(0)
        else:
            first, last = self.headers["range"].removeprefix("bytes=").split("-")
            status, body, headers = 206, BODY[int(first) : int(last) + 1], {}
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what came in is recorded."""


@contextmanager
def answering(*replies: Reply) -> Iterator[S3]:
    with S3(("127.0.0.1", 0), _Handler) as server:
        server.replies, server.seen = list(replies), []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def read(server: S3, offset: int = 3, length: int = 10) -> bytes:
    url = f"http://127.0.0.1:{server.server_port}"
    with Object("packages", "k.zip", {**ENVIRON, "AWS_ENDPOINT_URL_S3": url}) as reads:
        return reads(offset, length)


@pytest.mark.parametrize(
    "trouble",
    [
        (503, b"<Code>SlowDown</Code>", {}),
        (429, b"", {}),
        (500, b"", {}),
        (0, b"", {}),
    ],
)
def test_what_passes_is_waited_for(trouble: Reply) -> None:
    """Throttling, an error of S3's own, a dropped connection: asked for again."""
    with answering(trouble, trouble) as server:
        assert read(server) == BODY[3:13]
    assert [one["range"] for one in server.seen] == ["bytes=3-12"] * 3


def test_a_bucket_in_another_region_is_found_there() -> None:
    """S3 says where it lies; a stage in another region then reads it from there."""
    elsewhere: Reply = (
        301,
        b"<Code>PermanentRedirect</Code>",
        {"x-amz-bucket-region": "us-west-2"},
    )
    with answering(elsewhere) as server:
        assert read(server) == BODY[3:13]
    scopes = [one["authorization"].split("/")[2] for one in server.seen]
    assert scopes == [REGION, "us-west-2"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((403, b"<Error><Code>AccessDenied</Code></Error>", {}), "HTTP 403 AccessDenied"),
        ((404, b"<Error><Code>NoSuchKey</Code></Error>", {}), "HTTP 404 NoSuchKey"),
    ],
)
def test_a_refusal_says_what_mends_it(refusal: Reply, words: str) -> None:
    """At once: asking again would not help. What the role lacks, and who uploads it."""
    with answering(refusal) as server, pytest.raises(BundleError) as told:
        read(server)

    assert len(server.seen) == 1
    assert f"s3://packages/k.zip cannot be read ({words})" in str(told.value)
    assert "s3:GetObject" in str(told.value)
    assert "imagekit deploy" in str(told.value)


def test_one_connection_serves_many_reads() -> None:
    """Each thread keeps its own open: a handshake a part would double the time."""
    with answering() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        with Object("packages", "k.zip", {**ENVIRON, "AWS_ENDPOINT_URL_S3": url}) as reads:
            parts = [reads(offset, 2) for offset in range(0, 20, 2)]
    assert b"".join(parts) == BODY[:20]


def test_credentials_are_the_functions() -> None:
    """From variables; without any, that is what is said."""
    environ = {**ENVIRON, "AWS_SESSION_TOKEN": "t"}

    assert credentials(environ) == Credentials("AKIATESTS", "tests", "t")
    with pytest.raises(BundleError, match="no 'AWS_ACCESS_KEY_ID'"):
        credentials({"AWS_REGION": REGION})


def test_credentials_under_snapstart() -> None:
    """Lambda gives an address instead, and a token for it."""
    body = json.dumps({"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T"}).encode()
    with answering((200, body, {})) as server:
        where = f"http://127.0.0.1:{server.server_port}/credentials"
        found = credentials(
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": where,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret",
            }
        )

    assert found == Credentials("A", "S", "T")
    assert server.seen[0]["authorization"] == "secret"


@pytest.fixture
def bucket(moto: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, str], None]:
    """Puts bytes into `packages` of S3 on this machine; the environment is a function's."""
    import boto3

    forget(moto)
    for name, value in {**ENVIRON, "AWS_ENDPOINT_URL_S3": moto}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(
        Bucket="packages", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return lambda body, key: client.put_object(Bucket="packages", Key=key, Body=body) and None


FILES = {f"large/{number}.bin": noise(5_000_000, number) for number in range(4)}


def test_packages_come_from_their_bucket(
    tmp_path: Path, bucket: Callable[[bytes, str], None]
) -> None:
    """In ranges, by processes that start at once; the archive lies nowhere on the disk."""
    rest = bundle(tmp_path, tree(FILES), "packages")
    bucket((tmp_path / start.ARCHIVE).read_bytes(), key_of(rest.digest))
    (tmp_path / start.ARCHIVE).unlink()
    processes = [starting(tmp_path, tmp_path / "root") for _ in range(2)]
    ends = [process.communicate(timeout=60) for process in processes]

    places = {out.strip() for out, _ in ends}
    assert len(places) == 1, ends
    place = Path(places.pop())
    assert {path: (place / path).read_bytes() for path in FILES} == FILES


def test_another_object_under_the_key_is_refused(
    tmp_path: Path, bucket: Callable[[bytes, str], None]
) -> None:
    """Whoever may write to the bucket cannot run code in the function."""
    rest = bundle(tmp_path, tree(FILES), "packages")
    good = (tmp_path / start.ARCHIVE).read_bytes()
    (tmp_path / start.ARCHIVE).unlink()
    bucket(good[:1000] + bytes(10) + good[1010:], key_of(rest.digest))

    with pytest.raises(BundleError, match="is not what was built") as told:
        start.unpacked(str(tmp_path), str(tmp_path / "root"))
    assert f"part 0 of s3://packages/{key_of(rest.digest)}" in str(told.value)
    assert "delete it" in str(told.value)


def test_the_time_is_utc() -> None:
    """S3 refuses a request that is 15 minutes off, whatever the function's TZ."""
    with answering() as server:
        read(server)
    sent = datetime.strptime(server.seen[0]["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    assert abs((datetime.now(UTC) - sent).total_seconds()) < 60
