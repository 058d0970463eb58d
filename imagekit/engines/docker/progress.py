"""What builders say while they work, as steps: which ran, which were there already. Pure.

BuildKit's is the `--progress=plain` of `docker build` (moby/buildkit, `util/progress/progressui`);
the classic builder's is the stream of `POST /build`.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

_VERTEX = re.compile(r"#(?P<id>\d+) (?P<rest>.*)")
_STEP = re.compile(r"\[(?P<place>[^\]]*\d+/\d+)\] (?P<what>.*)")
_OUTPUT = re.compile(r"\d+\.\d+ (?P<text>.*)")
_DONE = re.compile(r"DONE (?P<seconds>[\d.]+)s")
_FLAGS = re.compile(r"--(?:mount|network)=\S+\s*")
_LAYER = re.compile(r"source=layers/(?P<name>[^,\s]+)")
_CLASSIC = re.compile(r"Step (?P<place>\d+/\d+) : (?P<what>.*)", re.DOTALL)
_MAKES_FILES = ("RUN ", "COPY ", "ADD ", "WORKDIR ")
_SHOWN = 90
_KEPT_LINES = 25


class Step(Struct, kw_only=True):
    """One instruction of a Dockerfile that makes files."""

    place: str
    """Such as `3/8`."""
    what: str
    """The instruction, without its mounts."""
    state: str = "begun"
    """`begun`, `cached`, `done` or `failed`."""
    seconds: float = 0.0
    output: list[str] = field(default_factory=list)
    """Its last lines."""

    @property
    def words(self) -> str:
        """For one line of a terminal."""
        shown = self.what if len(self.what) <= _SHOWN else f"{self.what[: _SHOWN - 1]}…"
        return f"[{self.place}] {shown}"

    def wrote(self, line: str) -> None:
        """One more line of its output."""
        self.output.append(line)
        del self.output[:-_KEPT_LINES]


class Progress(Struct):
    """Listens to one build; every method gives what to show of it, or None."""

    steps: dict[str, Step] = field(default_factory=dict)
    """By the builder's own number, in the order in which they began."""
    errors: list[str] = field(default_factory=list)
    """What was said outside of any step: the last of it is why a build failed."""
    image: str | None = None
    """The image's id, where the classic builder said it."""
    current: str = ""
    """The classic builder's instruction of now, whether it makes files or not."""

    @property
    def ran(self) -> tuple[str, ...]:
        """Instructions that were run, in order."""
        return tuple(step.what for step in self.steps.values() if step.state == "done")

    @property
    def cached(self) -> tuple[str, ...]:
        """Instructions whose result was there."""
        return tuple(step.what for step in self.steps.values() if step.state == "cached")

    @property
    def failed(self) -> Step | None:
        """The step that failed: the one that said so, else the last that was not finished."""
        open_steps = [step for step in self.steps.values() if step.state == "begun"]
        said = [step for step in self.steps.values() if step.state == "failed"]
        return next(iter(said or open_steps[-1:]), None)

    def buildkit(self, line: str) -> str | None:
        """One line of plain progress."""
        found = _VERTEX.fullmatch(line.rstrip())
        if found is None:
            if line.strip() and not line.startswith(("--", " >")):
                self.errors.append(line.strip())
            return None
        name, rest = found["id"], found["rest"]
        if named := _STEP.fullmatch(rest):
            return self._begin(name, named["place"], named["what"])
        step = self.steps.get(name)
        return None if step is None else _went_on(step, rest)

    def classic(self, stream: str) -> str | None:
        """One `stream` of the classic builder."""
        text = stream.strip()
        if named := _CLASSIC.fullmatch(text):
            self._end_open()
            self.current = named["place"]
            return self._begin(self.current, self.current, named["what"])
        step = self.steps.get(self.current)
        if step is None or not text:
            return None
        if text.startswith("---> Using cache"):
            step.state = "cached"
            return f"[{step.place}] cached"
        if not text.startswith(("--->", "Removing intermediate", "Successfully")):
            step.wrote(text)
        return None

    def classic_finished(self) -> None:
        """The classic builder reached the end: its last step is done, too."""
        self._end_open()

    def _begin(self, name: str, place: str, what: str) -> str | None:
        layer = _LAYER.search(what) if what.startswith("RUN ") else None
        plain = " ".join(_FLAGS.sub("", what).split())
        if layer:  # the instruction is long, and the same for each of them
            plain = f"RUN uv pip install {layer['name']}"
        if not plain.startswith(_MAKES_FILES) or name in self.steps:
            return None
        self.steps[name] = Step(place=place, what=plain)
        return self.steps[name].words

    def _end_open(self) -> None:
        for step in self.steps.values():
            if step.state == "begun":
                step.state = "done"


def _went_on(step: Step, rest: str) -> str | None:
    if done := _DONE.fullmatch(rest):
        step.state, step.seconds = "done", float(done["seconds"])
        return f"[{step.place}] {step.seconds:.1f} s"
    if rest == "CACHED":
        step.state = "cached"
        return f"[{step.place}] cached"
    if rest.startswith("ERROR"):
        step.state = "failed"
    elif written := _OUTPUT.fullmatch(rest):
        step.wrote(written["text"])
    return None
