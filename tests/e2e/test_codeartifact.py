"""AWS CodeArtifact by its host name, through a company's proxy and with its own authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec import Struct

from tests.e2e import private as sources
from tests.e2e.many import write
from tests.e2e.private import Private
from tests.e2e.projects import Project, write_pylock
from tests.net.certificates import authority
from tests.net.servers import Server, serving, tunnel_to
from tests.services.cli import succeeded
from tests.services.codeartifact import CodeArtifact, codeartifact
from tests.services.index import Index
from tests.services.wheels import make_wheel

OWNER = "123456789012"
HOST = f"team-{OWNER}.d.codeartifact.eu-west-1.amazonaws.com"
WHEELS = 6


class Company(Struct, kw_only=True):
    """A domain of CodeArtifact behind a proxy; AWS itself is asked directly."""

    private: Private
    aws: CodeArtifact
    proxy: Server
    uses: int | None = None
    """How many requests each token is good for."""

    @property
    def index(self) -> Index:
        return self.private.index

    @property
    def project(self) -> Project:
        return self.private.project

    def issued(self, token: str) -> None:
        """AWS has given a token: from now on that one is good, and no other."""
        self.index.auth = ("aws", token)
        self.index.uses_left = self.uses


@pytest.fixture
def company(tmp_path: Path, uv_cache: Path) -> Iterator[Company]:
    """`team` has an index with a few packages, and nobody is signed in yet."""
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "demo", "1.0", {"demo/__init__.py": b"ANSWER = 42\n"})
    for number in range(1, WHEELS):
        make_wheel(wheels, f"demo{number}", "1.0", {f"demo{number}.py": b""})
    sources.backend_wheel(wheels)
    root, tls = authority(tmp_path, HOST)
    with ExitStack() as running:
        index = running.enter_context(Index(wheels, tls=(HOST, tls)))
        aws = running.enter_context(codeartifact())
        port = int(index.host.rpartition(":")[2])
        proxy = running.enter_context(serving(tunnel_to(port)))
        private = Private(
            root=tmp_path,
            index=index,
            public=index,
            uv_cache=uv_cache,
            password="nobody has one yet",
            wheel=wheels / "demo-1.0-py3-none-any.whl",
            env={
                "HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_port}",
                "SSL_CERT_FILE": str(root),
                "AWS_ACCESS_KEY_ID": "AKIATESTS",
                "AWS_SECRET_ACCESS_KEY": "tests",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ENDPOINT_URL_CODEARTIFACT": aws.url,
            },
        )
        company = Company(private=private, aws=aws, proxy=proxy)
        aws.issued = company.issued
        yield company


def test_host_name_is_enough(company: Company) -> None:
    """No token, no login command: domain, owner and region stand in the URL; one token serves
    uv and imagekit, what builds among it; an unchanged project asks for none."""
    company.private.requirements()
    company.private.env["PIP_INDEX_URL"] = company.index.url
    sources.library(company.private)
    built = company.project.build()

    assert set(company.aws.asked) == {("team", OWNER)}
    assert len(company.aws.tokens) == 1
    assert set(company.proxy.asked) == {("CONNECT", f"{HOST}:443")}
    company.index.close()
    company.aws.refusal = "AccessDeniedException"
    assert company.project.build("--locked")["digest"] == built["digest"]
    assert len(company.aws.asked) == 1


@pytest.mark.parametrize("name", ['name = "team"', ""])
def test_uvs_own_index_gets_the_token(company: Company, name: str) -> None:
    """In uv.toml, with a name or without: by variables or by a file that is gone afterwards."""
    company.private.requirements()
    sources.library(company.private)
    index = ["[[index]]", name, f'url = "{company.index.url}"', "default = true"]
    write(company.private.folder / "uv.toml", *index)
    scratch = company.private.root / "tmp"
    scratch.mkdir()
    company.project.with_env(TMPDIR=str(scratch)).build()

    assert len(company.aws.tokens) == 1
    assert list(scratch.iterdir()) == []


def test_stale_login_is_replaced(company: Company) -> None:
    """`aws codeartifact login` wrote it this morning; now it is evening."""
    company.private.requirements()
    company.private.env["PIP_INDEX_URL"] = company.index.url_as("aws", "the-morning-s-token")
    company.project.build()

    assert len(company.aws.tokens) == 1


def test_token_that_expires_in_the_midst_is_renewed(company: Company) -> None:
    """Each is good for eight requests, and twelve are needed; threads share what one renews."""
    company.uses = 8
    folder = company.private.folder
    path = write_pylock(folder, company.private.wheel.parent.glob("demo*.whl"), company.index)
    text = path.read_text().replace(f"http://{company.index.host}", company.index.origin)
    path.write_text(text)
    company.project.build()

    assert len(company.aws.tokens) == 2
    assert sum(company.index.refused.values()) >= 1


def test_token_that_is_never_taken_is_asked_for_twice(company: Company) -> None:
    """Then it is the index that refuses: exit 3, and whose token it was."""
    company.uses = 0
    folder = company.private.folder
    path = write_pylock(folder, [company.private.wheel], company.index)
    path.write_text(path.read_text().replace(f"http://{company.index.host}", company.index.origin))
    done = company.project.run("build")

    assert done.returncode == 3
    assert len(company.aws.tokens) == 2
    assert f"refused the credentials of AWS CodeArtifact (domain team of {OWNER})" in done.stderr
    assert f"aws codeartifact get-authorization-token --domain team --domain-owner {OWNER}" in (
        done.stderr
    )
    assert not any(token in done.stderr for token in company.aws.tokens)


@pytest.mark.parametrize("lock", ["requirements", "pylock"])
def test_refusal_of_aws_is_said(company: Company, lock: str) -> None:
    """Exit 3, AWS's own reason, and what it needs; whether uv asked first or imagekit."""
    company.aws.refusal = "AccessDeniedException"
    company.private.env["PIP_INDEX_URL"] = company.index.url
    if lock == "requirements":
        company.private.requirements()
    else:
        path = write_pylock(company.private.folder, [company.private.wheel], company.index)
        text = path.read_text().replace(f"http://{company.index.host}", company.index.origin)
        path.write_text(text)
    done = company.project.run("plan")

    assert done.returncode == 3
    assert f"AWS gives no token for the CodeArtifact domain team of {OWNER}" in done.stderr
    assert "AccessDeniedException" in done.stderr
    assert "codeartifact:GetAuthorizationToken and sts:GetServiceBearerToken" in done.stderr


def test_plan_downloads_nothing(company: Company) -> None:
    """Ranges through the proxy, signed with the token."""
    company.private.requirements()
    company.private.env["PIP_INDEX_URL"] = company.index.url
    succeeded(company.project.run("plan"))

    assert company.index.downloads() == {}
