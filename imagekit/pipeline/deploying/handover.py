"""What a release leaves for others to take over: stdout, a file, Terraform, GitHub."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from imagekit.console import Console
from imagekit.model.deployment import Deployed
from imagekit.model.outcome import Outcome
from imagekit.pipeline.writable import require_files, write_file
from imagekit.report import deploy as deploy_report
from imagekit.report.json import document
from imagekit.report.release import summary

_GITHUB = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


class Handover(Struct, frozen=True, kw_only=True):
    """Where it goes."""

    environ: Mapping[str, str]
    json: bool = False
    metadata_file: Path | None = None
    tfvars: Path | None = None

    def require(self) -> None:
        """UsageError for every file that could not be written: what it is to hold would be lost."""
        require_files([*self._written(), *self._appended()])

    def give(self, console: Console, outcomes: Sequence[Outcome], done: Sequence[Deployed]) -> None:
        """Answer on stdout: references and paths, or one JSON document; then write every file.

        CannotBuild where a file cannot be written.
        """
        text = release_document(outcomes, done)
        images = images_of(outcomes)
        if self.json:
            console.answer(text)
        else:
            for outcome in outcomes:
                console.answer(str(outcome.reference or outcome.path))
        # A file named *.tfvars.json is Terraform's own JSON syntax.
        variables = json.dumps({"images": images}, indent=2)
        for (option, path), whole in zip(self._written(), (text, variables), strict=True):
            if path is not None:
                write_file(option, path, f"{whole}\n")
        more = (github_output(images), summary(outcomes, done))
        for (variable, path), part in zip(self._appended(), more, strict=True):
            if path is not None:
                write_file(variable, path, part, "a")

    def _written(self) -> tuple[tuple[str, Path | None], ...]:
        return ("--metadata-file", self.metadata_file), ("--tfvars", self.tfvars)

    def _appended(self) -> tuple[tuple[str, Path | None], ...]:
        found = ((name, self.environ.get(name)) for name in _GITHUB)
        return tuple((name, Path(file) if file else None) for name, file in found)


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
