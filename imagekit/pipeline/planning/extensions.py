"""The extensions of a run: pinned once, kept in `imagekit.lock`, judged on the base they go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, cast

from msgspec import Struct, field

from imagekit.bases.extension import ExtensionPinner, Open, WantedExtension
from imagekit.model.base import Base
from imagekit.model.errors import CannotBuild, ChecksFailed, ConfigError, Problem
from imagekit.model.extension import Extension, ExtensionFacts
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import CLIENT_ROOT
from imagekit.plan.extensions import contradictions, remarks
from imagekit.project.config import FunctionConfig
from imagekit.project.lock_values import inputs_of

if TYPE_CHECKING:
    from imagekit.bases.reading import Documents
    from imagekit.check.extension import Look
    from imagekit.check.layer import LayerFacts
    from imagekit.check.machine import Expected
    from imagekit.check.opened import OpenLayer
    from imagekit.model.image import Descriptor

_MACHINES: dict[Architecture, str] = {"x86_64": "x86_64", "arm64": "aarch64"}
_SYSTEM = frozenset(["/bin", "/bin/", "/bin/sh", "/etc/os-release", "/usr/lib/os-release"])
_MANY = 100
_SHOWN = 3


class Extensions(Struct, frozen=True, kw_only=True):
    """Resolves what `extensions` says; asks a registry only for what is not pinned yet."""

    workshop: Workshop
    decisions: Decisions
    _known: dict[tuple[str, Architecture], Extension] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def on(
        self, function: FunctionConfig, base: Base, architecture: Architecture
    ) -> tuple[Extension, ...]:
        """Those of a function, pinned; ConfigError where they cannot lie on the base together.

        Also raises LockError, what `ExtensionPinner.extension` raises, CannotBuild for an image
        that is no extension, and ChecksFailed for layers that Lambda would refuse.
        """
        found = tuple(self._pinned(name, architecture) for name in function.extensions)
        taken = CLIENT_ROOT.removeprefix("/opt/")
        where = f"{function.where}.extensions"
        if wrong := tuple(contradictions(found, base, (taken,))):
            raise ConfigError(
                problems=tuple(Problem(where, what) for what in wrong),
                hint="leave one of them out of `extensions`, or name another tag of it",
            )
        self._warn(f"{where}: {what}" for what in remarks(found, base))
        return found

    def _pinned(self, name: str, architecture: Architecture) -> Extension:
        key = (name, architecture)
        if key not in self._known:
            self._known[key] = self._from_lock(name, architecture)
        return self._known[key]

    def _from_lock(self, name: str, architecture: Architecture) -> Extension:
        inputs = inputs_of(name)
        edited = self.decisions.edited_extension(name, architecture)
        if pin := self.decisions.extension(name, architecture, inputs):
            return Extension(name=name, reference=pin.reference, digest=pin.digest, facts=pin.facts)
        wanted = WantedExtension(
            name=name, reference=edited or Reference.parse(name), architecture=architecture
        )
        found = self._read(wanted)
        self.decisions.keep_extension(found, architecture, inputs)
        return found

    def _read(self, wanted: WantedExtension) -> Extension:
        return ExtensionPinner(
            store=self.workshop.store,
            registry=lambda: self.workshop.registry,
            read=lambda documents, open_layer: self._look(wanted, documents, open_layer),
        ).extension(wanted)

    def _look(
        self, wanted: WantedExtension, documents: Documents, open_layer: Open
    ) -> ExtensionFacts:
        from imagekit.check.extension import look_at
        from imagekit.check.machine import Expected
        from imagekit.check.opened import OpenLayer

        def layer(descriptor: Descriptor, number: int) -> OpenLayer:
            return OpenLayer(
                descriptor=descriptor,
                diff_id=documents.config.diff_ids[number],
                open=lambda: cast("BinaryIO", open_layer(descriptor)),
            )

        layers = tuple(layer(one, number) for number, one in enumerate(documents.layers))
        expected = Expected(machine=_MACHINES[wanted.architecture])
        look = look_at(wanted.name, layers, self._stream(wanted, layers, expected), expected)
        _require_extension(wanted.name, look)
        self._warn(
            f"{wanted.name}: {found.rule} {found.place}: {found.what}"
            for found in look.report.warnings
        )
        return look.facts

    def _stream(
        self, wanted: WantedExtension, layers: tuple[OpenLayer, ...], expected: Expected
    ) -> list[LayerFacts]:
        from imagekit.check.layer import read_layer
        from imagekit.net.retry import with_retries

        total = sum(one.descriptor.size_bytes for one in layers if one.descriptor)
        read: list[LayerFacts] = []
        with self.workshop.console.meter(f"reading the extension {wanted.name}", total) as meter:
            for number, layer in enumerate(layers):

                def once(number: int = number, layer: OpenLayer = layer) -> LayerFacts:
                    return read_layer(number, layer, expected, lambda _: True)

                read.append(with_retries(once, sleep=self.workshop.sleep))
                meter(read[-1].blob_bytes)
        return read

    def _warn(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line not in self._said:
                self._said.add(line)
                self.workshop.console.say(f"warning: {line}")


def _require_extension(name: str, look: Look) -> None:
    """Its layers fill `/opt` alone, remove nothing, and Lambda takes them."""
    again = f"make one that has /opt alone: `FROM scratch`, then `COPY --from={name} /opt/ /opt/`"
    if _SYSTEM & set(look.outside) or len(look.outside) > _MANY:
        what = f"{name} is a whole system and no extension"
        raise CannotBuild(what=what, causes=_listed(look.outside, "outside /opt"), hint=again)
    if look.outside:
        what = f"the extension {name} fills more than /opt"
        program = next((path for path in look.outside if not path.endswith("/")), "/opt/")
        again = again.replace(" /opt/ /opt/", f" {program} /opt/extensions/")
        raise CannotBuild(what=what, causes=_listed(look.outside, "outside /opt"), hint=again)
    if look.removed:
        what = f"the extension {name} would remove files of the base"
        raise CannotBuild(what=what, causes=_listed(look.removed, "whiteouts"), hint=again)
    if look.report.errors:
        raise ChecksFailed(
            artefact=f"the extension {name}",
            findings=tuple((one.rule, one.place, one.what) for one in look.report.errors),
            hint=again,
        )
    if not look.facts.places:
        hint = "name the image whose layers hold /opt"
        raise CannotBuild(what=f"the extension {name} has nothing below /opt", hint=hint)


def _listed(paths: tuple[str, ...], what: str) -> tuple[str, ...]:
    more = len(paths) - _SHOWN
    shown = ", ".join(paths[:_SHOWN])
    return (f"{what}: {shown}" + (f" and {more} more" if more > 0 else ""),)
