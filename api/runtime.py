"""What one application instance holds: settings, keys, the connection to Redis, known task types."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from api.budget import Budget, Level
from api.deadline import DeadlineTransport
from api.errors import NotConfigured
from api.known_types import KnownTypes
from api.live.hub import EventHub
from api.live.pace import Pace, pace_of
from api.secrets import KnownSecrets
from api.security.keys import ApiKey, read_keys
from api.security.session import Sessions, session_secret
from api.security.sign_in import SignIns
from api.security.uses import KeyUses
from api.settings import ApiSettings, configuration_problem, read_settings
from api.watch import Watch
from shared.errors import SettingsError
from shared.notify import targets_of
from shared.queue import QueueOptions, TaskQueue
from shared.sealing import read_sealer
from shared.settings import TcpTarget, redis_target
from shared.transports import open_transport
from shared.transports.base import Transport

#: How many times longer viewers wait between looks when the month's budget is nearly spent.
SLOWED = 4


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
        self.sessions = self._sessions()
        self.uses = KeyUses()
        self.sign_ins = SignIns()
        self.secrets = KnownSecrets()
        self._transport = transport
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, EventHub] = WeakKeyDictionary()
        self._options = QueueOptions.of(
            self.settings,
            max_payload_bytes=self.settings.max_payload_bytes,
            sealer=read_sealer(self.settings.payload_key) if self.problem is None else None,
        )
        self._quiet_queues: set[str] = set()
        self.budget = Budget(self.settings.monthly_budget_calls)
        self.watch = Watch(
            self.settings, targets_of(self.settings.alerts) if self.problem is None else [], self.budget
        )
        self.types = KnownTypes(
            refuse_unknown=self.settings.check_task_types, uses=self.uses, on_read=self.secrets.learn
        )

    def _sessions(self) -> Sessions | None:
        """None where nobody can sign in: without keys there is nothing to sign in with."""
        if not self.keys:
            return None
        secret = session_secret(self.settings.session_secret, redis_target(self.settings))
        return Sessions(secret, self.settings.session_seconds)

    def new_queue(self, source: str = "viewers") -> TaskQueue:
        """A queue over the shared connection, whose `calls` begin at 0 and whose time is bounded."""
        transport = DeadlineTransport(self._shared())
        return TaskQueue(transport, self._options, self.budget.meters[source], self._quiet_queues)

    def patient_queue(self) -> TaskQueue:
        """The same for viewers' work that lasts: only each call by itself is bounded."""
        return TaskQueue(self._shared(), self._options, self.budget.meters["viewers"])

    def _shared(self) -> Transport:
        if self._transport is None:
            self._transport = open_transport(redis_target(self.settings))
        return self._transport

    @property
    def pace(self) -> Pace:
        """How often Redis may be asked now for those who watch."""
        pace = pace_of(redis_target(self.settings), self.settings.events_pace)
        return pace.slowed(SLOWED) if self.budget.level in (Level.SLOW, Level.SPENT) else pace

    @property
    def can_block(self) -> bool:
        """Whether the connection can wait for what comes."""
        return isinstance(redis_target(self.settings), TcpTarget)

    def hub(self) -> EventHub:
        """The one reader of events of this application and event loop; made at its first use."""
        loop = asyncio.get_running_loop()
        hub = self._hubs.get(loop)
        if hub is None:
            hub = EventHub(self.patient_queue(), lambda: self.pace, can_block=self.can_block)
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
