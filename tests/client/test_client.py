"""Every operation of both clients, against the API behind a real socket."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.client import (
    AsyncClient,
    Client,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Retries,
    SubmitOptions,
    Unavailable,
    WaitTimeout,
)
from shared.errors import InvalidInput, SettingsError
from shared.models import Debounce, ScheduleSpec, TaskStatus, TaskSubmission
from shared.retry import RetryPolicy
from tests.client.conftest import Losing
from tests.support.faults import answering
from tests.support.http_api import HttpApi
from tests.support.workers import WorkerProcess

BIG = 2**80 + 1


def test_a_task_is_submitted_and_read(client):
    task = client.submit("noop", {"n": BIG, "text": "ü"}, priority=9, metadata={"order": 17})
    assert task.status is TaskStatus.PENDING
    stored = client.get(task.id)
    assert (stored.payload, stored.priority, stored.metadata) == ({"n": BIG, "text": "ü"}, 9, {"order": 17})


def test_options_may_be_objects(client):
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    task = client.submit("noop", {}, run_at=at, retry=RetryPolicy(initial_seconds=2.5), queue=None)
    stored = client.get(task.id)
    assert (stored.status, stored.run_at, stored.queue) == (TaskStatus.SCHEDULED, at, "default")


def test_options_are_all_fields_of_a_submission():
    """Whoever adds a field to TaskSubmission adds it to SubmitOptions."""
    assert SubmitOptions.__annotations__.keys() == TaskSubmission.model_fields.keys() - {
        "task_type",
        "payload",
    }


def test_a_batch_is_all_or_nothing(client):
    tasks = client.submit_many(
        [TaskSubmission(task_type="noop", payload={}), {"task_type": "noop", "payload": {}}]
    )
    assert [client.get(task.id).status for task in tasks] == ["pending", "pending"]
    with pytest.raises(InvalidRequest) as caught:
        client.submit_many(
            [{"task_type": "noop", "payload": {}}, {"task_type": "noop", "payload": {}, "priority": 11}]
        )
    assert caught.value.problem.field == "tasks[1].priority"
    assert len(list(client.tasks())) == 2


def test_pages_are_read_to_their_end(client):
    for start in range(0, 250, 125):
        client.submit_many([{"task_type": "noop", "payload": {"n": start + n}} for n in range(125)])
    client.submit("other", {})
    seen = [task.payload["n"] for task in client.tasks(task_type="noop", page_size=40)]
    assert seen == list(range(250))
    assert [
        task.task_type for task in client.tasks(status="pending", queue="default", task_type="other")
    ] == ["other"]


def test_refusals_say_field_rule_and_fix(client):
    with pytest.raises(InvalidRequest, match="priority: must be less than or equal to 10") as caught:
        client.submit("noop", {}, priority=11)
    problem = caught.value.problem
    assert (problem.status, problem.slug, problem.field) == (422, "invalid-input", "priority")
    assert problem.fix == "Send an integer from 1 to 10; 10 is claimed first."
    assert problem.request_id
    with pytest.raises(NotFound):
        client.get("0" * 27)
    with pytest.raises(NotFound):
        client.get("../../etc?x#y")
    with pytest.raises(InvalidInput, match="task: is not JSON"):
        client.submit("noop", {"at": datetime.now(UTC)})


def test_one_key_stands_for_one_task(client):
    first = client.submit("noop", {"n": 1}, idempotency_key="k")
    assert client.submit("noop", {"n": 1}, idempotency_key="k").id == first.id
    with pytest.raises(Conflict) as caught:
        client.submit("noop", {"n": 2}, idempotency_key="k")
    assert caught.value.problem.slug == "idempotency-conflict"
    assert client.submit("noop", {"n": 1}).id != client.submit("noop", {"n": 1}).id


def test_a_submission_may_be_answered_by_another_task(client):
    first = client.submit("noop", {"n": 1}, unique_key="k")
    again = client.submit("noop", {"n": 2}, unique_key="k", on_conflict="existing")
    assert (again.id, first.deduplicated, again.deduplicated) == (first.id, None, "existing")
    for _ in range(2):
        quiet = client.submit(
            "noop", {}, unique_key="q", debounce=Debounce(seconds=60.0), limit_key="l", fair_key="f"
        )
    assert quiet.deduplicated == "debounced"
    window = [client.submit("noop", {}, unique_key="t", throttle_seconds=60.0) for _ in range(2)]
    assert (window[1].id, window[1].deduplicated) == (window[0].id, "throttled")


def test_tasks_that_wait_are_changed_run_cancelled_and_deleted(client):
    task = client.submit("noop", {}, delay_seconds=3600)
    assert client.change(task.id, payload={"n": 2}, priority=8) == "scheduled"
    assert client.get(task.id).payload == {"n": 2}
    assert client.change(task.id, run_at=datetime.now(UTC) + timedelta(days=1)) == "scheduled"
    assert client.change(task.id, delay_seconds=60) == "scheduled"
    assert client.run_now(task.id) == "pending"
    assert client.cancel(task.id) == "cancelled"
    with pytest.raises(Conflict):
        client.requeue(task.id)
    client.delete(task.id)
    with pytest.raises(NotFound):
        client.delete(task.id)


def test_queues_and_overview(client):
    client.submit("noop", {}, queue="mail")
    client.pause_queue("mail", reason="moving")
    (queue,) = [queue for queue in client.queues() if queue.name == "mail"]
    assert (queue.pending, queue.paused["reason"]) == (1, "moving")
    client.resume_queue("mail")
    assert [queue.paused for queue in client.queues()] == [None]
    assert client.overview().counts["pending"] == 1


def test_schedules(client):
    spec = ScheduleSpec(interval_seconds=600.0, task=TaskSubmission(task_type="noop", payload={"n": 1}))
    assert client.put_schedule("report", spec).spec.interval_seconds == 600
    client.pause_schedule("report", reason="holidays")
    assert [schedule.paused for schedule in client.schedules()] == ["holidays"]
    client.resume_schedule("report")
    assert client.get(client.run_schedule("report")).payload == {"n": 1}
    client.delete_schedule("report")
    assert client.schedules() == []


async def test_a_task_is_waited_for(http_api, server):
    worker = await WorkerProcess(server.url, DTQ_NAMESPACE="test").ready()
    try:
        async with AsyncClient(http_api.url) as client:
            task = await client.submit("echo", {"n": 7})
            ended = await client.wait(task.id, timeout_s=30)
            assert ended.result == {"payload": {"n": 7}, "attempt": 1}
            assert [kind.name for kind in await client.task_types() if kind.name == "echo"] == ["echo"]
            (info,) = await client.workers()
            assert await client.drain_worker(info.name) == 0
            assert await client.drain_worker(info.name, drain=False) == 0
    finally:
        worker.stop()


async def test_dead_letters_are_grouped_and_requeued(http_api, server):
    worker = await WorkerProcess(server.url, DTQ_NAMESPACE="test").ready()
    try:
        async with AsyncClient(http_api.url) as client:
            tasks = await client.submit_many(
                [{"task_type": "raise", "payload": {"kind": "reject", "times": 1}} for _ in range(5)]
            )
            for task in tasks:
                assert (await client.wait(task.id, timeout_s=30)).status == "dead"
            assert len([task async for task in client.dead_letters(task_type="raise", page_size=2)]) == 5
            (group,) = await client.error_groups()
            assert group.count == 5
            steps = [step async for step in client.requeue_group(group.fingerprint, step=2)]
            assert sum(step.requeued for step in steps) == 5
            assert (await client.wait(tasks[0].id, timeout_s=30)).attempts
    finally:
        worker.stop()


def test_waiting_ends_with_how_the_task_stands(client):
    task = client.submit("noop", {}, delay_seconds=3600)
    with pytest.raises(WaitTimeout, match=r"had not ended after 0\.3 s; it is scheduled") as caught:
        client.wait(task.id, timeout_s=0.3)
    assert caught.value.task.id == task.id


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_submission_whose_answer_was_lost_is_repeated_and_stored_once(make_client, http_api, error):
    losing = Losing(2, error)
    client = make_client(http_api.url, transport=losing)
    task = client.submit("noop", {"n": 1})
    bodies = {body for _, _, body in losing.sent}
    assert (len(losing.sent), len(bodies)) == (3, 1)
    assert [stored.id for stored in client.tasks()] == [task.id]


def test_a_batch_whose_answer_was_lost_is_stored_once(make_client, http_api):
    client = make_client(http_api.url, transport=Losing(1))
    tasks = client.submit_many([{"task_type": "noop", "payload": {}} for _ in range(3)])
    assert sorted(stored.id for stored in client.tasks()) == sorted(task.id for task in tasks)


def test_what_a_lost_answer_removed_is_removed(make_client, http_api):
    task = make_client(http_api.url).submit("noop", {})
    client = make_client(http_api.url, transport=Losing(1))
    client.delete(task.id)
    assert list(client.tasks()) == []


def test_what_may_have_been_done_is_not_done_twice(make_client, http_api):
    spec = ScheduleSpec(interval_seconds=600.0, task=TaskSubmission(task_type="noop", payload={}))
    make_client(http_api.url).put_schedule("report", spec)
    losing = Losing(1)
    with pytest.raises(Unavailable):
        make_client(http_api.url, transport=losing).run_schedule("report")
    assert len(losing.sent) == 1


class Answers(httpx.MockTransport):
    """Answers in turn, the last again and again; what no API of ours would answer on demand."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.count = 0

        def answer(request: httpx.Request) -> httpx.Response:
            self.count += 1
            chosen = answers[min(self.count, len(answers)) - 1]
            return httpx.Response(chosen.status_code, headers=chosen.headers, content=chosen.content)

        super().__init__(answer)


def problem(status: int, **headers: str) -> httpx.Response:
    body = {
        "type": "/api/problems/busy",
        "title": "Busy",
        "status": status,
        "detail": "busy",
        "request_id": "r1",
    }
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json", **headers})


OK = httpx.Response(202, json={"id": "0" * 27, "status": "pending"})


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_fails_in_passing_is_repeated(make_client, status):
    answers = Answers(problem(status, **{"retry-after": "0"}), OK)
    assert make_client("http://api.test", transport=answers).submit("noop", {}).id == "0" * 27
    assert answers.count == 2


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAllowed), (403, NotAllowed), (409, Conflict), (507, Unavailable)]
)
def test_what_is_final_is_told_at_once(make_client, status, kind):
    answers = Answers(problem(status))
    with pytest.raises(kind, match="busy"):
        make_client("http://api.test", transport=answers).submit("noop", {})
    assert answers.count == 1


def test_a_long_pause_is_the_callers_to_keep(make_client):
    answers = Answers(problem(503, **{"retry-after": "60"}))
    with pytest.raises(Unavailable) as caught:
        make_client("http://api.test", transport=answers).submit("noop", {})
    assert (answers.count, caught.value.problem.retry_after_s) == (1, 60)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Welcome</html>"),
        httpx.Response(200, json={"tasks": 3}),
        httpx.Response(404, text="<html>Not here</html>"),
        httpx.Response(308, headers={"location": "https://elsewhere.test"}),
    ],
)
def test_an_answer_of_something_else_is_called_so(make_client, answer):
    client = make_client("http://api.test", transport=Answers(answer))
    with pytest.raises(Exception, match=r"DTQ_URL|is no TaskPage"):
        list(client.tasks())


def test_nobody_there_is_said_with_the_address(make_client):
    client = make_client("http://127.0.0.1:9", retries=Retries(attempts=2, initial_s=0))
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9.*Is DTQ_URL right"):
        client.overview()


async def test_a_server_that_is_silent_is_given_up():
    async with answering(None) as address:
        url = address.replace("redis://", "http://").removesuffix("/0")
        async with AsyncClient(url, timeout_s=0.05, retries=Retries(attempts=2, initial_s=0)) as client:
            with pytest.raises(Unavailable):
                await client.overview()


def test_the_key_is_sent_and_needed(make_client, store, server):
    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    api = HttpApi(redis_url=server.url, api_keys=f"web:submit:{digest}")
    try:
        client = make_client(api.url, key="secret")
        task = client.submit("noop", {})
        assert client.get(task.id).status == "pending"
        with pytest.raises(NotAllowed) as caught:
            client.overview()
        assert caught.value.problem.status == 403
        with pytest.raises(NotAllowed) as caught:
            make_client(api.url, key="wrong").submit("noop", {})
        assert caught.value.problem.status == 401
    finally:
        api.stop()


def test_address_and_key_come_from_the_environment(monkeypatch, http_api):
    monkeypatch.delenv("DTQ_URL", raising=False)
    with pytest.raises(SettingsError, match="DTQ_URL: is missing"):
        Client()
    with pytest.raises(SettingsError, match="no http or https URL"):
        Client("my-app.vercel.app")
    with pytest.raises(SettingsError, match="DTQ_API_KEY"):
        Client("http://x", key="schlüssel")
    monkeypatch.setenv("DTQ_URL", f"{http_api.url}/api/")
    with Client() as client:
        assert client.overview().counts


def test_both_clients_offer_the_same():
    def shape(kind: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: list(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"
        }

    assert shape(Client) == shape(AsyncClient)
