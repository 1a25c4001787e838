"""What one application instance holds: settings, keys, the connection to Redis, known task types."""

from __future__ import annotations

from api.budget import Budget
from api.deadline import DeadlineTransport
from api.errors import NotConfigured
from api.known_types import KnownTypes
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
from shared.settings import redis_target
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
        self.sessions = self._sessions()
        self.uses = KeyUses()
        self.sign_ins = SignIns()
        self.secrets = KnownSecrets()
        self._transport = transport
        self._options = QueueOptions.of(
            self.settings,
            max_payload_bytes=self.settings.max_payload_bytes,
            sealer=read_sealer(self.settings.payload_key) if self.problem is None else None,
        )
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
        if self._transport is None:
            self._transport = open_transport(redis_target(self.settings))
        return TaskQueue(DeadlineTransport(self._transport), self._options, self.budget.meters[source])

    async def close(self) -> None:
        """Close the connection; the next request would open a new one."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()
