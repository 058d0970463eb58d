"""`make packages`: every package of the catalogue, as the dated table that README carries."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tests.packages.catalogue import SUBJECTS
from tests.packages.trial import PROFILES, Bench, Outcome
from tests.services.needs import USER_ENVIRON

_MB = 1_000_000


def main(names: list[str]) -> int:
    """Try the named packages, or all; 1 where one does not work."""
    asked = [one for one in SUBJECTS if not names or one.name in names]
    cache = Path(tempfile.gettempdir(), "imagekit-packages")
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(environ=USER_ENVIRON, cache=cache, folder=Path(folder))
        for subject in asked:
            outcome = bench.tried(subject)
            outcomes.append(outcome)
            sys.stderr.write(f"{_row(outcome)}\n")
            for profile, said in outcome.failures.items():
                sys.stderr.write(f"--- {profile}\n{said}\n")
            shutil.rmtree(Path(folder, subject.name))
    sys.stdout.write("\n".join(table(outcomes, datetime.now(UTC))) + "\n")
    return int(any(outcome.failures for outcome in outcomes))


def table(outcomes: Iterable[Outcome], now: datetime) -> Iterable[str]:
    """Markdown: MB of the whole ZIP without bytecode, the package with all that it needs."""
    yield f"Measured on {now:%Y-%m-%d}, x86_64, Python 3.13; MB of the unpacked ZIP without"
    yield "bytecode, each package with all that it needs."
    yield ""
    yield "| package | version | off | safe | max | imported and exercised |"
    yield "| --- | --- | ---: | ---: | ---: | --- |"
    yield from map(_row, outcomes)


def _row(outcome: Outcome) -> str:
    sizes = " | ".join(f"{outcome.unzipped_bytes[one] / _MB:.1f}" for one in PROFILES)
    failed = ", ".join(outcome.failures)
    works = f"no: {failed}" if failed else "✓ safe ✓ max"
    return f"| {outcome.name} | {outcome.version} | {sizes} | {works} |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
