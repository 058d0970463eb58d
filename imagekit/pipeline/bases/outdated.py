"""`imagekit base outdated`: what the registries have that is newer than what is pinned here.

configuration, lock ─→ bases in use ─→ tags, digests ─→ facts of the newer one ─→ what differs
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.compare import compare
from imagekit.bases.definition import DebianOrigin, Definition, Source
from imagekit.bases.demands import OCI_ARCHITECTURES, Wanted
from imagekit.bases.follow import as_pinned, followed
from imagekit.bases.outdated import Look, exit_status
from imagekit.bases.tags import calendar, newer
from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.errors import BuildError, RemoteError
from imagekit.model.reference import Reference
from imagekit.pipeline.bases.pinned import Bases
from imagekit.pipeline.bases.project import BaseProject
from imagekit.pipeline.bases.used import Use, made_here, uses
from imagekit.pipeline.workshop import Workshop
from imagekit.project.lock_values import BasePin, ImagekitLock
from imagekit.report.bases import look_lines, looks_json, looks_line
from imagekit.report.errors import told

if TYPE_CHECKING:
    from imagekit.registry.client import FetchedManifest


def run(workshop: Workshop, *, json: bool = False) -> int:
    """Say which bases of this project or workspace are behind; the exit status.

    Raises ConfigError and LockError. What a registry refuses is told with its base, and keeps none
    of the others from being looked at.
    """
    opened = BaseProject.open(workshop, "frozen", None)
    looking = Looking(workshop=workshop, bases=opened.bases, lock=opened.decisions.lock)
    used = (*uses(opened.project, looking.lock), *made_here(opened.project, looking.lock))
    looks = tuple(looking.at(use) for use in used)
    answer = looks_json(looks) if json else "\n".join(look_lines(looks, workshop.today))
    if answer:
        workshop.console.answer(answer)
    workshop.console.say(looks_line(looks))
    return exit_status(looks)


class Looking(Struct, frozen=True, kw_only=True):
    """Looks at one base after the other."""

    workshop: Workshop
    bases: Bases
    lock: ImagekitLock

    def at(self, use: Use) -> Look:
        """What the registry has for this base; never raises what a registry refuses."""
        source, pin = self.bases.source(use.name), self.lock.base(use.name, use.architecture)
        look = Look(
            name=use.name,
            architecture=use.architecture,
            functions=tuple(function.name for function in use.functions),
            status="unknown",
            reference=pin.reference if pin else _named(source),
            pinned=pin.pinned if pin else None,
        )
        reference = followed(as_pinned(source, pin.reference) if pin else source)
        if reference is None:
            return self._unfollowed(use, source, look)
        if pin is not None and Reference.parse(pin.reference).name != reference.name:
            pin = None  # of what the configuration named before
        try:
            return self._at_registry(look, reference, pin)
        except RemoteError as error:
            return replace(look, status="unknown", why=told(error))

    def _unfollowed(self, use: Use, source: Source, look: Look) -> Look:
        """A folder, or composed here: then what it starts from is looked at."""
        if not isinstance(source, Definition):
            return replace(look, status="folder")
        if isinstance(source.origin, DebianOrigin):
            return replace(look, status="composed")
        below = self.at(replace(use, name=str(source.origin)))
        return replace(below, name=look.name, below=below.below or below.name)

    def _at_registry(self, look: Look, reference: Reference, pin: BasePin | None) -> Look:
        if reference.tag is None:
            return replace(look, status="fixed")
        look = replace(look, held=reference.digest is not None)
        reference = reference.tagged(reference.tag)
        if found := self._newer(reference, look):
            behind = replace(look, status="behind", tags=found)
            return self._compared(behind, reference.tagged(found[-1]), pin)
        named, today = self._today(reference, look)
        if today is None:
            return replace(look, why=f"there is no {reference} any more")
        if pin is None:
            return replace(look, status="unpinned")
        if pin.digest in (today, self._image(named, look)[1].digest):
            return replace(look, status="current")
        return self._compared(replace(look, status="behind"), named, pin)

    def _newer(self, reference: Reference, look: Look) -> tuple[str, ...]:
        tag = reference.tag or ""
        return newer(tag, self.bases.tags(reference), look.architecture) if calendar(tag) else ()

    def _today(self, reference: Reference, look: Look) -> tuple[Reference, Digest | None]:
        """What the tag names, or the architecture's own tag where there is only that."""
        own = reference.tagged(f"{reference.tag}-{look.architecture}")
        for named in (reference, own):
            if digest := self.workshop.registry.has_manifest(named):
                return named, digest
        return reference, None

    def _image(self, named: Reference, look: Look) -> tuple[Reference, FetchedManifest]:
        return self.workshop.registry.resolve(named, OCI_ARCHITECTURES[look.architecture])

    def _compared(self, look: Look, named: Reference, pin: BasePin | None) -> Look:
        """With the newer one's digest, and what differs from the pin; or why that is not known."""
        pulled, fetched = self._image(named, look)
        look = replace(look, newer=f"{named}@{fetched.digest}")
        if pin is None:
            return look
        try:
            facts = self._facts(look, named, pulled, fetched)
        except BuildError as error:
            return replace(look, why=told(error))
        return replace(look, difference=compare(pin.facts, facts))

    def _facts(
        self, look: Look, named: Reference, pulled: Reference, fetched: FetchedManifest
    ) -> BaseFacts:
        """As its publisher labelled them; else read from its layers, as an upgrade would."""
        from imagekit.bases.fetched import documents_of
        from imagekit.bases.label import labelled_facts

        store, registry = self.workshop.store, self.workshop.registry
        documents = documents_of(registry, store, pulled, fetched, str(named))
        if facts := labelled_facts(documents.config):
            return facts
        wanted = Wanted(name=str(named), source=named, architecture=look.architecture)
        with self.workshop.console.meter(f"reading {named}", 0) as meter:
            return self.bases.pinner(meter).base(wanted).facts


def _named(source: Source) -> str:
    """What the configuration says, where nothing is pinned yet."""
    if isinstance(source, Definition):
        return str(source.origin) if followed(source) else source.name
    return str(source)
