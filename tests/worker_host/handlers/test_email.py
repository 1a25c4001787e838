"""The email handler against a real SMTP server, and into the outbox."""

import asyncio
import base64
import email
import socket
from email.policy import default
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.errors import SettingsError
from tests.worker_host.handlers.context import FakeContext
from tests.worker_host.handlers.mail_server import (
    PASSWORD,
    USER,
    Mailbox,
    authenticate,
    mail_server,
    make_certificate,
    tls_context,
)
from worker_host.control import Reject
from worker_host.handlers._email_payload import EmailPayload
from worker_host.handlers._email_transports import DeliveryError
from worker_host.handlers.email import send_email
from worker_host.registry import REGISTRY

CONTEXT = FakeContext(task_id="0:01JABC", task_type="email")


def payload(**fields) -> EmailPayload:
    return EmailPayload.model_validate({"to": "ann@example.com", "subject": "Hello", **fields})


def parsed(content: bytes):
    return email.message_from_bytes(content, policy=default)


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def plain_server(mailbox, monkeypatch):
    """A server without TLS and login, and the settings that lead to it."""
    with mail_server(mailbox) as port:
        monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("SMTP_PORT", str(port))
        monkeypatch.setenv("SMTP_TLS", "none")
        monkeypatch.setenv("SMTP_FROM", "Acme <mail@acme.example>")
        yield mailbox


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def login_server(mailbox, monkeypatch, certificate):
    """A server that wants STARTTLS and a login, and the settings that satisfy it."""
    options = {"tls_context": tls_context(certificate), "require_starttls": True}
    options |= {"authenticator": authenticate, "auth_required": True}
    with mail_server(mailbox, **options) as port:
        monkeypatch.setenv("SMTP_HOST", "localhost")
        monkeypatch.setenv("SMTP_PORT", str(port))
        monkeypatch.setenv("SMTP_CA_FILE", str(certificate))
        monkeypatch.setenv("SMTP_USERNAME", USER)
        monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
        monkeypatch.setenv("SMTP_FROM", "mail@acme.example")
        yield mailbox


async def test_message_arrives_whole(plain_server):
    logo = bytes(range(256))
    result = await send_email(
        payload(
            to=["Ann Müller <ann@example.com>", "bob@bücher.example"],
            cc="cy@example.com",
            bcc=["dee@example.com", "ann@example.com"],
            reply_to="help@acme.example",
            subject="Grüße",
            text="Plain äöü",
            html="<p>Rich</p>",
            attachments=[
                {
                    "filename": "logo.png",
                    "content": base64.b64encode(logo).decode(),
                    "content_type": "image/png",
                },
                {"filename": "blätt.bin", "content": "AAE="},
            ],
            headers={"X-Campaign": "spring", "List-Unsubscribe": "<https://acme.example/u>"},
        ),
        CONTEXT,
    )
    everyone = ["ann@example.com", "bob@xn--bcher-kva.example", "cy@example.com", "dee@example.com"]
    assert result["transport"] == "smtp"
    assert result["accepted"] == everyone
    assert result["refused"] == {}
    (envelope,) = plain_server.envelopes
    assert envelope.mail_from == "mail@acme.example"
    assert envelope.rcpt_tos == everyone
    message = parsed(envelope.content)
    assert message["Message-ID"] == result["message_id"]
    assert message["From"] == "Acme <mail@acme.example>"
    assert message["To"].addresses[0].display_name == "Ann Müller"
    assert message["Subject"] == "Grüße"
    assert message["Bcc"] is None
    assert "dee@example.com" not in envelope.content.decode()
    assert message["X-Campaign"] == "spring"
    assert message.get_body(("plain",)).get_content().strip() == "Plain äöü"
    assert message.get_body(("html",)).get_content().strip() == "<p>Rich</p>"
    first, second = message.iter_attachments()
    assert (first.get_filename(), first.get_content_type(), first.get_content()) == (
        "logo.png",
        "image/png",
        logo,
    )
    assert (second.get_filename(), second.get_content()) == ("blätt.bin", b"\x00\x01")


async def test_second_run_carries_the_same_message_id_and_other_tasks_another(plain_server):
    first = await send_email(payload(), CONTEXT)
    again = await send_email(payload(), FakeContext(task_id=CONTEXT.task_id, attempt=2))
    other = await send_email(payload(), FakeContext(task_id="0.01JABC"))
    assert first["message_id"] == again["message_id"]
    assert first["message_id"] != other["message_id"]
    assert first["message_id"].endswith("@acme.example>")


async def test_starttls_and_login(login_server):
    result = await send_email(payload(), CONTEXT)
    assert result["accepted"] == ["ann@example.com"]
    assert login_server.was_encrypted == [True]


async def test_wrong_password_is_rejected_and_names_the_variable(login_server, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", "wrong-horse")
    with pytest.raises(Reject, match="535") as caught:
        await send_email(payload(), CONTEXT)
    assert "SMTP_PASSWORD" in str(caught.value)
    assert "wrong-horse" not in str(caught.value)
    assert login_server.envelopes == []


async def test_certificate_nobody_vouches_for_is_not_trusted(login_server, monkeypatch):
    monkeypatch.delenv("SMTP_CA_FILE")
    with pytest.raises(DeliveryError, match="certificate verify failed"):
        await send_email(payload(), CONTEXT)
    assert login_server.envelopes == []


async def test_server_without_starttls_gets_no_message_in_clear(plain_server, monkeypatch):
    monkeypatch.setenv("SMTP_TLS", "starttls")
    with pytest.raises(DeliveryError, match="STARTTLS"):
        await send_email(payload(), CONTEXT)
    assert plain_server.envelopes == []


async def test_implicit_tls(mailbox, monkeypatch, certificate):
    with mail_server(mailbox, ssl_context=tls_context(certificate), server_hostname="localhost") as port:
        for name, value in {
            "HOST": "localhost",
            "PORT": port,
            "TLS": "implicit",
            "CA_FILE": certificate,
        }.items():
            monkeypatch.setenv(f"SMTP_{name}", str(value))
        monkeypatch.setenv("SMTP_FROM", "mail@acme.example")
        assert (await send_email(payload(), CONTEXT))["accepted"] == ["ann@example.com"]
    assert len(mailbox.envelopes) == 1


async def test_temporary_refusal_is_retried(plain_server):
    plain_server.answers = {"ann@example.com": "451 Greylisted"}
    with pytest.raises(DeliveryError, match="451 Greylisted"):
        await send_email(payload(), CONTEXT)


async def test_final_refusal_is_rejected(plain_server):
    plain_server.answers = {"ann@example.com": "550 No such user"}
    with pytest.raises(Reject, match="550 No such user"):
        await send_email(payload(), CONTEXT)


async def test_all_refused_and_one_only_for_now_is_retried(plain_server):
    plain_server.answers = {"ann@example.com": "550 No such user", "bob@example.com": "451 Later"}
    with pytest.raises(DeliveryError):
        await send_email(payload(to=["ann@example.com", "bob@example.com"]), CONTEXT)


async def test_some_refused_is_a_success_that_lists_them(plain_server):
    plain_server.answers = {"bob@example.com": "550 No such user"}
    result = await send_email(payload(to=["ann@example.com", "bob@example.com"]), CONTEXT)
    assert result["accepted"] == ["ann@example.com"]
    assert result["refused"] == {"bob@example.com": {"code": 550, "message": "No such user"}}


@pytest.mark.parametrize(("answer", "error"), [("452 Disk full", DeliveryError), ("554 Spam", Reject)])
async def test_answer_to_the_data_decides_too(plain_server, answer, error):
    plain_server.data_answer = answer
    with pytest.raises(error, match=answer):
        await send_email(payload(), CONTEXT)


async def test_server_that_is_away_is_retried(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("SMTP_PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("SMTP_FROM", "mail@acme.example")
        with pytest.raises(DeliveryError, match="cannot be used"):
            await send_email(payload(), CONTEXT)


async def test_server_that_says_nothing_is_given_up(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("SMTP_PORT", str(silent.getsockname()[1]))
        monkeypatch.setenv("SMTP_FROM", "mail@acme.example")
        monkeypatch.setenv("SMTP_TIMEOUT_SECONDS", "0.2")
        with pytest.raises(DeliveryError, match="Timeout"):
            await send_email(payload(), CONTEXT)


def test_without_a_server_the_message_is_a_file_and_the_result_says_so(tmp_path):
    result = asyncio.run(send_email(payload(bcc="dee@example.com", text="Hi"), CONTEXT))
    assert result["transport"] == "outbox"
    assert "not sent" in result["note"]
    assert "accepted" not in result
    path = Path(result["path"])
    assert path.parent == (tmp_path / "outbox").resolve()
    message = parsed(path.read_bytes())
    assert (message["To"], message["Bcc"], message["Subject"]) == (
        "ann@example.com",
        "dee@example.com",
        "Hello",
    )
    assert message["Message-ID"] == result["message_id"]


async def test_second_run_replaces_the_file_and_leaves_no_draft(tmp_path):
    await send_email(payload(), CONTEXT)
    await send_email(payload(), CONTEXT)
    await send_email(payload(), FakeContext(task_id="../../etc/passwd"))
    files = list((tmp_path / "outbox").iterdir())
    assert len(files) == 2
    assert {file.suffix for file in files} == {".eml"}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"to": []}, "to"),
        ({"to": "nobody"}, "to"),
        ({"to": "a@example.com, b@example.com"}, "to"),
        ({"to": "a@example.com\r\nBcc: x@example.com"}, "to"),
        ({"to": ["a@example.com", "b@exa mple.com"]}, "to"),
        ({"to": "Ann\n <a@example.com>"}, "to"),
        ({"subject": "Hi\r\nBcc: x@example.com"}, "subject"),
        ({"subject": "Hi\nX: y"}, "subject"),
        ({"subject": "Hi\u2028X: y"}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"from": "Ann\r <a@example.com>"}, "from"),
        ({"reply_to": "a@example.com\n"}, "reply_to"),
        ({"headers": {"X-A": "1\r\nBcc: x@example.com"}}, "headers"),
        ({"headers": {"X-A\r\nBcc": "x@example.com"}}, "headers"),
        ({"headers": {"Bcc": "x@example.com"}}, "headers"),
        ({"headers": {"Content-Type": "text/html"}}, "headers"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers"),
        ({"attachments": [{"filename": "a\r\nX: y", "content": ""}]}, "attachments"),
        ({"attachments": [{"filename": "../a", "content": ""}]}, "attachments"),
        ({"attachments": [{"filename": "a", "content": "no base64!"}]}, "attachments"),
        (
            {"attachments": [{"filename": "a", "content": "", "content_type": "multipart/mixed"}]},
            "attachments",
        ),
        (
            {"attachments": [{"filename": "a", "content": "", "content_type": "text/a\r\nX: y"}]},
            "attachments",
        ),
        ({"body": "text"}, "body"),
    ],
)
def test_payload_that_is_refused(fields, where):
    with pytest.raises(ValidationError) as caught:
        payload(**fields)
    assert {error["loc"][0] for error in caught.value.errors()} == {where}


async def test_broken_characters_in_the_body_are_rejected():
    with pytest.raises(Reject, match="cannot be encoded"):
        await send_email(payload(text="\ud800"), CONTEXT)


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"SMTP_HOST": "mail.test"}, "SMTP_FROM"),
        ({"SMTP_HOST": "mail.test", "SMTP_FROM": "nobody"}, "SMTP_FROM"),
        ({"SMTP_PORT": "lots"}, "SMTP_PORT"),
        ({"SMTP_TLS": "ssl"}, "SMTP_TLS"),
        ({"SMTP_USERNAME": "ann"}, "SMTP_PASSWORD"),
        ({"SMTP_PASSWORD": "secret"}, "SMTP_USERNAME"),
    ],
)
async def test_wrong_setting_names_its_variable(monkeypatch, environment, variable):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        await send_email(payload(), CONTEXT)
    assert caught.value.variable == variable
    assert "secret" not in str(caught.value)


async def test_empty_variables_count_as_not_set(monkeypatch):
    for name in ("SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_USERNAME"):
        monkeypatch.setenv(name, "")
    assert (await send_email(payload(), CONTEXT))["transport"] == "outbox"


def test_published_schema_uses_the_names_of_the_payload():
    schema = REGISTRY.get("email").description()["schema"]
    assert "from" in schema["properties"]
    assert "sender" not in schema["properties"]
    assert sorted(schema["required"]) == ["subject", "to"]
