"""Following events: parsing, resuming, and what ends it; the streams are scripted, as no server breaks on demand."""

from __future__ import annotations

import itertools

import httpx
import pytest

from shared.client import Event, NotAllowed, Retries, Unavailable
from tests.client.test_client import problem


class Streams(httpx.MockTransport):
    """One stream per connection, in turn; notes where each was to resume."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.resumed: list[str | None] = []
        self.asked: list[str] = []
        left = list(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            self.resumed.append(request.headers.get("last-event-id"))
            self.asked.append(str(request.url.query, "ascii"))
            chosen = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(chosen, httpx.TransportError):
                raise chosen
            return httpx.Response(chosen.status_code, headers=chosen.headers, content=chosen.content)

        super().__init__(answer)


def stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def followed(client, count, **asked):
    return list(itertools.islice(client.events(**asked), count))


def test_events_are_read_and_resumed_where_a_stream_ended(make_client):
    streams = Streams(
        stream(
            ': hello\nretry: 0\n\nid: 1-0\nevent: tasks\ndata: {"n":\ndata: 1}\n\nid: 2-0\ndata: text\n\nid: 9-9\ndata: cut'
        ),
        stream("id: 3-0\nevent: reset\ndata: {}\n\n"),
    )
    client = make_client("http://api.test", transport=streams)
    assert followed(client, 3, queue="mail", task_id="0" * 27) == [
        Event("1-0", "tasks", {"n": 1}),
        Event("2-0", "change", "text"),
        Event("3-0", "reset", {}),
    ]
    assert streams.asked == [f"queue=mail&task={'0' * 27}"] * 2


def test_an_event_that_was_cut_off_is_asked_for_again(make_client):
    streams = Streams(
        stream("retry: 0\n\nid: 1-0\ndata: 1\n\nid: 2-0\ndata: 2\n"), stream("id: 2-0\ndata: 2\n\n")
    )
    client = make_client("http://api.test", transport=streams)
    assert [event.id for event in followed(client, 2, after="0-1")] == ["1-0", "2-0"]
    assert streams.resumed == ["0-1", "1-0"]


def test_a_lost_connection_is_made_again_and_failures_in_a_row_end_it(make_client):
    lost = httpx.ReadError("cut")
    streams = Streams(lost, lost, stream("id: 1-0\ndata: 1\n\n"), lost, lost, lost)
    client = make_client("http://api.test", transport=streams, retries=Retries(attempts=3, initial_s=0))
    events = client.events()
    assert next(events).id == "1-0"
    with pytest.raises(Unavailable, match="cut"):
        next(events)
    assert len(streams.resumed) == 6


def test_a_refusal_is_raised_at_once(make_client):
    client = make_client("http://api.test", transport=Streams(problem(403)))
    with pytest.raises(NotAllowed):
        followed(client, 1)


def test_an_api_without_streams_is_polled(make_client):
    def page(cursor, *ids, reset=False):
        events = [{"id": one, "counts": {}} for one in ids]
        return httpx.Response(
            200, json={"events": events, "cursor": cursor, "reset": reset, "poll_after_seconds": 0.0}
        )

    streams = Streams(
        problem(501), page("5-0"), page("7-0", "6-0", "7-0"), page("9-0", reset=True), page("9-0", "9-1")
    )
    client = make_client("http://api.test", transport=streams)
    assert [(event.id, event.kind) for event in followed(client, 4, queue="mail")] == [
        ("6-0", "change"),
        ("7-0", "change"),
        ("9-0", "reset"),
        ("9-1", "change"),
    ]
    asked = [
        "queue=mail",
        "queue=mail",
        "queue=mail&after=5-0",
        "queue=mail&after=7-0",
        "queue=mail&after=9-0",
    ]
    assert streams.asked == asked
