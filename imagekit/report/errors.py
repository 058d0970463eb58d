"""The words of every error: what happened and where, `caused by:`, and a `hint:` to type."""

from __future__ import annotations

from collections.abc import Iterator

from imagekit.model import errors
from imagekit.model.sizes import size
from imagekit.report.budget import budget_lines, grown_words
from imagekit.report.plan import way_lines

REPORT_BUG = "this is a bug in imagekit; run again with --verbose and report what it prints"


def words(error: errors.ImagekitError) -> str:
    """Several lines for stderr, without a final newline."""
    headline, *details = _lines(error)
    lines = [f"error: {headline}", *(f"  {detail}" for detail in details)]
    cause = error.__cause__
    while cause is not None:
        lines.append(f"caused by: {_first_line(cause)}")
        cause = cause.__cause__
    if error.hint:
        lines += ["", f"hint: {error.hint}"]
    return "\n".join(lines)


def told(error: errors.ImagekitError) -> str:
    """The error in one line, for a report that goes on: what happened, and what to type."""
    return next(_lines(error)) + (f"; {error.hint}" if error.hint else "")


def _first_line(cause: BaseException) -> str:
    if isinstance(cause, errors.ImagekitError):
        return next(_lines(cause))
    text = str(cause).strip() or type(cause).__name__
    return text.splitlines()[0]


def _lines(error: errors.ImagekitError) -> Iterator[str]:
    match error:
        case errors.InputError():
            yield from _input(error)
        case errors.BuildError():
            yield from _build(error)
        case errors.RemoteError():
            yield from _remote(error)
        case _:
            yield str(error)


def _input(error: errors.InputError) -> Iterator[str]:
    match error:
        case errors.ConfigError(problems=problems):
            yield "the configuration cannot be used"
            yield from (f"{problem.where}: {problem.what}" for problem in problems)
        case errors.BrokenHandler(problems=problems, python=python):
            yield f"Python {python} cannot import the handler"
            yield from (f"{problem.where}: {problem.what}" for problem in problems)
        case errors.LockError(path=path, problems=problems):
            yield f"{path} cannot be used"
            yield from problems
        case errors.UsageError(what=what):
            yield what
        case _:
            yield str(error)


def _build(error: errors.BuildError) -> Iterator[str]:
    match error:
        case errors.CannotBuild(what=what, causes=causes):
            yield what
            yield from causes
        case errors.CommandFailed(argv=argv, status=status, stderr_tail=tail):
            yield f"`{' '.join(argv)}` ended with status {status}"
            yield from tail.splitlines()
        case errors.TooLarge():
            yield from _too_large(error)
        case errors.OverBudget(overruns=overruns):
            yield from budget_lines(overruns)
        case errors.ChecksFailed(artefact=artefact, findings=findings):
            yield f"Lambda would refuse {artefact}"
            yield from (f"{rule} {place}: {what}" for rule, place, what in findings)
        case errors.CannotDeploy(problems=problems):
            yield "nothing was deployed"
            yield from (f"{problem.where}: {problem.what}" for problem in problems)
        case _:
            yield from _contents(error)


def _contents(error: errors.BuildError) -> Iterator[str]:
    match error:
        case errors.NoWheel(package=package, target=target, available=available, reason=reason):
            yield f"{package} has no wheel for {target}" + (f": {reason}" if reason else "")
            yield from (f"there is {name}" for name in available[:8])
        case errors.NoWheels(problems=problems):
            yield "packages cannot be had for the target"
            yield from (line for problem in problems for line in _contents(problem))
        case errors.DigestMismatch(what=what, expected=expected, actual=actual):
            yield from _mismatch(what, expected, actual)
        case errors.BadWheel(wheel=wheel, what=what):
            yield f"{wheel} cannot be used: {what}"
        case errors.PathCollisions(collisions=collisions):
            yield "two packages write the same file with different bytes"
            yield from (f"{c.path}: {c.owners[0]} and {c.owners[1]}" for c in collisions)
        case _:
            yield str(error)


def _mismatch(what: str, expected: str, actual: str) -> Iterator[str]:
    yield f"{what} is not what was promised"
    yield f"expected {expected}"
    yield f"got      {actual}"


def _too_large(error: errors.TooLarge) -> Iterator[str]:
    over = error.actual_bytes - error.limit_bytes
    yield (
        f"{error.what} is {size(error.actual_bytes)}; "
        f"the limit is {size(error.limit_bytes)} ({size(max(over, 0))} too much)"
    )
    yield from (f"{label}: {size(weight)}" for label, weight in error.biggest)
    if error.grown:
        yield f"since the last build: {grown_words(error.grown)}"
    yield from (line[2:] for line in way_lines(error.ways))


def _remote(error: errors.RemoteError) -> Iterator[str]:
    match error:
        case errors.HttpError(method=method, url=url, status=status, diagnostics=diagnostics):
            answer = f"answered {status}" if status else "did not answer"
            yield f"{method} {url} {answer}"
            if isinstance(error, errors.IndexRefused):
                yield from _index_refused(error)
            yield from diagnostics.splitlines()[:8]
        case errors.RemoteMismatch(what=what, expected=expected, actual=actual):
            yield from _mismatch(what, expected, actual)
        case errors.RemoteRefused(what=what, causes=causes):
            yield what
            yield from causes
        case errors.UpdateFailed(function=function, code=code, reason=reason):
            yield f"Lambda could not do it: {function} failed; what served before still serves"
            yield f"{code}: {reason}"
        case _:
            yield str(error)


def _index_refused(error: errors.IndexRefused) -> Iterator[str]:
    if error.credentials:
        yield f"the index {error.index} refused the credentials of {error.credentials}"
        return
    yield f"no credentials were found for the index {error.index}"
    yield f"looked in: {', '.join(error.looked_in)}"
