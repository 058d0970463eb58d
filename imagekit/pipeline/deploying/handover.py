"""What a release leaves for others to take over: stdout, a file, Terraform, GitHub."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from imagekit.console import Console
from imagekit.model.deployment import Deployed
from imagekit.model.errors import CannotBuild
from imagekit.model.outcome import Outcome
from imagekit.report import deploy as deploy_report
from imagekit.report.json import document
from imagekit.report.release import summary


class Handover(Struct, frozen=True, kw_only=True):
    """Where it goes."""

    environ: Mapping[str, str]
    json: bool = False
    metadata_file: Path | None = None
    tfvars: Path | None = None

    def give(self, console: Console, outcomes: Sequence[Outcome], done: Sequence[Deployed]) -> None:
        """Write every file, then answer on stdout: references and paths, or one JSON document.

        CannotBuild where a file cannot be written.
        """
        text = release_document(outcomes, done)
        images = images_of(outcomes)
        if self.metadata_file is not None:
            _write(self.metadata_file, text + "\n")
        if self.tfvars is not None:
            # A file named *.tfvars.json is Terraform's own JSON syntax.
            _write(self.tfvars, json.dumps({"images": images}, indent=2) + "\n")
        if output := self.environ.get("GITHUB_OUTPUT"):
            _append(Path(output), github_output(images))
        if step := self.environ.get("GITHUB_STEP_SUMMARY"):
            _append(Path(step), summary(outcomes, done))
        if self.json:
            console.answer(text)
        else:
            for outcome in outcomes:
                console.answer(str(outcome.reference or outcome.path))


def images_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Reference by digest of each function's image; of several architectures by NAME-ARCH."""
    pushed = [one for one in outcomes if one.reference]
    several = {one.name for one in pushed if sum(one.name == each.name for each in pushed) > 1}
    return {
        f"{one.name}-{one.architecture}" if one.name in several else one.name: str(one.reference)
        for one in pushed
    }


def release_document(outcomes: Sequence[Outcome], done: Sequence[Deployed]) -> str:
    """The document of `build --json`, with what was deployed beside it."""
    built = json.loads(document(outcomes))
    deployed = json.loads(deploy_report.document(done))["functions"]
    return json.dumps({**built, "deployments": deployed}, indent=2)


def github_output(images: Mapping[str, str]) -> str:
    """`image` and `digest` of the one image that there is, `images` as JSON of all.

    docs.github.com, "Setting an output parameter".
    """
    lines = [f"images={json.dumps(images)}"]
    if len(images) == 1:
        reference = next(iter(images.values()))
        lines += [f"image={reference}", f"digest={reference.rpartition('@')[2]}"]
    return "".join(f"{line}\n" for line in lines)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise _unwritable(path, error) from error


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> CannotBuild:
    return CannotBuild(what=f"{path} cannot be written", causes=(error.strerror or str(error),))
