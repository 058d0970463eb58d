"""`uv export` for many functions at once, before they are planned one after the other.

Each takes uv tens of milliseconds; sixty members of a workspace would wait for all of them in turn.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from imagekit.model.digest import Digest
from imagekit.model.errors import ImagekitError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.inputs import freshness_of, inputs_of
from imagekit.project.locks.lockfile import LockFile
from imagekit.project.uv import Uv
from imagekit.store import Store

Question = tuple[LockFile, FunctionConfig, Target, Uv]

_KIND = "exported"


def export_ahead(questions: Iterable[Question], store: Store) -> None:
    """Ask uv what `resolve` will ask it, where an earlier run did not; answers stay with the lock.

    What goes wrong is told when the function is planned: nothing is raised here.
    """
    todo = {key: question for question in questions if (key := _key(question)) and _new(store, key)}
    if len(todo) < 2:
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(_exported, todo.values())
        for key, fine in zip(todo, done, strict=True):
            if fine:
                store.put_record(_KIND, key, {})


def _exported(question: Question) -> bool:
    from imagekit.project.locks.uvlock import export

    lock, function, _, uv = question
    try:
        export(lock, function, uv)
    except ImagekitError:
        return False
    return True


def _key(question: Question) -> str | None:
    lock, function, target, uv = question
    if lock.kind != "uv":
        return None
    try:
        parts = [inputs_of(lock, function, target).hex, freshness_of(lock).hex, uv.identity()]
    except ImagekitError:
        return None
    return Digest.of(json.dumps([*parts, str(lock.path)]).encode()).hex


def _new(store: Store, key: str) -> bool:
    return store.record(_KIND, key) is None
