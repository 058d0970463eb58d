"""One chain of sources: which comes first, what happens after a refusal, and who is not asked."""

from __future__ import annotations

import io
import threading

import pytest

from imagekit.model.errors import IndexRefused, RemoteRefused
from imagekit.net.authorized import Authorization
from imagekit.net.http import Request, Response
from imagekit.project.indexes.codeartifact import Domain
from imagekit.project.indexes.signing import ChainLogins
from tests.project.indexes.world import HOST, URL, WHEEL, World, pyproject

AWS_HOST = "team-tools-123456789012.d.codeartifact.eu-west-1.amazonaws.com"
AWS_URL = f"https://{AWS_HOST}/pypi/internal/simple/"
AWS_WHEEL = f"https://{AWS_HOST}/pypi/internal/simple/demo/1.0/demo-1.0-py3-none-any.whl"
CREDS = 'case "$*" in "get --mode creds "*) echo me; echo of-keyring;; *) echo of-keyring;; esac'


class Tokens:
    """AWS as far as the chain knows it: counts, gives a new token each time, or refuses."""

    def __init__(self, refuses: bool = False) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.refuses = refuses

    def __call__(self, domain: str, owner: str, region: str) -> str:
        self.asked.append((domain, owner, region))
        if self.refuses:
            raise RemoteRefused(what="AWS gives no token", hint="aws sso login")
        return f"token-{len(self.asked)}"


def test_nothing_is_known_of_a_public_index(world: World) -> None:
    """No login, and no program is run to find that out."""
    calls = world.program("keyring", CREDS)

    assert world.said("https://public.test/files/x.whl") is None
    assert not calls.exists()


def test_own_variables_go_before_the_url(world: World) -> None:
    """As uv has it; the name is written in capitals, with underscores."""
    text = URL.replace("://", "://me:of-url@")
    world.write("project/uv.toml", f'[[index]]\nname = "in-ternal.x"\nurl = "{text}"\n')
    assert world.said() == ("me", "of-url", f"the URL in {world.project / 'uv.toml'}")

    world.environ |= {
        "UV_INDEX_IN_TERNAL_X_USERNAME": "you",
        "UV_INDEX_IN_TERNAL_X_PASSWORD": "of-variable",
    }
    assert world.said() == ("you", "of-variable", "UV_INDEX_IN_TERNAL_X_PASSWORD")


def test_tools_are_believed_in_order(world: World) -> None:
    """Several that name one index: the lock's lines, uv, poetry, PDM, pip, then netrc."""

    def url(password: str) -> str:
        return URL.replace("://", f"://me:{password}@")

    world.kind, world.lock = "requirements", "requirements.txt"
    world.write("project/requirements.txt", "demo\n")
    world.write("home/.netrc", f"machine {HOST} login me password of-netrc\n")
    found = [world.said()]
    world.environ["PIP_INDEX_URL"] = url("of-pip")
    found.append(world.said())
    pdm = pyproject("pdm", "source", {"name": "x", "url": url("of-pdm")})
    world.write("project/pyproject.toml", pdm)
    found.append(world.said())
    poetry = pyproject("poetry", "source", {"name": "x", "url": url("of-poetry")})
    world.write("project/pyproject.toml", pdm + poetry)
    found.append(world.said())
    world.environ["UV_INDEX"] = url("of-uv")
    found.append(world.said())
    world.write("project/requirements.txt", f"-i {url('of-lock')}\ndemo\n")
    found.append(world.said())

    passwords = [said[1] if said else None for said in found]
    assert passwords == ["of-netrc", "of-pip", "of-pdm", "of-poetry", "of-uv", "of-lock"]


def test_path_decides_between_indexes_of_one_host(world: World) -> None:
    """As in pip: the one whose path the file shares most of, in whatever order they stand."""
    world.environ["UV_INDEX"] = (
        f"https://a:of-a@{HOST}/team-a/simple https://b:of-b@{HOST}/team-b/simple"
    )

    for team in ("a", "b"):
        said = world.said(f"https://{HOST}/team-{team}/files/demo.whl")
        assert said and said[1] == f"of-{team}"


@pytest.mark.parametrize(
    "other", ["http://index.example.com/x", "https://index.example.com:8443/x", "https://x.test/x"]
)
def test_password_is_for_its_own_origin(world: World, other: str) -> None:
    """Another scheme, port or host is somebody else."""
    world.environ["UV_DEFAULT_INDEX"] = URL.replace("://", "://me:s3cret@")

    assert world.said() is not None
    assert world.said(other) is None


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, "home/.netrc"),
        ({}, "home/_netrc"),
        ({"NETRC": "named"}, "named"),
    ],
)
def test_netrc(world: World, environ: dict[str, str], path: str) -> None:
    """Where curl, pip and uv look; the file's `default` tells nobody."""
    world.environ |= {key: str(world.root / value) for key, value in environ.items()}
    world.write(path, f"machine {HOST} login me password s3cret\ndefault login x password y\n")

    said = world.said()
    assert said and said[:2] == ("me", "s3cret")
    assert world.said("https://public.test/x.whl") is None


def test_broken_netrc_counts_as_none(world: World) -> None:
    """As for pip and uv."""
    world.write("home/.netrc", f"machine {HOST} password s3cret nonsense\n")

    assert world.said() is None


def test_codeartifact_is_known_by_its_host(world: World) -> None:
    """Domain, owner and region stand in it; one token serves all files."""
    tokens = Tokens()
    chain = world.chain(tokens)
    logins = {chain.login(url) for url in (AWS_WHEEL, AWS_URL, AWS_WHEEL)}

    assert [(one.user, one.password) for one in logins if one] == [("aws", "token-1")]
    assert tokens.asked == [("team-tools", "123456789012", "eu-west-1")]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("d-123456789012.d.codeartifact.cn-north-1.amazonaws.com.cn", False),
        ("dd-123456789012.d.codeartifact.cn-north-1.amazonaws.com.cn", True),
        ("dd-123456789012.d.codeartifact.eu-west-1.on.aws", True),
        ("dd-12345678901.d.codeartifact.eu-west-1.amazonaws.com", False),
        ("dd-123456789012.d.codeartifact.eu-west-1.amazonaws.com.evil.test", False),
        ("evil.test", False),
    ],
)
def test_codeartifact_hosts(host: str, known: bool) -> None:
    """Nothing that only looks like it gets a token; a domain's name has two letters at least."""
    assert (Domain.of(host) is not None) is known


def test_what_is_set_up_goes_before_aws(world: World) -> None:
    """A token that is there is used; AWS makes a new one once it is refused."""
    tokens = Tokens()
    world.environ["UV_DEFAULT_INDEX"] = AWS_URL.replace("://", "://aws:stale@")
    chain = world.chain(tokens)
    stale = chain.login(AWS_WHEEL)
    assert stale and stale.password == "stale"
    assert tokens.asked == []

    fresh = chain.another(AWS_WHEEL, stale.header)
    assert fresh and fresh.password == "token-1"
    assert chain.login(AWS_WHEEL) == fresh


def test_aws_refusing_is_said_at_once_where_nothing_else_is_known(world: World) -> None:
    """CodeArtifact lets nobody in without a token: AWS's own words help most."""
    with pytest.raises(RemoteRefused) as refused:
        world.chain(Tokens(refuses=True)).login(AWS_WHEEL)

    assert refused.value.hint == "aws sso login"


def test_refused_login_is_followed_by_the_next_source(world: World) -> None:
    """A stale password in a URL does not hide the one in netrc; what was refused is not sent."""
    world.environ["UV_DEFAULT_INDEX"] = URL.replace("://", "://me:stale@")
    world.write("home/.netrc", f"machine {HOST} login me password fresh\n")
    chain = world.chain()
    stale = chain.login(WHEEL)
    assert stale is not None
    fresh = chain.another(WHEEL, stale.header)
    assert fresh and fresh.password == "fresh"
    assert chain.another(WHEEL, fresh.header) is None


def test_files_are_read_again_after_a_refusal(world: World) -> None:
    """`aws codeartifact login` in another terminal helps a run that is under way."""
    path = world.write("home/.netrc", f"machine {HOST} login me password old\n")
    chain = world.chain()
    old = chain.login(WHEEL)
    path.write_text(f"machine {HOST} login me password new\n")

    assert chain.login(WHEEL) == old
    new = chain.another(WHEEL, old.header if old else None)
    assert new and new.password == "new"


def test_one_refusal_renews_for_all_threads(world: World) -> None:
    """Eight downloads whose token has expired ask for one new token."""
    tokens = Tokens()
    chain = world.chain(tokens)
    first = chain.login(AWS_WHEEL)
    assert first is not None
    found = []
    barrier = threading.Barrier(8)

    def renew() -> None:
        barrier.wait()
        found.append(chain.another(AWS_WHEEL, first.header))

    threads = [threading.Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {login.password for login in found if login} == {"token-2"}
    assert len(tokens.asked) == 2


def test_keyring_is_the_last_resort(world: World) -> None:
    """It may ask the person: not before the index has refused us."""
    calls = world.program("keyring", CREDS)
    world.environ["UV_DEFAULT_INDEX"] = URL
    chain = world.chain()
    assert chain.login(WHEEL) is None
    assert not calls.exists()

    login = chain.another(WHEEL, None)
    assert login and (login.user, login.password) == ("me", "of-keyring")
    assert login.source == "the keyring command"
    assert calls.read_text().splitlines() == [f"get --mode creds {URL}"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("UV_KEYRING_PROVIDER", "subprocess"), ("PIP_KEYRING_PROVIDER", "subprocess")],
)
def test_keyring_is_asked_at_once_where_uv_or_pip_is_told_to(
    world: World, variable: str, value: str
) -> None:
    """For the password of a user that the URL names."""
    calls = world.program("keyring", CREDS)
    world.environ |= {variable: value, "UV_DEFAULT_INDEX": URL.replace("://", "://me@")}

    assert world.said() == ("me", "of-keyring", "the keyring command")
    assert calls.read_text().splitlines() == [f"get {URL} me"]


def test_keyring_in_uvs_settings(world: World) -> None:
    """`keyring-provider` in a file says the same; a variable goes before it."""
    world.program("keyring", CREDS)
    world.write("project/uv.toml", 'keyring-provider = "subprocess"\n')
    world.environ["UV_DEFAULT_INDEX"] = URL.replace("://", "://me@")
    assert world.said() == ("me", "of-keyring", "the keyring command")

    world.environ["UV_KEYRING_PROVIDER"] = "disabled"
    assert world.said() == ("me", "", "UV_DEFAULT_INDEX")


def test_keyring_is_asked_for_the_host_and_for_poetrys_name(world: World) -> None:
    """Poetry keeps passwords under a name of its own; pip falls back to the host."""
    calls = world.program("keyring", "exit 1")
    world.write("project/pyproject.toml", pyproject("poetry", "source", {"name": "x", "url": URL}))
    world.write("home/.config/pypoetry/auth.toml", '[http-basic.x]\nusername = "me"\n')

    world.chain().another(WHEEL, None)
    assert calls.read_text().splitlines()[:3] == [
        "get poetry-repository-x me",
        f"get {URL} me",
        f"get {HOST} me",
    ]


def test_token_may_stand_where_the_user_does(world: World) -> None:
    """Some servers take it there; the password is then empty."""
    world.environ["UV_DEFAULT_INDEX"] = URL.replace("://", "://the-token@")

    assert world.said() == ("the-token", "", "UV_DEFAULT_INDEX")


def refusal(world: World, url: str, used: Authorization | None) -> IndexRefused:
    """The error after a server that repeats what it was told."""
    body = io.BytesIO(b"you said of-variable-secret")
    response = Response(status=401, headers={}, url=url, stream=body)
    error = ChainLogins(world.chain()).refusal(Request(method="GET", url=url), response, used)
    assert isinstance(error, IndexRefused)
    return error


@pytest.mark.parametrize(
    ("tool", "table", "hint"),
    [
        ("uv", "index", "export UV_INDEX_INTERNAL_USERNAME=USER UV_INDEX_INTERNAL_PASSWORD=TOKEN"),
        ("poetry", "source", "poetry config http-basic.internal USER TOKEN"),
        (
            "pdm",
            "source",
            "pdm config pypi.internal.username USER; pdm config pypi.internal.password TOKEN",
        ),
    ],
)
def test_refusal_names_the_index_and_what_to_type(
    world: World, tool: str, table: str, hint: str
) -> None:
    """In the commands of the tool whose configuration names it."""
    path = world.write(
        "project/pyproject.toml", pyproject(tool, table, {"name": "internal", "url": URL})
    )
    error = refusal(world, WHEEL, None)

    assert error.index.startswith(f"internal ({URL}, ")
    assert str(path) in error.index
    assert error.credentials is None
    assert "~/.netrc" in error.looked_in
    assert error.hint == hint


@pytest.mark.parametrize(
    ("environ", "hint"),
    [
        ({"PIP_INDEX_URL": URL}, f"export PIP_INDEX_URL=https://USER:TOKEN@{HOST}/simple/"),
        (
            {"PIP_EXTRA_INDEX_URL": URL},
            f"export PIP_EXTRA_INDEX_URL=https://USER:TOKEN@{HOST}/simple/",
        ),
        ({"UV_DEFAULT_INDEX": URL}, f"put a line into ~/.netrc: machine {HOST} login USER"),
        ({}, f"put a line into ~/.netrc: machine {HOST} login USER"),
    ],
)
def test_hint_without_a_name(world: World, environ: dict[str, str], hint: str) -> None:
    """pip's variables are written as they are typed; all else finds ~/.netrc."""
    world.environ |= environ

    assert (refusal(world, WHEEL, None).hint or "").startswith(hint)


def test_hint_for_codeartifact(world: World) -> None:
    """The call that shows what AWS says."""
    assert refusal(world, AWS_WHEEL, None).hint == (
        "aws codeartifact get-authorization-token --domain team-tools "
        "--domain-owner 123456789012 --region eu-west-1"
    )


def test_refusal_says_whose_login_it_was_and_quotes_none(world: World) -> None:
    """A server that repeats what it was told does not make us show it."""
    world.environ |= {
        "UV_INDEX": f"internal={URL}",
        "UV_INDEX_INTERNAL_USERNAME": "me",
        "UV_INDEX_INTERNAL_PASSWORD": "of-variable-secret",
    }
    used = Authorization("Basic x", "UV_INDEX_INTERNAL_PASSWORD")
    error = refusal(world, WHEEL, used)

    assert error.credentials == "UV_INDEX_INTERNAL_PASSWORD"
    assert error.diagnostics == "you said ***"
