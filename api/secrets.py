"""Tasks and schedules as they are shown: what their type's schema calls secret is masked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from api.replies import readable_reply
from api.wire import plain_unmasked
from shared.codec import decode
from shared.masking import SecretPlaces, hidden_in, hiding
from shared.models import ErrorGroup, Schedule, Task, TypeRegistry
from shared.queue import TaskQueue

#: How long a published schema is believed, and how long that a type has none.
TTL_S = 60.0
ABSENCE_TTL_S = 10.0
_NO_SECRETS = SecretPlaces(None)
_ALL_SECRET = SecretPlaces({"writeOnly": True})
#: What a handler or an operator wrote beside the payload, in which a secret may have been repeated.
_TEXTS = ("result", "error", "attempts", "progress", "logs", "metadata")


class KnownSecrets:
    """Where the payloads of task types hold secrets; read once a minute per type, in one call for all.

    When somebody reads the whole registry, nothing needs to be read here.

    Args:
        clock: seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[SecretPlaces, float]] = {}
        self._absent_until = 0.0

    def learn(self, registry: TypeRegistry) -> None:
        """What a read of the whole registry tells by the way."""
        now = self._clock()
        self._known = {
            name: (SecretPlaces(kind.json_schema), now + TTL_S) for name, kind in registry.types.items()
        }
        self._absent_until = now + ABSENCE_TTL_S

    async def of(self, queue: TaskQueue, task_type: str) -> SecretPlaces:
        """The secret places of one type."""
        await self._read(queue, [task_type])
        return self._places(task_type)

    async def show(self, queue: TaskQueue, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        """Tasks as an answer has them."""
        await self._read(queue, {task.task_type for task in tasks})
        return [masked_task(task, self._places(task.task_type)) for task in tasks]

    async def show_groups(self, queue: TaskQueue, groups: Sequence[ErrorGroup]) -> list[dict[str, Any]]:
        """Groups of dead tasks as an answer has them."""
        tasks = await self.show(queue, [group.task for group in groups])
        return [{**plain_unmasked(group), "task": task} for group, task in zip(groups, tasks, strict=True)]

    async def show_schedules(self, queue: TaskQueue, schedules: Sequence[Schedule]) -> list[dict[str, Any]]:
        """Schedules as an answer has them."""
        await self._read(queue, {one.spec.task.task_type for one in schedules})
        return [masked_schedule(one, self._places(one.spec.task.task_type)) for one in schedules]

    def _places(self, task_type: str) -> SecretPlaces:
        known = self._known.get(task_type)
        return known[0] if known is not None else _NO_SECRETS

    async def _read(self, queue: TaskQueue, names: Iterable[str]) -> None:
        now = self._clock()
        absent = (None, self._absent_until)
        wanted = sorted(name for name in names if self._known.get(name, absent)[1] <= now)
        if not wanted:
            return
        with readable_reply():
            texts = await queue.type_descriptions(wanted)
        for name, found in texts.items():
            self._known[name] = (_read_places(found), now + (TTL_S if found else ABSENCE_TTL_S))


def _read_places(texts: Sequence[str]) -> SecretPlaces:
    """What is secret by one of the descriptions of a type; workers of two versions may have published them."""
    if not texts:
        return _NO_SECRETS
    try:
        return SecretPlaces(
            {"allOf": [decode(text)["schema"] for text in texts]}
            if len(texts) > 1
            else decode(texts[0])["schema"]
        )
    except (msgspec.DecodeError, KeyError, TypeError):
        return _ALL_SECRET  # whatever a worker published there, it must not open anything


def masked_task(task: Task, places: SecretPlaces) -> dict[str, Any]:
    """A task without its secrets, those that its result, error or log lines repeat included."""
    shown = plain_unmasked(task)
    if not places.is_any:
        return shown
    hide = hiding(places.values(task.payload))
    return {
        **shown,
        "payload": places.mask(task.payload),
        **{name: hidden_in(shown[name], hide) for name in _TEXTS},
    }


def masked_schedule(schedule: Schedule, places: SecretPlaces) -> dict[str, Any]:
    """A schedule without its task's secrets."""
    shown = plain_unmasked(schedule)
    if places.is_any:
        task = shown["spec"]["task"]
        shown["spec"] = {**shown["spec"], "task": {**task, "payload": places.mask(task["payload"])}}
    return shown
