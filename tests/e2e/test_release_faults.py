"""A whole release with trouble at each of its requests in turn: registry, AWS, and Lambda.

Whatever happens, a release ends finished, or it fails clearly with the old version serving; the
same again completes it. Never a tag on what is not there, never two versions for one release.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.e2e.releasing import Cloud, Ended, Runner, code
from tests.services.trouble import Kind, Trouble

LEAST = 18
"""A release has at least so many requests: with fewer, this would prove little."""
MOMENTARY: tuple[Kind, ...] = ("before", "after", "429", "500", "503")


class Releases(Struct):
    """One release after the other, each of code that never was before."""

    runner: Runner
    cloud: Cloud
    name: str = "app"
    number: int = 0
    stages: tuple[str, ...] = ()

    def change(self) -> None:
        """Other code."""
        self.number += 1
        (self.runner.folder / "app.py").write_text(code(self.number), encoding="utf-8")

    def rename(self) -> None:
        """A function that neither ECR nor Lambda knows: all has to be made."""
        self.number += 1
        path = self.runner.folder / "imagekit.toml"
        text, name = path.read_text(encoding="utf-8"), f"app{self.number}"
        path.write_text(text.replace(f"functions.{self.name}]", f"functions.{name}]"))
        self.name = name

    def run(self, trouble: Trouble | None, store: Path | None = None) -> Ended:
        """By a machine with an empty disk, or with this one."""
        self.cloud.have(trouble)
        ended = self.runner.release(store, stages=self.stages)
        self.cloud.have(None)
        self.cloud.require_sound()
        return ended

    def require_finished(self, before: list[str], trouble: Trouble) -> str:
        """One version more, which serves; its image is what the function's own tag names."""
        told, now = trouble.told, self.cloud.versions(self.name)
        assert now[:-1] == before, told
        assert now[-1] not in before, told
        assert self.cloud.serving(self.name) == now[-1], told
        stored = self.cloud.aws.registry().repositories[f"team/{self.name}"]
        named = stored.tagged(f"imagekit-{self.name}-x86_64")
        assert named is not None
        assert named.digest == f"sha256:{now[-1]}", told
        return now[-1]


@pytest.fixture
def releases(runner: Runner, cloud: Cloud) -> Releases:
    """Of the project that was released once."""
    return Releases(runner, cloud)


def each_request(
    *kinds: Kind, then: Kind = "none", turn: bool = False, changing: bool = False
) -> Iterator[Trouble]:
    """Trouble at the first request, at the second, and so on, until a release had fewer.

    With `turn` each begins with another one of the kinds; with `changing` only those count that
    change something.
    """
    for at in itertools.count():
        first = at % len(kinds) if turn else 0
        turned = (*kinds[first:], *kinds[:first])
        trouble = Trouble(kinds=turned, at=at, then=then, changing=changing)
        yield trouble
        if not trouble.met:
            assert len(trouble.seen) >= LEAST, trouble.seen
            return


@pytest.mark.parametrize("kinds", [("before",), ("after",), ("429", "500", "503")], ids=str)
def test_one_request_goes_wrong(releases: Releases, kinds: tuple[Kind, ...]) -> None:
    """Cut before or after it was taken, throttled, out of order: tried again, and finished."""
    for trouble in each_request(*kinds, turn=True):
        before = releases.cloud.versions("app")
        releases.change()
        ended = releases.run(trouble)
        assert ended.status == 0, (trouble.told, ended)
        releases.require_finished(before, trouble)


def test_a_runner_that_is_killed(releases: Releases) -> None:
    """After that request nothing gets through: a clear failure, the old version serving.

    The same command completes the same release, on another machine or on the same one.
    """
    for trouble in each_request("after", then="before"):
        before = releases.cloud.versions("app")
        old = releases.cloud.serving("app")
        releases.change()
        store = releases.runner.machine()
        ended = releases.run(trouble, store)
        now = releases.cloud.versions("app")
        if trouble.met:
            assert ended.status == 3, (trouble.told, ended)
            assert ended.error or "the same command goes on from here" in ended.said, ended
            assert len(now) <= len(before) + 1
            # The last request of all is the one that moves the alias.
            moved = "UpdateAlias" in trouble.told[1]
            assert releases.cloud.serving("app") == (now[-1] if moved else old), trouble.told
        again = releases.run(None, store if trouble.at % 2 else None)
        assert again.status == 0, (trouble.told, again)
        releases.require_finished(before, trouble)


def test_an_answer_names_something_else(releases: Releases) -> None:
    """A wrong digest, other bytes, another code: never believed; the same again completes it."""
    ends = set()
    for trouble in each_request("digest"):
        before = releases.cloud.versions("app")
        old = releases.cloud.serving("app")
        releases.change()
        ended = releases.run(trouble)
        ends.add(ended.status)
        if ended.status:
            assert ended.status == 3, (trouble.told, ended)
            assert releases.cloud.serving("app") == old
            assert releases.run(None).status == 0, trouble.told
        releases.require_finished(before, trouble)

    assert ends == {0, 3}, "some lies end a release, and some are asked about again"


@pytest.mark.parametrize("kinds", [("after",), ("before", "503")], ids=str)
def test_all_is_made_with_one_request_going_wrong(
    releases: Releases, kinds: tuple[Kind, ...]
) -> None:
    """Repository, function, version and alias: each is made once."""
    for trouble in each_request(*kinds, turn=True):
        releases.rename()
        ended = releases.run(trouble)
        assert ended.status == 0, (trouble.told, ended)
        releases.require_finished([], trouble)


def test_a_runner_that_is_killed_while_all_is_made(releases: Releases) -> None:
    """Whatever is there by then is used: one repository, which lets Lambda in, one function."""
    for trouble in each_request("after", then="before", changing=True):
        releases.rename()
        ended = releases.run(trouble)
        assert ended.status == (3 if trouble.met else 0), (trouble.told, ended)
        again = releases.run(None)
        assert again.status == 0, (trouble.told, again)
        releases.require_finished([], trouble)
        assert releases.cloud.policy(f"team/{releases.name}"), trouble.told
