"""Live events: lines of a server-sent stream to events, and when to connect again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from shared.client.errors import ApiError, error_of, no_answer, seconds_of
from shared.client.retrying import Retries
from shared.codec import decode

#: A stream that says nothing for so long is taken for dead; the API sends comments to keep it alive.
SILENCE_S = 60.0
#: Of events that have no name.
CHANGE = "change"
#: Status of an API that answers as a whole, and so never with a stream.
NO_STREAMS = 501
#: Between the planned end of one stream and the next.
RECONNECT_S = 0.1


@dataclass(frozen=True, slots=True)
class Event:
    """One notification; who follows one task reads its record.

    Attributes:
        id: where to resume after this one.
        kind: `change`; `ready` when a stream begins; `reset` when events were missed: read anew what you show;
            `away` and `back` when the API does not reach Redis, and does again.
        data: its JSON. Of a change: `at`, `counts` by queue and status, `tasks` (id and status of the first 20),
            and how many it left out (`omitted`).
    """

    id: str
    kind: str
    data: Any


class Feed:
    """What one follower has seen, over any number of connections.

    Args:
        after: id of the last event seen; None begins with the next one.
        retries: how many connections in a row may fail.
        url: of the API, for error texts.
    """

    def __init__(self, after: str | None, retries: Retries, url: str) -> None:
        self._last_id = after
        self._retries = retries
        self._url = url
        self._failures = 0
        self._next_id, self._kind, self._data = after, "", list[str]()
        self.pause_s = RECONNECT_S
        #: whether the API sends no streams (on AWS Lambda), so that it must be asked again and again
        self.is_polling = False

    @property
    def after(self) -> str | None:
        """Id of the last event seen."""
        return self._last_id

    @property
    def headers(self) -> dict[str, str]:
        """Of the next connection."""
        resumed = {"Last-Event-ID": self._last_id} if self._last_id else {}
        return {"Accept": "text/event-stream", **resumed}

    def opened(self) -> None:
        """A connection was made: what was cut off before is gone, and the count of failures begins anew."""
        self._next_id, self._kind, self._data = self._last_id, "", []
        self._failures = 0
        self.pause_s = RECONNECT_S

    def take(self, line: str) -> Event | None:
        """One line; the event that it completes."""
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._next_id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.pause_s = int(value) / 1000
        return None

    def take_page(self, page: Mapping[str, Any]) -> list[Event]:
        """What a poll was answered with; where to go on and when are kept."""
        self._last_id, self.pause_s = page["cursor"], page["poll_after_seconds"]
        missed = [Event(page["cursor"], "reset", {"cursor": page["cursor"]})] if page["reset"] else []
        return missed + [Event(one["id"], CHANGE, one) for one in page["events"]]

    def refused(self, response: httpx.Response) -> None:
        """The stream was answered by something else: poll, wait, or raise what it says."""
        if response.status_code == NO_STREAMS:
            self.is_polling, self.pause_s = True, 0.0
            return
        self._failed(error_of(response), response.status_code in (429, 502, 503, 504), response)

    def lost(self, error: httpx.TransportError) -> None:
        """The connection failed: wait, or raise when too many did in a row."""
        self._failed(no_answer(error, self._url), True, None)

    def _failed(self, error: ApiError, is_passing: bool, response: httpx.Response | None) -> None:
        self._failures += 1
        asked_s = seconds_of(response.headers.get("retry-after", "")) if response is not None else None
        pause_s = self._retries.pause_s(self._failures, asked_s) if is_passing else None
        if pause_s is None:
            raise error
        self.pause_s = pause_s

    def _complete(self) -> Event | None:
        self._last_id = self._next_id  # only now: an event that was cut off is to come again
        if not self._data:
            self._kind = ""
            return None
        text = "\n".join(self._data)
        try:
            data = decode(text)
        except msgspec.DecodeError:
            data = text
        event = Event(self._last_id or "", self._kind or CHANGE, data)
        self._kind, self._data = "", []
        return event
