"""imagekit and other builders side by side in one run: `python benchmarks/run.py`.

Same wheels on local disk, same base in a local registry, same project. Contenders take turns; the
table holds medians. Prints Markdown on stdout, progress on stderr, and removes what it made.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.contenders import (
    BUILDKIT,
    Buildah,
    Contender,
    Docker,
    Imagekit,
    buildkit_client,
    dockerfile,
)
from benchmarks.material import Material, bump, change_code, gather, push_base, run
from tests.services.containers import Function, forget, lambda_container
from tests.services.docker import NoDocker, running_engine
from tests.services.registry import running_registry, stored_bytes

IMAGEKIT = (sys.executable, "-m", "imagekit")


@dataclass(slots=True)
class Results:
    """Seconds and bytes sent of each run, by scenario and contender."""

    seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    sent: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, scenario: str, contender: str, seconds: float, sent: int) -> None:
        """Keep one run."""
        self.seconds.setdefault((scenario, contender), []).append(seconds)
        self.sent.setdefault((scenario, contender), []).append(sent)

    def table(self, names: Sequence[str]) -> str:
        """Medians; beside each the ratio to imagekit's, and what was sent."""
        scenarios = dict.fromkeys(scenario for scenario, _ in self.seconds)
        rows = [["", *names], ["---", *(["---:"] * len(names))]]
        rows += [[each, *(self._cell(each, name) for name in names)] for each in scenarios]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def _cell(self, scenario: str, name: str) -> str:
        if (scenario, name) not in self.seconds:
            return "-"
        seconds = statistics.median(self.seconds[scenario, name])
        sent = statistics.median(self.sent[scenario, name])
        ours = self.seconds.get((scenario, "imagekit"))
        ratio = (
            f" ({seconds / statistics.median(ours):.1f}x)" if ours and name != "imagekit" else ""
        )
        return f"{seconds:.2f} s{ratio}, {megabytes(sent)}"


def megabytes(size: float) -> str:
    """A size as people read it."""
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.1f} kB"


@dataclass(slots=True, kw_only=True)
class Bench:
    """The contenders, the registry's folder, and what was measured."""

    contenders: tuple[Contender, ...]
    storage: Path
    runs: int
    rebase: Callable[[], object]
    results: Results = field(default_factory=Results)

    def turns(self, scenario: str, before: Callable[[Contender, int], None]) -> None:
        """`runs` rounds in which each contender builds and pushes once; `before` is not timed."""
        for number in range(1, self.runs + 1):
            for contender in self.contenders:
                before(contender, number)
                kept = stored_bytes(self.storage)
                start = time.perf_counter()
                contender.build_and_push()
                seconds = time.perf_counter() - start
                sent = stored_bytes(self.storage) - kept
                self.results.add(scenario, contender.name, seconds, sent)
                say(f"{scenario} {number}: {contender.name} {seconds:.2f} s, {megabytes(sent)}")

    def cold(self, contender: Contender, number: int) -> None:
        """No caches, and a registry that holds the base alone."""
        contender.forget()
        shutil.rmtree(self.storage / "storage", ignore_errors=True)
        self.rebase()


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def measure(bench: Bench, stamp: int) -> None:
    """All scenarios. `stamp` keeps changes of this run apart from those of earlier ones."""
    for bytecode, words in ((False, "without bytecode"), (True, "with bytecode")):
        for contender in bench.contenders:
            contender.prepare(bytecode=bytecode)
        bench.turns(f"cold build and push, {words}", bench.cold)
    # The last cold run emptied the registry once for each contender: all push again, untimed.
    for contender in bench.contenders:
        contender.build_and_push()
    bench.turns("code change and push", lambda each, n: change_code(each.project, stamp + n))
    bench.turns("boto3 bumped and push", lambda each, n: bump(each.project, stamp + n))
    bench.turns("nothing changed, push", lambda each, n: None)


def start_up(times: int = 11) -> str:
    """Median seconds of `imagekit --help`, beside Python's own start."""
    program = shutil.which("imagekit", path=str(Path(sys.executable).parent))
    command = [program] if program else [*IMAGEKIT]
    ours = [timed([*command, "--help"]) for _ in range(times)]
    python = [timed([sys.executable, "-c", "pass"]) for _ in range(times)]
    return (
        f"`imagekit --help`: {statistics.median(ours):.3f} s "
        f"(Python's own start-up {statistics.median(python):.3f} s)"
    )


def timed(argv: list[str]) -> float:
    """Seconds of one command."""
    start = time.perf_counter()
    run(argv)
    return time.perf_counter() - start


def answers(engine: str, reference: str, project: Path) -> None:
    """An image that does not answer is no contender."""
    import json

    event = json.loads((project / "event.json").read_text(encoding="utf-8"))
    try:
        with lambda_container(engine, Function(image=reference)) as running:
            answer = running.invoke(event)
        assert answer.error is None, answer.error
    finally:
        forget(engine, reference)


def contenders(material: Material, engine: str | None, only: Sequence[str]) -> Iterator[Contender]:
    """Those that can run here."""
    if not only or "imagekit" in only:
        yield Imagekit(material, IMAGEKIT)
        yield Imagekit(material, IMAGEKIT, slim="safe", name="imagekit-safe")
    if engine and (client := buildkit_client(engine)):
        for buildkit, name in ((True, "buildkit"), (False, "classic")):
            if not only or name in only:
                yield Docker(material, engine, client, buildkit)
    if shutil.which("buildah") and (not only or "buildah" in only):
        yield Buildah(material)


@contextmanager
def engine_or_none() -> Iterator[str | None]:
    """A Docker Engine, or None with the reason said."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(running_engine(os.environ))
        except NoDocker as error:
            say(f"left out: Docker ({error})")
            engine = None
        yield engine


def main(arguments: argparse.Namespace) -> None:
    """Set up, measure, print, clean up."""
    cache = arguments.cache
    cache.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imagekit-bench-")))
        registry = stack.enter_context(running_registry(folder))
        push_base(registry, cache)
        engine = stack.enter_context(engine_or_none())
        material = gather(folder, cache, registry)
        made = tuple(contenders(material, engine, arguments.only))
        for each in made:
            stack.callback(each.close)
        bench = Bench(
            contenders=made,
            storage=folder,
            runs=arguments.runs,
            rebase=lambda: push_base(registry, cache),
        )
        measure(bench, stamp=int(time.time()))
        if engine:
            for each in made:
                repository = f"scoring-{each.name.split(' ')[0].lower()}"
                answers(engine, f"{registry}/{repository}:bench", each.project)
        print(report(bench, material))


def report(bench: Bench, material: Material) -> str:
    """The whole of stdout, as Markdown."""
    names = [each.name for each in bench.contenders]
    today = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        f"{today}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}; medians of {bench.runs} runs that took turns; "
        "beside seconds the ratio to imagekit's and the bytes that the registry took in. "
        '`imagekit` ships every file of the wheels, as the others do (`slim = "off"`); '
        "`imagekit-safe` is what it makes where nothing is said.",
        "",
        bench.results.table(names),
    ]
    if "imagekit" in names:
        lines += ["", start_up()]
    lines += ["", "BuildKit's Dockerfile (`--compile-bytecode` where bytecode is on):", "```"]
    lines += [dockerfile(BUILDKIT, "base:trixie", bytecode=False).rstrip(), "```"]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each scenario (default 3)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=["imagekit", "buildkit", "classic", "buildah"],
        help="leave the others out; may be given again",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir(), "imagekit-bench-cache"),
        help="downloads and the composed base, kept between runs",
    )
    main(parser.parse_args())
