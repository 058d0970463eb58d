"""`imagekit invoke`: one event to a function, in Lambda's sandbox here, or where it is deployed."""

from __future__ import annotations

from msgspec import Struct, field

from imagekit import __version__
from imagekit.daemon.engine import Engine, connect
from imagekit.local.environment import Environment
from imagekit.local.hints import Circumstances, of_limits, reasons
from imagekit.local.log import Log
from imagekit.model.errors import ConfigError, UsageError
from imagekit.model.invocation import Init, Invocation
from imagekit.pipeline.deploying.stages import at_stage
from imagekit.pipeline.starting.runnable import Runnable, runnable
from imagekit.pipeline.starting.wish import Wish, settled, stage_of
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig
from imagekit.project.config_stages import for_stage
from imagekit.project.read_config import load
from imagekit.report.invocation import failure_lines, init_lines, notes, report_line


class InvokeRequest(Struct, frozen=True, kw_only=True):
    """What to run, and with what."""

    artefact: str | None
    event: bytes
    wish: Wish = field(default_factory=Wish)


def run(workshop: Workshop, asked: InvokeRequest) -> int:
    """Run it here: the answer on stdout, log and REPORT on stderr. 1 where it failed.

    Raises what building and loading raise, RemoteRefused without an engine.
    """
    stage_of(workshop, asked.wish.stage)
    with connect(workshop.environ) as engine:
        engine.containers.tidy(workshop.now())
        found = runnable(workshop, engine, asked.artefact, asked.wish.request)
        return _run(workshop, engine, found, asked)


def _run(workshop: Workshop, engine: Engine, found: Runnable, asked: InvokeRequest) -> int:
    sandbox = settled(workshop, engine, found.sandbox, found.function, asked.wish)
    console = workshop.console
    log = Log(console.say)
    with Environment(engine, sandbox, log.feed, now=workshop.now) as environment:
        init = environment.start()
        for line in (*notes(init, emulated=environment.emulated), *init_lines(init)):
            console.say(line)
        invocation = environment.invoke(asked.event)
    log.close()
    image = engine.containers.image(sandbox.image)
    at = Circumstances(
        function=found.function.name if found.function else None,
        architecture=image.architecture,
        machine=engine.machine,
        network=asked.wish.network,
        handler=sandbox.handler_in(image),
    )
    _tell(workshop, init, invocation, log.tail(), at)
    return 1 if invocation.failure else 0


def _tell(workshop: Workshop, init: Init, found: Invocation, log: str, at: Circumstances) -> None:
    console = workshop.console
    for line in (*failure_lines(found), report_line(found)):
        console.say(line)
    if found.failure is not None:
        said = (*of_limits(found, at), *reasons(found.failure, log, at))
        for number, reason in enumerate(said):
            console.say(f"{'' if number else chr(10)}hint: {reason}")
    if init.timed_out:
        name = at.function or "FUNCTION"
        console.say(f"\nhint: INIT may take 10 s: `imagekit profile {name}` shows what it does")
    console.answer(found.payload.decode("utf-8", "replace"))


def run_remote(workshop: Workshop, asked: InvokeRequest) -> int:
    """Call the deployed function: its answer on stdout, the end of its log on stderr.

    1 where the function failed; AwsRefused where AWS did not call it.
    """
    from imagekit.aws.functions import Functions

    if asked.wish.variables or asked.wish.network:
        raise UsageError(
            what="--env and --network are for a function that runs here",
            hint="leave them out, or leave `--remote` out",
        )
    stage = stage_of(workshop, asked.wish.stage)
    function = _configured(workshop, asked.artefact)
    name = (for_stage(function, stage).name if function else None) or asked.artefact
    if name is None:
        raise UsageError(what="no function was named", hint="imagekit invoke NAME --remote")
    here = at_stage(workshop, stage)
    version = (stage.alias if stage else None) or "$LATEST"
    functions = Functions(here.environ, sleep=here.sleep)
    with workshop.console.stage(f"invoke {name}"):
        answer = functions.invoke(name, version, asked.event, tail=True)
    for line in answer.log.splitlines():
        workshop.console.say(line)
    workshop.console.answer(answer.payload)
    return 1 if answer.error else 0


def _configured(workshop: Workshop, name: str | None) -> FunctionConfig | None:
    try:
        functions = load(workshop.folder, version=__version__, whole=True).functions
    except ConfigError:
        return None
    if name is None and len(functions) == 1:
        return functions[0]
    return next((one for one in functions if one.name == name), None)
