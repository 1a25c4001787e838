"""The webhook handler against a real receiver that checks signatures with the library of the standard."""

from __future__ import annotations

import http.server
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.errors import SettingsError
from tests.worker_host.handlers.context import FakeContext
from tests.worker_host.test_fetcher import REFUSED
from worker_host.control import Reject, RetryAfter
from worker_host.fetcher import FetchError, post
from worker_host.handler_settings import FetchSettings
from worker_host.handlers.webhook import WebhookPayload, send_webhook

SECRET, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkIHNlY3JldCBvZiAyNCBieXRlcw=="


class Receiver:
    """Takes webhooks, answers what it is told."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.taken: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks?token=t"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Once or twice."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(monkeypatch):
    running = Receiver()
    for name, value in {
        "WEBHOOK_SECRET": SECRET,
        "FETCH_ALLOW_PRIVATE": "1",
        "FETCH_ALLOW_HTTP": "1",
        "FETCH_PORTS": "any",
    }.items():
        monkeypatch.setenv(name, value)
    yield running
    running.stop()


def payload(url: str) -> WebhookPayload:
    task = {
        "id": "0" * 27,
        "task_type": "noop",
        "queue": "default",
        "attempt": 2,
        "created_ms": 1_795_571_818_107,
    }
    return WebhookPayload.model_validate(
        {"url": url, "event": "task.completed", "at_ms": 1_795_571_821_250, "task": task}
    )


def test_it_is_signed_as_the_standard_says(receiver):
    assert send_webhook(payload(receiver.url), FakeContext()) == {"status": 204}
    [(headers, body)] = receiver.taken
    assert headers["webhook-id"] == FakeContext().task_id
    assert Webhook(SECRET).verify(body, headers) == {
        "type": "task.completed",
        "timestamp": _utc(1_795_571_821_250),
        "data": {
            "id": "0" * 27,
            "task_type": "noop",
            "queue": "default",
            "status": "completed",
            "attempt": 2,
            "created_at": _utc(1_795_571_818_107),
            "finished_at": _utc(1_795_571_821_250),
        },
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"completed", b"cancelled"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, headers)


def _utc(ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def test_the_body_is_the_same_in_every_attempt(receiver):
    for _ in range(2):
        send_webhook(payload(receiver.url), FakeContext())
    (first, body), (second, other) = receiver.taken
    assert (first["webhook-id"], body) == (second["webhook-id"], other)


def test_while_a_secret_is_replaced_both_fit(receiver, monkeypatch):
    monkeypatch.setenv("WEBHOOK_SECRET", f"{SECRET} {OLD}")
    send_webhook(payload(receiver.url), FakeContext())
    [(headers, body)] = receiver.taken
    for secret in (SECRET, OLD):
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_ü", "whsec_%%%%%", "whsec_A"])
def test_a_secret_that_is_none_is_named_and_not_repeated(receiver, monkeypatch, secret):
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET: ") as caught:
        send_webhook(payload(receiver.url), FakeContext())
    assert secret == "" or f"{secret}." not in str(caught.value)
    assert receiver.taken == []


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 502, 503])
def test_whatever_is_not_taken_is_tried_again(receiver, status):
    receiver.status = status
    with pytest.raises(FetchError, match=f"answered {status}"):
        send_webhook(payload(receiver.url), FakeContext())


def test_a_receiver_may_say_when(receiver):
    receiver.status, receiver.headers = 503, {"Retry-After": "17"}
    with pytest.raises(RetryAfter) as caught:
        send_webhook(payload(receiver.url), FakeContext())
    assert caught.value.seconds == 17


def test_gone_is_gone(receiver):
    receiver.status = 410
    with pytest.raises(Reject, match="410"):
        send_webhook(payload(receiver.url), FakeContext())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    with pytest.raises(FetchError, match="redirects are not followed"):
        send_webhook(payload(receiver.url), FakeContext())
    assert len(receiver.taken) == 1


def test_nobody_there_is_tried_again_and_the_query_not_shown(receiver):
    receiver.stop()
    with pytest.raises(FetchError, match="cannot be reached") as caught:
        send_webhook(payload(receiver.url), FakeContext())
    assert "token" not in str(caught.value)


@pytest.mark.parametrize("address", [one for many in REFUSED.values() for one in many])
def test_no_name_leads_inside(address):
    with pytest.raises(Reject, match="leads to"):
        post("https://hooks.example/", b"{}", {}, settings=FetchSettings(), resolver=lambda *_: [address])


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://0/",
        "https://169.254.169.254/latest/meta-data",
        "http://my-app.example/",
        "https://my-app.example:6379/",
        "https://user:word@my-app.example/",
    ],
)
def test_no_spelling_leads_inside(url):
    with pytest.raises((Reject, FetchError)) as caught:
        post(url, b"{}", {}, settings=FetchSettings())
    assert isinstance(caught.value, Reject) or "Name or service not known" in str(caught.value)


def test_a_name_is_resolved_once(receiver):
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    url = receiver.url.replace("127.0.0.1", "hooks.example")
    assert post(url, b"{}", {}, resolver=lambda *_: answers.pop(0))[0] == 204
    assert answers == [["10.0.0.1"]]


DOCUMENT = (Path(__file__).parents[3] / "docs/WEBHOOKS.md").read_text("utf-8")


def test_the_document_shows_the_real_body_and_its_receiver_takes_it(receiver, capsys):
    shown = re.search(r"^```json\n(.*?)\n```$", DOCUMENT, re.MULTILINE | re.DOTALL)[1]
    code = re.search(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)[1]
    data = json.loads(shown)["data"]
    task = {name: data[name] for name in ("id", "task_type", "queue", "attempt")}
    times = {name: _ms(data[name]) for name in ("created_at", "finished_at")}
    body = {"url": receiver.url, "event": json.loads(shown)["type"], "at_ms": times["finished_at"]}
    send_webhook(
        WebhookPayload.model_validate({**body, "task": {**task, "created_ms": times["created_at"]}}),
        FakeContext(),
    )
    [(headers, sent)] = receiver.taken
    assert sent.decode() == shown
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["take"](SECRET, headers, sent) == 204
    assert capsys.readouterr().out == "task.completed 001m87xw54qsmp41r10syn5k6kj\n"
    assert names["take"](OLD, headers, sent) == 401


def _ms(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
