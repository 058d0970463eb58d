"""What uv says of an index or of a line, as the kind of error that it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from imagekit.model.errors import CommandFailed, LockError, RemoteRefused
from imagekit.project.indexes import Indexes
from imagekit.project.locks import find, resolve
from imagekit.project.uv_words import understood
from tests.locks.world import World, pyproject, target
from tests.services.index import Fault, Index

NO_CONNECTION = """error: Failed to fetch: {url}
  cause: error sending request for url ({url})
  cause: client error (Connect)
  cause: {why}
"""


def asked(world: World, index: str) -> None:
    """Resolve as the command line does, with an index named by a variable."""
    (world.project / "uv.toml").unlink(missing_ok=True)
    if not (world.project / "requirements.txt").exists():
        world.write("pyproject.toml", pyproject("absent"))
    function = world.function()
    lock = find(function, world.project)
    environ = world.environ() | {"UV_DEFAULT_INDEX": index, "UV_HTTP_RETRIES": "0"}
    indexes = Indexes(environ)
    place = indexes.place(lock.kind, lock.path, world.project)
    uv = replace(world.uv(), environ=environ, handover=lambda: indexes.handover(place))
    resolve(lock, function, target(), store=world.store, uv=uv)


def test_an_index_that_nobody_answers_for(world: World) -> None:
    """The other side's failure: which index, who named it, why, and what to do."""
    with pytest.raises(RemoteRefused) as caught:
        asked(world, "http://me:s3cret@127.0.0.1:1/simple")

    assert caught.value.exit_code == 3
    assert caught.value.what == (
        "http://127.0.0.1:1/simple/absent/ (index of UV_DEFAULT_INDEX) cannot be reached: "
        "connection refused"
    )
    assert caught.value.hint == (
        "correct UV_DEFAULT_INDEX; or set HTTPS_PROXY=http://HOST:PORT if a proxy leads there"
    )


def test_an_index_that_is_broken(world: World) -> None:
    """A server's error is its own, and may pass."""
    with Index(world.wheels) as index, pytest.raises(RemoteRefused) as caught:
        index.fault(Fault(path="/simple/", times=99, status=503))
        asked(world, index.url)

    answer = "(index of UV_DEFAULT_INDEX) answered 503 Service Unavailable"
    assert caught.value.what.endswith(answer)
    assert caught.value.temporary


@pytest.mark.parametrize(
    ("why", "words", "hint"),
    [
        ("dns error\n  cause: failed to lookup address information", "name is not known", "PROXY"),
        ("operation timed out", "no answer in time", "PROXY"),
        ("invalid peer certificate: UnknownIssuer", "certificate is not trusted", "SSL_CERT_FILE"),
        ("something new", "cannot be reached: something new", "UV_DEFAULT_INDEX"),
    ],
)
def test_why_there_is_no_connection(world: World, why: str, words: str, hint: str) -> None:
    """In plain words; uv's own where they are not known."""
    said = NO_CONNECTION.format(url="https://host/simple/x/", why=why)
    failed = CommandFailed(argv=("uv",), status=2, stderr_tail=said)
    error = understood(failed, world.project, lambda url: None)

    assert isinstance(error, RemoteRefused)
    assert words in error.what
    assert hint in (error.hint or "")


def test_a_file_that_nobody_answers_for(world: World) -> None:
    """A requirement that is a URL has no index to be named in its place."""
    world.write("requirements.txt", "demo @ http://127.0.0.1:1/demo-1.0-py3-none-any.whl\n")

    with Index(world.wheels) as index, pytest.raises(RemoteRefused) as caught:
        asked(world, index.url)

    assert "demo-1.0-py3-none-any.whl cannot be reached: connection refused" in caught.value.what
    assert (caught.value.hint or "").startswith("correct the URL of the requirement; or")


@pytest.mark.parametrize("included", [False, True])
def test_a_line_that_cannot_be_read(world: World, included: bool) -> None:
    """Wrong input: the file, the line and what is wrong there; in what is included, too."""
    name = "more/base.txt" if included else "requirements.txt"
    world.write("requirements.txt", "-r more/base.txt\n")
    path = world.write(name, "# é\nplain\n\nhumanize=4.15\n")

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert caught.value.path == path
    (problem,) = caught.value.problems
    assert problem.startswith('line 4: humanize=4.15: no such comparison operator "="')


def test_a_line_that_is_an_unknown_option(world: World) -> None:
    """uv says it in another way."""
    path = world.write("requirements.txt", "\n--foo\n")

    with pytest.raises(LockError) as caught:
        world.resolve()

    assert caught.value.path == path
    assert caught.value.problems[0].startswith("line 2: Unexpected '-'")


def test_what_is_not_clear_stays_as_it_is(world: World) -> None:
    """No solution is neither; a file that is not there is no file."""
    for said in (
        "error: No solution found when resolving dependencies",
        "error: Failed to fetch: https://host/x\n  cause: 404 Not Found",
        "error: Couldn't parse requirement in `gone.txt` at position 5\n  cause: no",
        "error: something: gone.txt:1:1",
    ):
        failed = CommandFailed(argv=("uv",), status=2, stderr_tail=said)
        assert understood(failed, world.project, lambda url: None) is failed


def test_advice_names_what_imagekit_has(world: World) -> None:
    """uv's option for Python is a key here."""
    said = (
        "hint: The `--python-version` value (>=3.9) includes Python versions that are not "
        "supported by your dependencies (e.g., x==1 only supports >=3.10). Consider using a higher "
        "`--python-version` value."
    )
    failed = CommandFailed(argv=("uv",), status=1, stderr_tail=said)
    error = understood(failed, world.project, lambda url: None)

    assert isinstance(error, CommandFailed)
    assert error.stderr_tail.startswith("hint: The Python version (>=3.9) includes")
    assert error.stderr_tail.endswith('>=3.10). Set a newer one: the key `python = "…"`.')
