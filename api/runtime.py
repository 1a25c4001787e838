"""What one application instance holds: settings, keys, the connection to Redis, known task types."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from api.deadline import DeadlineTransport
from api.errors import NotConfigured
from api.known_types import KnownTypes
from api.live.hub import EventHub
from api.live.pace import Pace, pace_of
from api.security.keys import ApiKey, read_keys
from api.settings import ApiSettings, configuration_problem, read_settings
from shared.errors import SettingsError
from shared.queue import QueueOptions, TaskQueue
from shared.settings import TcpTarget, redis_target
from shared.transports import open_transport
from shared.transports.base import Transport


class Runtime:
    """Made once per application, without any network; Redis is first touched by a request.

    Args:
        settings: as given; read from the environment when left out.
        transport: as given; made from the settings at first use when left out.
    """

    def __init__(self, settings: ApiSettings | None = None, transport: Transport | None = None) -> None:
        self.problem: NotConfigured | None = None
        self.keys: list[ApiKey] = []
        try:
            self.settings = settings or read_settings()
        except SettingsError as error:
            self.settings = ApiSettings.model_construct()
            self.problem = NotConfigured([error])
        else:
            self.problem = configuration_problem(self.settings)
        if self.problem is None:
            self.keys = read_keys(self.settings.api_keys)
        self._transport = transport
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, EventHub] = WeakKeyDictionary()
        self._options = QueueOptions(
            namespace=self.settings.namespace,
            retention_s=self.settings.retention_seconds,
            keep=self.settings.retention_count,
            max_payload_bytes=self.settings.max_payload_bytes,
        )
        self.types = KnownTypes(refuse_unknown=self.settings.check_task_types)

    def new_queue(self) -> TaskQueue:
        """A queue over the shared connection, whose `calls` begin at 0 and whose time is bounded."""
        return TaskQueue(DeadlineTransport(self._shared()), self._options)

    def patient_queue(self) -> TaskQueue:
        """The same for work that lasts: only each call by itself is bounded."""
        return TaskQueue(self._shared(), self._options)

    def _shared(self) -> Transport:
        if self._transport is None:
            self._transport = open_transport(redis_target(self.settings))
        return self._transport

    @property
    def pace(self) -> Pace:
        """How often Redis may be asked for those who watch."""
        return pace_of(redis_target(self.settings), self.settings.events_pace)

    @property
    def can_block(self) -> bool:
        """Whether the connection can wait for what comes."""
        return isinstance(redis_target(self.settings), TcpTarget)

    def hub(self) -> EventHub:
        """The one reader of events of this application and event loop; made at its first use."""
        loop = asyncio.get_running_loop()
        hub = self._hubs.get(loop)
        if hub is None:
            hub = EventHub(self.patient_queue(), self.pace, can_block=self.can_block)
            self._hubs[loop] = hub
        return hub

    async def end_streams(self) -> None:
        """End event streams: a server that stops waits for its open answers."""
        hub = self._hubs.pop(asyncio.get_running_loop(), None)
        if hub is not None:
            await hub.close()

    async def close(self) -> None:
        """End event streams and close the connection; the next request would open a new one."""
        await self.end_streams()
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()
