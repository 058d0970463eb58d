"""What a function writes, line by line."""

from __future__ import annotations

from imagekit.local.log import Log


def said(*pieces: bytes) -> tuple[list[str], Log]:
    lines: list[str] = []
    log = Log(lines.append)
    for piece in pieces:
        log.feed(piece)
    log.close()
    return lines, log


def test_lines_are_whole_however_they_come() -> None:
    """Pieces cut anywhere, in a character, too; a last line without an end."""
    data = "first ü\nsecond\n\nlast".encode()

    assert said(*(data[at : at + 1] for at in range(len(data))))[0] == said(data)[0]
    assert said(data)[0] == ["first ü", "second", "", "last"]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    """A function may write what it likes."""
    assert said(b"\xff\xfe\n")[0] == ["\ufffd\ufffd"]


def test_traceback_of_the_runtime_client_is_lines_again() -> None:
    """awslambdaric joins them with carriage returns, for CloudWatch."""
    assert said(b"[ERROR] X\rTraceback:\r  File 1\n")[0] == ["[ERROR] X\nTraceback:\n  File 1"]


def test_only_the_end_is_kept() -> None:
    """Two hundred lines, each of them bounded: a log may be as long as it likes."""
    _, log = said(*(f"{number} {'x' * 10_000}\n".encode() for number in range(300)))

    kept = log.tail().split("\n")
    assert len(kept) == 200
    assert kept[-1].startswith("299 ") and len(kept[-1]) <= 4096
