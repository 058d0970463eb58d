"""`imagekit profile`: what a function's imports cost, inside its artefact.

artefact ─→ engine ─→ probe in the sandbox ─→ attributed by the plan ─→ words, JSON, imagekit.lock
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.local.attribution import NO_LAYERS, Layers, normalised
from imagekit.local.profiled import Subject, profile_of
from imagekit.model.durations import duration, parse_duration
from imagekit.model.errors import CannotBuild, UsageError
from imagekit.model.gain import BytecodeGain
from imagekit.model.startup import ImportProfile
from imagekit.model.target import Architecture
from imagekit.pipeline.session import Session
from imagekit.pipeline.starting.runnable import Runnable, runnable
from imagekit.pipeline.starting.wish import Wish, settled
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.report.profile import closing_line, heavy_words, profile_lines, profiles_json


class ProfileRequest(Struct, frozen=True, kw_only=True):
    """What is to be measured, and what becomes of it."""

    artefact: str | None = None
    """None: the project's only function."""
    runs: int = 5
    wish: Wish = field(default_factory=Wish)
    fail_over_ms: float | None = None
    keep: bool = False
    """Write into imagekit.lock what bytecode buys."""

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise UsageError(what=f"--runs {self.runs} measures nothing", hint="use 1 or more")
        if self.keep and self.wish.request.lock_mode != "write":
            what = f"--keep writes imagekit.lock, and --{self.wish.request.lock_mode} forbids it"
            raise UsageError(what=what, hint="add `--no-locked`, or leave `--keep` out")


def read_limit(text: str | None) -> float | None:
    """`--fail-over`, in ms. UsageError for what is no duration."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(
            what=f"--fail-over {text} is no duration", hint="write `800ms` or `1.5s`"
        ) from error


def run(workshop: Workshop, asked: ProfileRequest, *, json: bool) -> None:
    """Measure, answer, and judge. CannotBuild where imports take longer than they may."""
    found, profile = measure(workshop, asked)
    console = workshop.console
    if json:
        console.answer(profiles_json((profile,)))
    else:
        console.answer("\n".join(profile_lines(profile, console.columns())))
    if asked.keep:
        _keep(workshop, asked, found, profile)
    console.say(closing_line(profile))
    if asked.fail_over_ms is not None:
        judge(profile, asked.fail_over_ms)


def measure(workshop: Workshop, asked: ProfileRequest) -> tuple[Runnable, ImportProfile]:
    """What was measured, and the profile. Raises what building and running raise."""
    from imagekit.daemon.engine import connect
    from imagekit.local.probing import probe

    with connect(workshop.environ) as engine:
        found = runnable(workshop, engine, asked.artefact, asked.wish.request)
        if asked.keep:
            _require_own(found)
        sandbox = settled(workshop, engine, found.sandbox, found.function, asked.wish)
        image = engine.containers.image(sandbox.image)
        handler = sandbox.handler_in(image)
        module = handler.rpartition(".")[0].replace("/", ".")
        if not module:
            raise UsageError(
                what=f"{found.artefact} does not say its handler",
                hint="name a function of a project, or an image whose CMD is `module.function`",
            )
        emulated = image.architecture not in ("", engine.machine)
        with workshop.console.stage(f"import {module}"):
            probed = probe(engine, sandbox, module, runs=asked.runs)
    subject = Subject(
        function=found.function.name if found.function else sandbox.function,
        artefact=found.artefact,
        architecture="arm64" if image.architecture == "arm64" else "x86_64",
        packaging=found.packaging,
        module=module,
        emulated=emulated,
    )
    layers = layers_of(found.made.plan) if found.made else NO_LAYERS
    return found, profile_of(subject, probed, layers)


def judge(profile: ImportProfile, fail_over_ms: float) -> None:
    """CannotBuild where the median is over it, naming the heaviest."""
    took = profile.measured_us.median / 1000
    if took > fail_over_ms:
        raise CannotBuild(
            what=f"imports of {profile.artefact} take {duration(took)}; "
            f"at most {duration(fail_over_ms)} were allowed",
            causes=heavy_words(profile, 5),
            hint="import what a start does not need where it is used, or leave packages out",
        )


def layers_of(plan: BuildPlan) -> Layers:
    """Where a plan puts what."""
    packages = {
        normalised(package.name): layer.name
        for layer in plan.layers
        if layer.kind == "packages"
        for package in layer.packages
    }
    client = next((layer.name for layer in plan.layers if layer.kind == "client"), None)
    return Layers(
        packages=packages,
        source=next((layer.name for layer in plan.layers if layer.kind == "source"), "source"),
        client=client,
        own=frozenset(normalised(package.name) for package in plan.packages if package.own),
    )


def gains_of(profile: ImportProfile) -> tuple[BytecodeGain, ...]:
    """What bytecode buys by package, what saves most for its bytes first; less than a millisecond
    is noise, and left out."""
    sums: dict[str, tuple[int, int]] = {}
    for one in profile.compiled:
        if one.owner is not None and one.owner.kind in ("own", "package"):
            label = one.owner.name.partition(" ")[0]
            package = "" if one.owner.name == "your code" else normalised(label)
            size_bytes, saved_us = sums.get(package, (0, 0))
            sums[package] = (size_bytes + one.bytecode_bytes, saved_us + one.saved_us)
    gains = [
        BytecodeGain(package=package, bytecode_bytes=size_bytes, saved_ms=round(saved_us / 1000))
        for package, (size_bytes, saved_us) in sums.items()
        if saved_us >= 1000
    ]
    return tuple(sorted(gains, key=lambda one: (-one.saved_ms / one.bytecode_bytes, one.package)))


def _require_own(found: Runnable) -> tuple[str, Architecture]:
    """The function and architecture that imagekit.lock has a place for."""
    if found.function is None or found.made is None:
        raise UsageError(
            what=f"--keep is for a function of a project here, and {found.artefact} is none",
            hint="name the function itself",
        )
    return found.function.name, found.made.plan.target.architecture


def _keep(
    workshop: Workshop, asked: ProfileRequest, found: Runnable, profile: ImportProfile
) -> None:
    function, architecture = _require_own(found)
    request = replace(asked.wish.request, functions=(function,))
    decisions = Session.open(workshop, request).decisions
    decisions.keep_bytecode_gains(function, architecture, gains_of(profile))
    decisions.save()
