"""Signing in: challenges, token services, and tokens that do no longer."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import HttpError, RemoteRefused
from imagekit.model.reference import Reference
from imagekit.net.http import BytesBody
from imagekit.registry.push import push
from tests.registry.fault_registry import Fault, FaultRegistry, Rules, sha256
from tests.registry.kit import TYPE, client, image, logins, upload

ANNE = ("anne", "secret:word")
PAIR = base64.b64encode(":".join(ANNE).encode()).decode()
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
APP = Reference(registry=ECR, repository="app", tag="t")


def ref(server: FaultRegistry, name: str = "team/app") -> Reference:
    return Reference(registry=server.host, repository=name, tag="latest")


def test_anonymous_token_is_fetched_once() -> None:
    """One challenge, one token; then it is remembered."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        server.hold_manifest("team/app", "latest", TYPE, b"{}")
        for _ in range(3):
            registry.manifest(ref(server))

        assert len(server.saw("GET", "^/token")) == 1
        assert [one.status for one in server.saw("GET", "/manifests/")] == [401, 200, 200, 200]


def test_second_repository_needs_no_second_challenge() -> None:
    """The registry's way is known: the token for another scope is fetched at once."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        for name in ("one", "two"):
            server.hold_manifest(name, "latest", TYPE, b"{}")
            registry.manifest(ref(server, name))

        assert [one.status for one in server.saw("GET", "/manifests/")] == [401, 200, 200]


def test_push_needs_one_token() -> None:
    """The first request of a push asks for the right to write as well."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        push(registry, image([upload(b"layer")]), ref(server))

        tokens = server.saw("GET", "^/token")
        assert len(tokens) == 1
        assert "scope=repository%3Ateam%2Fapp%3Apull%2Cpush" in tokens[0].path
        assert "service=tests" in tokens[0].path


def test_mount_asks_to_read_the_other_repository() -> None:
    """The token for a mount is good for both."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        digest = Digest.parse(server.hold("base", b"layer"))

        assert registry.mount(ref(server), digest, "base")


def test_mount_that_may_not_be_asked_for_is_an_upload() -> None:
    """A token service that refuses the second repository does not stop the push."""
    with FaultRegistry(Rules(tokens=True, denies_mount_scopes=True)) as server:
        with client() as registry:
            source = ref(server, "base")
            push(registry, image([upload(b"layer", copy_from=source)]), ref(server))

        assert server.blobs["team/app"][sha256(b"layer")] == b"layer"


def test_basic_password_goes_to_the_registry(tmp_path: Path) -> None:
    """A registry without a token service is told user and password, after it asked."""
    with FaultRegistry(Rules(login=ANNE)) as server:
        with client(environ=logins(tmp_path, server.host, PAIR)) as registry:
            push(registry, image([upload(b"layer")]), ref(server))

        assert "authorization" not in server.seen[0].headers
        assert sum(one.status == 401 for one in server.seen) == 1


def test_password_goes_to_the_token_service(tmp_path: Path) -> None:
    """With bearer tokens the registry itself never sees the password."""
    with FaultRegistry(Rules(login=ANNE, tokens=True)) as server:
        with client(environ=logins(tmp_path, server.host, PAIR)) as registry:
            push(registry, image([upload(b"layer")]), ref(server))

        sent = [one.headers.get("authorization", "") for one in server.seen if "/v2/" in one.path]
        assert {value.partition(" ")[0] for value in sent} == {"", "Bearer"}


def test_identity_token_is_exchanged(tmp_path: Path) -> None:
    """An identity token is posted, as OAuth2 has it."""
    entry = {"auths": {"HOST": {"auth": PAIR, "identitytoken": "who-i-am"}}}
    with FaultRegistry(Rules(tokens=True, identity_token="who-i-am")) as server:
        (tmp_path / "config.json").write_text(json.dumps(entry).replace("HOST", server.host))
        with client(environ={"DOCKER_CONFIG": str(tmp_path)}) as registry:
            push(registry, image([upload(b"layer")]), ref(server))

        assert len(server.saw("POST", "^/token")) == 1
        assert "who-i-am" not in str([one.path for one in server.seen])


def test_token_that_expires_is_renewed_once_by_many_threads() -> None:
    """A 401 in the middle: the first thread fetches a new token, the others use it."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        digests = [Digest.parse(server.hold("team/app", bytes([n]))) for n in range(8)]
        registry.has_blob(ref(server), digests[0])
        server.expire_tokens()
        server.forget()
        found: list[bool] = []
        threads = [
            threading.Thread(target=lambda d=d: found.append(registry.has_blob(ref(server), d)))
            for d in digests
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert found == [True] * 8
        assert len(server.saw("GET", "^/token")) == 1


def test_token_that_expires_during_an_upload_is_renewed() -> None:
    """The body is read again from its start."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        server.fault(Fault(method="PUT", path="/uploads/", status=401, headers=_asks(server)))
        registry.put_blob(ref(server), Digest.of(b"layer"), BytesBody(b"layer"))

        assert server.blobs["team/app"][sha256(b"layer")] == b"layer"


def _asks(server: FaultRegistry) -> dict[str, str]:
    return {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token",service="tests"'}


def test_challenge_of_a_storage_host_is_not_answered() -> None:
    """Whoever a blob redirects to learns nothing, and is asked for no token."""
    with FaultRegistry(Rules(tokens=True, redirects_blobs=True)) as server, client() as registry:
        digest = Digest.parse(server.hold("team/app", b"layer"))
        assert registry.has_blob(ref(server), digest)
        server.fault(Fault(method="GET", status=401, headers=_asks(server)), storage=True)
        with pytest.raises(HttpError) as refused:
            registry.open_blob(ref(server), digest)

        assert refused.value.status == 401
        assert len(server.saw("GET", "^/token")) == 1


def test_upload_to_another_host_carries_no_token() -> None:
    """A `Location` elsewhere is signed by itself; our token is not meant for it."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        registry.put_blob(ref(server), Digest.of(b"one"), BytesBody(b"one"))
        place = {"Location": f"http://{server.storage}/team/app/upload?sig=x"}
        server.fault(Fault(method="POST", status=202, headers=place))
        registry.put_blob(ref(server), Digest.of(b"two"), BytesBody(b"two"))

        assert server.blobs["team/app"][sha256(b"two")] == b"two"
        assert ["authorization" in one.headers for one in server.storage_seen] == [False]


def test_wrong_password_says_what_to_type(tmp_path: Path) -> None:
    """Exit 3 with `docker login`; the password is in no error."""
    with FaultRegistry(Rules(login=ANNE, tokens=True)) as server:
        wrong = base64.b64encode(b"anne:wrong").decode()
        environ = logins(tmp_path, server.host, wrong)
        with client(environ=environ) as registry, pytest.raises(HttpError) as refused:
            registry.manifest(ref(server))

        assert refused.value.hint == f"docker login {server.host}"
        assert "wrong" not in str(refused.value)


def test_nobody_at_a_basic_registry_says_what_to_type() -> None:
    """Without credentials there is nothing to answer: the registry's 401 is the error."""
    with FaultRegistry(Rules(login=ANNE)) as server, client() as registry:
        with pytest.raises(HttpError) as refused:
            registry.manifest(ref(server))

        assert (refused.value.status, refused.value.hint) == (401, f"docker login {server.host}")
        assert len(server.seen) == 1


def test_refused_twice_is_refused() -> None:
    """A registry that takes no token does not keep us asking for new ones."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        server.fault(
            Fault(method="GET", path="/manifests/", status=401, headers=_asks(server), times=99)
        )
        with pytest.raises(HttpError) as refused:
            registry.manifest(ref(server))

        assert refused.value.status == 401
        assert len(server.saw("GET", "/manifests/")) == 2


def test_stale_login_elsewhere_is_not_repeated(tmp_path: Path) -> None:
    """Only ECR has something better to offer: a refused password is sent once."""
    with FaultRegistry(Rules(login=ANNE)) as server:
        environ = logins(tmp_path, server.host, base64.b64encode(b"anne:old").decode())
        with client(environ=environ) as registry, pytest.raises(HttpError):
            registry.manifest(ref(server))

        assert len(server.seen) == 2


def test_ecr_is_asked_through_aws() -> None:
    """No login in a file: AWS gives the password, once."""
    asked: list[tuple[str, str]] = []

    def ecr(account: str, region: str) -> tuple[str, str]:
        asked.append((account, region))
        return "AWS", "fresh"

    with FaultRegistry(Rules(login=("AWS", "fresh"))) as server:
        with client(endpoints={ECR: f"http://{server.host}"}, ecr=ecr) as registry:
            push(
                registry, image([upload(b"x")]), Reference(registry=ECR, repository="app", tag="t")
            )

        assert asked == [("123456789012", "eu-west-1")]


@pytest.mark.parametrize("status", [401, 403])
def test_stale_ecr_login_is_replaced(status: int, tmp_path: Path) -> None:
    """`docker login` leaves a token for 12 hours; ECR refuses it later with 401 or 403 (E1)."""
    stale = base64.b64encode(b"AWS:stale").decode()
    with FaultRegistry(Rules(login=("AWS", "fresh"))) as server:
        server.hold_manifest("app", "t", TYPE, b"{}")
        if status == 403:
            server.fault(Fault(method="GET", path="/manifests/", status=401, headers=_basic()))
            server.fault(Fault(method="GET", path="/manifests/", status=403))
        with client(
            environ=logins(tmp_path, ECR, stale),
            endpoints={ECR: f"http://{server.host}"},
            ecr=lambda account, region: ("AWS", "fresh"),
        ) as registry:
            found = registry.manifest(APP).data

    assert found == b"{}"


def _basic() -> dict[str, str]:
    return {"WWW-Authenticate": 'Basic realm="ecr"'}


def test_ecr_that_refuses_for_good_says_what_to_type() -> None:
    """Forbidden: AWS is not asked for token after token."""
    asked: list[str] = []

    def ecr(account: str, region: str) -> tuple[str, str]:
        asked.append(account)
        return "AWS", "fresh"

    with FaultRegistry(Rules(login=("AWS", "fresh"))) as server:
        server.fault(Fault(method="HEAD", path="/blobs/", status=403, times=99))
        with client(endpoints={ECR: f"http://{server.host}"}, ecr=ecr) as registry:
            for _ in range(3):
                with pytest.raises(HttpError) as refused:
                    registry.has_blob(APP, Digest.of(b"x"))

    assert "aws ecr get-repository-policy --repository-name app" in (refused.value.hint or "")
    assert len(asked) <= 2


def test_token_service_that_talks_nonsense_is_said() -> None:
    """200 without a token is no token."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        server.fault(Fault(method="GET", path="^/token", status=200, body=b"<html>"))
        with pytest.raises(RemoteRefused, match="gave no token"):
            registry.manifest(ref(server))


def test_token_service_that_is_busy_is_asked_again() -> None:
    """503 from the token service is as temporary as from the registry."""
    with FaultRegistry(Rules(tokens=True)) as server, client() as registry:
        server.hold_manifest("team/app", "latest", TYPE, b"{}")
        server.fault(Fault(method="GET", path="^/token", status=503, times=2))

        assert registry.manifest(ref(server)).data == b"{}"
