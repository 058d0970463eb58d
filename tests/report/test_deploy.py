"""Deployments in words: a row each, and what to type next."""

from __future__ import annotations

import json

from msgspec.structs import replace

from imagekit.model.deployment import Deployed, Status, VersionNote
from imagekit.model.errors import UpdateFailed
from imagekit.report.deploy import closing_lines, problem_line, status_document, status_lines
from imagekit.report.errors import words

DIGEST = "421e" + "0" * 60
DONE = Deployed(
    function="scoring",
    name="scoring-prod",
    stage="prod",
    version="42",
    was="41",
    alias="live",
    image=f"host/team/scoring@sha256:{DIGEST}",
    note=VersionNote(commit="1a2b3c4"),
    steps=("update the code",),
    seconds=4.1,
)


def test_note_is_read_back_as_it_was_written() -> None:
    """What is unknown is left out; what others wrote tells nothing."""
    note = VersionNote(commit="1a2b3c4", base="2026.11.18", was="41")

    assert str(note) == "git 1a2b3c4 · base 2026.11.18 · was 41"
    assert VersionNote.parse(str(note)) == note
    assert str(VersionNote(was="41")) == "was 41"
    assert VersionNote.parse("was it git? base 7 · nothing") == VersionNote()


def test_row_tells_where_from_and_how_back() -> None:
    """Alias and versions, the digest, the commit; the command that goes back."""
    assert list(closing_lines([DONE])) == [
        "scoring  prod  done  live 41→42  image 421e00000000  git 1a2b3c4  4.1 s",
        "back again: imagekit rollback scoring --stage prod",
    ]


def test_row_without_a_stage_names_the_alias() -> None:
    """The command can be typed as it stands."""
    other = replace(DONE, stage=None, function="rating")
    lines = list(closing_lines([replace(DONE, stage=None), other]))

    assert lines[-1] == "back again: imagekit rollback --all --alias live"


def test_after_a_rollback_the_way_forward_is_told_with_where() -> None:
    """Without its stage or alias, `deploy` would refuse, or leave the alias where it is."""
    alone = replace(DONE, stage=None)
    other = replace(alone, function="rating")

    assert forward([DONE]) == "imagekit deploy scoring --stage prod"
    assert forward([alone, other]) == "imagekit deploy scoring rating --alias live"
    assert forward([replace(alone, alias=None)]) == "imagekit deploy scoring"


def forward(done: list[Deployed]) -> str:
    """The command that the last line of a rollback ends with."""
    return list(closing_lines(done, forward=False))[-1].removeprefix("forward again: ")


def test_failure_is_in_its_row_and_counted() -> None:
    """Why, at the end of the row; that the same command goes on."""
    failed = replace(DONE, function="rating", state="failed", problem="InvalidImage: x")
    lines = list(closing_lines([DONE, failed]))

    assert lines[1].endswith("InvalidImage: x")
    assert lines[-1] == "1 of 2 were not done; the same command goes on from here"


def test_lambdas_own_reason_is_verbatim() -> None:
    """In the error and in the row alike."""
    error = UpdateFailed(
        function="scoring", code="InvalidImage", reason="MissingParentDirectory: zipp", hint="h"
    )

    assert words(error).splitlines()[1] == "  InvalidImage: MissingParentDirectory: zipp"
    assert problem_line(error).endswith("InvalidImage: MissingParentDirectory: zipp")
    assert "hint" not in problem_line(error)


def test_status_shows_only_columns_that_say_something() -> None:
    """Digests in hex, whichever way Lambda writes them; a share of the traffic."""
    one = Status(
        function="scoring",
        name="scoring",
        alias="live",
        version="41",
        code="QgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        routing=(("42", 0.1),),
    )
    nowhere = Status(function="rating", name="rating")

    assert list(status_lines([one, nowhere])) == [
        "function  alias  version         code",
        "scoring   live   41 (10% to 42)  420000000000",
        "rating           not deployed",
    ]


def test_a_function_that_is_not_deployed_has_no_state() -> None:
    """Neither a version: a script that looks for `Active` does not find it."""
    (found,) = json.loads(status_document([Status(function="rating", name="rating")]))["functions"]

    assert found == {"function": "rating", "name": "rating"}
