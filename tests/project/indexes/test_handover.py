"""What uv is handed: by environment alone, with logins, and a second time after a refusal."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec import Struct, field

from imagekit.model.errors import CannotBuild, CommandFailed, IndexRefused
from imagekit.project.indexes.handover import Handover
from tests.project.indexes.test_chain import AWS_HOST, AWS_URL, Tokens
from tests.project.indexes.world import HOST, URL, World, pyproject

COMPILE = "pip"
REFUSED = (
    "error: No solution found\n\n"
    "hint: An index URL ({}) could not be queried due to a lack of valid authentication "
    "credentials (401 Unauthorized)"
)
FORBIDDEN = "error: Failed to fetch\n  cause: HTTP status client error (403 Forbidden) for url ({})"


class Runs(Struct):
    """In uv's place: keeps each environment, and lets in whom `allows` says."""

    allows: Callable[[Mapping[str, str]], bool] = lambda _: True
    words: str = REFUSED
    url: str = URL
    environs: list[dict[str, str]] = field(default_factory=list)
    netrcs: list[str] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)

    def __call__(self, environ: Mapping[str, str]) -> str:
        self.environs.append(dict(environ))
        if named := environ.get("NETRC"):
            self.netrcs.append(Path(named).read_text())
            self.modes.append(stat.S_IMODE(Path(named).stat().st_mode))
        if not self.allows(environ):
            said = self.words.format(self.url)
            raise CommandFailed(argv=("uv", "pip"), status=1, stderr_tail=said)
        return "done"


def handed(world: World, command: str = COMPILE, tokens: Tokens | None = None) -> dict[str, str]:
    """What uv gets beyond what the user has."""
    runs = Runs()
    assert run(world, runs, command, tokens) == "done"
    return {k: v for k, v in runs.environs[-1].items() if world.environ.get(k) != v}


def run(world: World, runs: Runs, command: str = COMPILE, tokens: Tokens | None = None) -> str:
    handover = Handover(chain=world.chain(tokens), place=world.place)
    return handover.run(runs, world.environ, command)


def test_uv_that_knows_everything_is_handed_nothing(world: World) -> None:
    """A project without private indexes costs uv's environment nothing."""
    assert handed(world) == {}


@pytest.mark.parametrize("command", [COMPILE, "build"])
def test_pips_indexes(world: World, command: str) -> None:
    """uv reads none of pip's settings; what builds gets them, too."""
    world.environ |= {
        "PIP_INDEX_URL": URL.replace("://", "://me:s3cret@"),
        "PIP_EXTRA_INDEX_URL": "https://other.test/simple",
        "PIP_FIND_LINKS": "https://links.test/page",
    }

    assert handed(world, command) == {
        "UV_DEFAULT_INDEX": URL.replace("://", "://me:s3cret@"),
        "UV_INDEX": "https://other.test/simple",
        "UV_FIND_LINKS": "https://links.test/page",
    }


def test_uvs_own_default_goes_before_pips(world: World) -> None:
    """Who has set up uv means it; further indexes are added after uv's own."""
    world.environ |= {
        "UV_DEFAULT_INDEX": "https://mine.test/simple",
        "UV_INDEX": "https://first.test/simple",
        "PIP_INDEX_URL": URL,
        "PIP_EXTRA_INDEX_URL": "https://second.test/simple https://first.test/simple",
    }

    assert handed(world) == {"UV_INDEX": "https://first.test/simple https://second.test/simple"}


def test_lines_of_requirements_go_before_pip(world: World) -> None:
    """They take pip's place as a whole; with hashes every index is searched, as by pip."""
    world.kind, world.lock = "requirements", "requirements.txt"
    world.environ |= {"PIP_INDEX_URL": "https://pip.test/simple"}
    world.write("project/requirements.txt", f"-i {URL}\n--extra-index-url https://x.test/s\ndemo\n")
    assert handed(world, "build") == {"UV_DEFAULT_INDEX": URL, "UV_INDEX": "https://x.test/s"}

    world.write(
        "project/requirements.txt",
        f"-i {URL}\n--extra-index-url https://x.test/s\ndemo==1.0 --hash=sha256:{'0' * 64}\n",
    )
    assert handed(world)["UV_INDEX_STRATEGY"] == "unsafe-best-match"


@pytest.mark.parametrize(
    ("kind", "command", "expected"),
    [
        ("poetry", "build", True),
        ("poetry", COMPILE, False),
        ("pylock", "build", True),
        ("project", COMPILE, True),
        ("uv", "build", False),
    ],
)
def test_poetrys_sources(world: World, kind: str, command: str, expected: bool) -> None:
    """Its lock names the index of each package, so only builds are told; uv.lock needs none."""
    world.kind = kind
    world.write("project/pyproject.toml", pyproject("poetry", "source", {"name": "in", "url": URL}))
    world.environ |= {
        "POETRY_HTTP_BASIC_IN_USERNAME": "me",
        "POETRY_HTTP_BASIC_IN_PASSWORD": "s3:cr@t",
    }

    wanted = {"UV_DEFAULT_INDEX": URL.replace("://", "://me:s3%3Acr%40t@")} if expected else {}
    assert handed(world, command) == wanted


def test_index_that_the_caller_names_is_signed(world: World) -> None:
    """Whoever runs uv for one package's index hands the bare URL; its login is added."""
    world.kind = "poetry"
    world.write("project/pyproject.toml", pyproject("poetry", "source", {"name": "in", "url": URL}))
    world.environ |= {
        "POETRY_HTTP_BASIC_IN_USERNAME": "me",
        "POETRY_HTTP_BASIC_IN_PASSWORD": "s3cret",
        "UV_DEFAULT_INDEX": f"named={URL}",
    }

    given = handed(world)
    assert given["UV_DEFAULT_INDEX"] == f"named={URL.replace('://', '://me:s3cret@')}"


def test_token_for_a_named_index_goes_by_its_variables(world: World) -> None:
    """AWS's token reaches a build as the name's password."""
    world.kind = "uv"
    world.write("project/uv.toml", f'[[index]]\nname = "team-x"\nurl = "{AWS_URL}"\n')

    assert handed(world, "build", Tokens()) == {
        "UV_INDEX_TEAM_X_USERNAME": "aws",
        "UV_INDEX_TEAM_X_PASSWORD": "token-1",
    }


def test_token_for_a_nameless_index_goes_by_a_file_that_is_gone_afterwards(world: World) -> None:
    """A netrc that only the user can read, with what the user's own says after it."""
    world.kind = "uv"
    world.write("project/uv.toml", f'index-url = "{AWS_URL}"\n')
    world.write("home/.netrc", "machine other.test login x password y\n")
    runs = Runs()
    run(world, runs, "build", Tokens())

    assert runs.netrcs == [
        f"machine {AWS_HOST} login aws password token-1\nmachine other.test login x password y\n"
    ]
    assert runs.modes == [0o600]
    assert not Path(runs.environs[0]["NETRC"]).exists()


def test_what_uv_finds_itself_is_not_written_down(world: World) -> None:
    """netrc and URLs are uv's own business."""
    world.kind = "uv"
    world.write("project/uv.toml", f'index-url = "{URL}"\n')
    world.write("home/.netrc", f"machine {HOST} login x password y\n")

    assert handed(world, "build") == {}


def test_reading_a_lock_asks_for_no_token(world: World) -> None:
    """uv exports a lock that is current without asking an index."""
    world.kind = "uv"
    world.write("project/uv.toml", f'[[index]]\nname = "team"\nurl = "{AWS_URL}"\n')
    tokens = Tokens()

    assert handed(world, "export", tokens) == {}
    assert tokens.asked == []


@pytest.mark.parametrize("words", [REFUSED, FORBIDDEN])
@pytest.mark.parametrize("command", ["export", "build"])
def test_refusal_gets_a_new_token_once(world: World, words: str, command: str) -> None:
    """An expired token in the user's variable: AWS makes a new one, and uv runs again."""
    world.kind = "uv"
    world.environ["UV_DEFAULT_INDEX"] = AWS_URL.replace("://", "://aws:stale@")
    tokens = Tokens()
    runs = Runs(lambda environ: "token-1" in environ["UV_DEFAULT_INDEX"], words, AWS_URL)

    assert run(world, runs, command, tokens) == "done"
    assert len(runs.environs) == 2
    assert len(tokens.asked) == 1


def test_second_refusal_is_the_indexs(world: World) -> None:
    """Exit 3: which index, whose login, what to type; uv's own words as the cause."""
    world.environ["PIP_INDEX_URL"] = URL.replace("://", "://me:s3cret@")
    runs = Runs(lambda _: False)
    with pytest.raises(IndexRefused) as refused:
        run(world, runs)

    error = refused.value
    assert (error.status, error.url) == (401, URL)
    assert error.credentials == "PIP_INDEX_URL"
    assert error.hint == f"export PIP_INDEX_URL=https://USER:TOKEN@{HOST}/simple/"
    assert isinstance(error.__cause__, CommandFailed)
    assert "s3cret" not in f"{error}{error.__cause__}"
    assert len(runs.environs) == 1


def test_index_that_uv_passes_over_in_silence_is_named(world: World) -> None:
    """Where every index is asked, uv says nothing of a refusal: it is asked in another way."""
    world.kind = "pdm"
    world.environ |= {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INDEX": URL.replace("://", "://me:s3cret@"),
    }
    nothing = Runs(lambda _: False, "there is no version of demo==1.0")
    with pytest.raises(CommandFailed, match="no version"):
        run(world, nothing)
    strategies = [environ["UV_INDEX_STRATEGY"] for environ in nothing.environs]
    assert strategies == ["unsafe-best-match", "first-index"]

    def silent(environ: Mapping[str, str]) -> str:
        runs = REFUSED if environ["UV_INDEX_STRATEGY"] == "first-index" else "no version"
        raise CommandFailed(argv=("uv",), status=1, stderr_tail=runs.format(URL))

    handover = Handover(chain=world.chain(), place=world.place)
    with pytest.raises(IndexRefused) as refused:
        handover.run(silent, world.environ, COMPILE)
    assert refused.value.credentials == "UV_INDEX"


def test_other_failures_stay_what_they_are_without_passwords(world: World) -> None:
    """A build backend that prints its environment does not make us show it."""
    world.environ |= {
        "UV_DEFAULT_INDEX": f"internal={URL}",
        "UV_INDEX_INTERNAL_USERNAME": "me",
        "UV_INDEX_INTERNAL_PASSWORD": "s3cret/word",
    }
    said = "UV_INDEX_INTERNAL_PASSWORD=s3cret/word and https://x/s3cret%2Fword"
    for command in ("build", "export"):
        runs = Runs(lambda _: False, said)
        with pytest.raises(CommandFailed) as failed:
            run(world, runs, command)

        assert failed.value.stderr_tail == "UV_INDEX_INTERNAL_PASSWORD=*** and https://x/***"
        assert failed.value.__suppress_context__
        assert len(runs.environs) == 1


@pytest.mark.parametrize("variable", ["UV_OFFLINE", "UV_NO_INDEX"])
def test_no_token_is_fetched_where_no_index_may_be_asked(world: World, variable: str) -> None:
    """uv is told of the same indexes, as its cache is sorted by them, and of no login."""
    world.environ |= {"PIP_INDEX_URL": AWS_URL, variable: "1"}
    tokens = Tokens()

    assert handed(world, COMPILE, tokens) == {"UV_DEFAULT_INDEX": AWS_URL}
    assert tokens.asked == []


def test_git_is_let_in_by_environment(world: World) -> None:
    """What the lock's URL carried, for that host alone; the user's own such variables stay."""
    world.kind, world.lock = "requirements", "requirements.txt"
    world.write(
        "project/requirements.txt", "demo @ git+https://deploy:s3cret@git.test/x/demo.git\n"
    )
    handover = Handover(chain=world.chain(), place=world.place)
    given = handover.git("https://git.test/x/demo.git", {"GIT_CONFIG_COUNT": "1"})

    assert given == {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_1": "http.https://git.test/.extraHeader",
        "GIT_CONFIG_VALUE_1": "Authorization: Basic ZGVwbG95OnMzY3JldA==",
    }
    assert handover.git("https://other.test/x.git", {}) == {}


def test_git_is_not_asked_offline(world: World) -> None:
    """UV_OFFLINE means repositories, too; one on this disk is none of the network's."""
    handover = Handover(chain=world.chain(), place=world.place)
    with pytest.raises(CannotBuild, match=r"UV_OFFLINE=1 forbids asking https://git\.test"):
        handover.git("https://git.test/x.git", {**world.environ, "UV_OFFLINE": "1"})

    assert handover.git("file:///x.git", {**world.environ, "UV_OFFLINE": "1"}) == {}
    assert handover.git("https://git.test/x.git", {**world.environ, "UV_NO_INDEX": "1"}) == {}
