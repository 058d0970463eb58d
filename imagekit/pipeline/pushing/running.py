"""What deployed functions run, as images before: where tags are immutable, the newest (decision 4).

For commands that deploy: they talk to AWS anyway. One GetFunction for each function and stage, and
only where the store and the repository lack something.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from imagekit.model.reference import Reference
from imagekit.pipeline.deploying.stages import at_stage
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig, Stage
from imagekit.project.config_stages import for_stage

if TYPE_CHECKING:
    from imagekit.aws.functions import Functions


class Running(Struct, frozen=True, kw_only=True):
    """Asks Lambda in the stages of one release. Safe to use from threads."""

    workshop: Workshop
    stages: Sequence[Stage | None]
    _clients: dict[str, Functions] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, function: FunctionConfig) -> Iterator[Reference]:
        """The image of each stage's function, by digest. Raises RemoteError."""
        for stage in self.stages:
            name = for_stage(function, stage).name or function.name
            found = self._functions(stage).get(name)
            if found is not None and found.image is not None:
                yield Reference.parse(found.image)

    def _functions(self, stage: Stage | None) -> Functions:
        from imagekit.aws.functions import Functions

        key = stage.name if stage else ""
        with self._lock:
            if key not in self._clients:
                place = at_stage(self.workshop, stage)
                self._clients[key] = Functions(place.environ, sleep=place.sleep)
                self._clients[key].connect()
            return self._clients[key]
