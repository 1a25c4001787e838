"""Producers, operators and workers at random against a model, which is asked after every step.

One step is one operation of `TaskQueue`, over TCP against the embedded server, whose clock the machine
moves. Any call may lose its first reply and be sent again; workers die, come back after their lease, send
outcomes of claims that are not theirs, repeat exchanges and send old ones. After every step what is stored
is read whole and compared:

- each accepted task is in exactly one place, indexes and counts agree (`tests.support.invariants`);
- each task has the status, attempt and due time that the model says, and nothing changes but by an operation
  on it, by promotion when it is due, by the end of its worker's lease, or by its expiry;
- an ended task stays as it is until it is requeued or deleted, or its retention is over;
- never more tasks of a queue or a limit key run than its limit, nor start faster, nor while the key is held;
- of a unique key one task lives.

In the end one healthy worker must be able to work off all that lives, with the limits still in force.
"""

from __future__ import annotations

import asyncio
import copy
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import hypothesis.strategies as st
import redis
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.errors import Conflict, IdempotencyConflict, NotFound, UniqueConflict
from shared.ids import IdGenerator, derived_id
from shared.models import LETTER_OF, Debounce, Limit, OnConflict, RateLimit, TaskStatus, TaskSubmission
from shared.queue import Outcome, QueueOptions, TaskQueue, WorkerState, submission
from tests.properties.state_model import ENDED, LEAVES, LIVE, Bounds, Hand, Known
from tests.support.factories import description, ending
from tests.support.invariants import PREFIX, RECORD, disorder_in
from tests.support.stepped import SteppedTcp, look

_T = TypeVar("_T")

BEGIN_US = 1_798_761_600_000_000  # 2027-01-01
LEASE_MS = 30_000
RETENTION_S = 3_600
QUEUES = ("a", "b")
TYPES = ("noop", "rare")
KEYS = ("k", "l")
TIMES_MS = (3, 700, 700, 4_000, 4_000, 31_000, 31_000, 400_000, 2 * RETENTION_S * 1000)

queue_names = st.sampled_from(QUEUES)
keys = st.sampled_from(KEYS)
picks = st.integers(0, 11)
lost = st.sampled_from((False, False, True))
limits = st.sampled_from(
    (
        None,
        Limit(concurrency=1),
        Limit(concurrency=2),
        Limit(rate=RateLimit(limit=1, period_seconds=3)),
        Limit(concurrency=2, rate=RateLimit(limit=2, period_seconds=1, burst=2)),
    )
)


def _made(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a submission of a kind; those that exclude each other are left out."""
    key = fields.pop("key")
    seconds = fields.pop("seconds")
    if kind == "idempotent":
        # The fewer bodies there are, the more often one comes again.
        return {"queue": "a", "priority": fields["priority"], "idempotency_key": key}
    if kind in ("debounce", "throttle"):
        fields["unique_key"] = key
    if kind == "debounce":
        fields["debounce"] = Debounce(seconds=2, max_wait_seconds=5)
    elif kind == "throttle":
        fields["throttle_seconds"] = 3600.0
    elif kind == "delayed":
        fields["delay_seconds"] = seconds
    elif kind in ("reject", "existing", "replace"):
        fields |= {"unique_key": key, "on_conflict": OnConflict(kind)}
        fields["delay_seconds"] = seconds if fields["priority"] == 3 else None
    elif kind == "expiring":
        fields["expires_in"] = seconds
    return fields


specs = st.builds(
    _made,
    st.sampled_from(
        (
            *("plain", "plain", "delayed", "expiring", "idempotent", "debounce", "throttle"),
            *("reject", "existing", "replace"),
        )
    ),
    st.fixed_dictionaries(
        {
            "queue": queue_names,
            "task_type": st.sampled_from((*TYPES, "noop", "noop")),
            "priority": st.sampled_from((3, 7)),
            "max_retries": st.integers(0, 2),
            "limit_key": st.sampled_from((None, *KEYS)),
            "fair_key": st.sampled_from((None, None, *KEYS)),
            "key": keys,
            "seconds": st.sampled_from((0.5, 5.0, 50.0)),
        }
    ),
)


def _drawn(name: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries(STEPS[name][1]))


#: What can happen: how often, and with what.
STEPS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "submit": (8, {"batch": st.lists(specs, min_size=1, max_size=4), "loses_reply": lost}),
    "submit_again_late": (1, {}),
    "start_worker": (
        2,
        {
            "types": st.sampled_from((TYPES, TYPES, ("noop",))),
            "queues": st.sampled_from((QUEUES, QUEUES, ("b", "a"), ("a",))),
        },
    ),
    "exchange": (
        20,
        {
            "pick": picks,
            "kinds": st.text("ccfffxkswhN", min_size=4, max_size=4),
            "delay_ms": st.sampled_from((0, 600, 6_000)),
            "stray": st.one_of(st.none(), st.none(), st.tuples(picks, st.sampled_from("cfxkswh"))),
            "free": st.sampled_from((0, 1, 2, 4, 4)),
            "maintain": st.sampled_from((True, True, False)),
            "loses_reply": lost,
        },
    ),
    "exchange_of_before": (1, {"pick": picks, "back": st.integers(0, 2)}),
    "renew": (1, {"pick": picks, "loses_reply": lost}),
    "end_worker": (1, {"pick": picks, "says_goodbye": st.booleans(), "loses_reply": lost}),
    "tick": (2, {"loses_reply": lost}),
    "time_passes": (6, {"ms": st.sampled_from(TIMES_MS)}),
    "cancel": (2, {"pick": picks, "loses_reply": lost}),
    "requeue": (2, {"count": st.integers(1, 3), "loses_reply": lost}),
    "delete": (1, {"pick": picks, "loses_reply": lost}),
    "edit": (
        2,
        {
            "pick": picks,
            "priority": st.sampled_from((None, 3, 7)),
            "when": st.sampled_from(("", "", "now", 100, 5_000)),
            "has_payload": st.booleans(),
            "loses_reply": lost,
        },
    ),
    "pause_or_resume": (1, {"queue": queue_names, "loses_reply": lost}),
    "change_limit": (
        2,
        {
            "queue": queue_names,
            "scope": st.sampled_from(("queue", "keys", *KEYS)),
            "limit": limits,
            "loses_reply": lost,
        },
    ),
}
steps = st.sampled_from([name for name, (often, _) in STEPS.items() for _ in range(often)]).flatmap(_drawn)


class QueueMachine(RuleBasedStateMachine):
    """See the module; `url` and `change` are set by the test."""

    url = ""
    change: Callable[[str], str] = staticmethod(str)

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = redis.Redis.from_url(self.url, decode_responses=True, protocol=2)
        self.store.flushall()
        self.transport = SteppedTcp(self.url, BEGIN_US, type(self).change)
        options = {"retention_s": RETENTION_S, "dead_retention_s": RETENTION_S}
        self.queue = TaskQueue(self.transport, QueueOptions(namespace="test", **options))
        # Ids in the order of their making, the same in each run.
        self.real_ids = submission._ids
        submission._ids = IdGenerator(lambda: self.transport.now_us // 1000, lambda: 0)
        self.tasks: dict[str, Known] = {}
        self.order: list[str] = []
        self.hands: list[Hand] = []
        self.by_name: dict[str, Hand] = {}
        self.old_claims: list[tuple[str, int]] = []
        self.bounds = Bounds()
        self.paused: set[str] = set()
        self.debounced: dict[tuple[str, str], str] = {}
        self.throttled: dict[tuple[str, str], str] = {}
        self.late_repeat: tuple[Any, list[str]] | None = None
        self.has_maintained = False
        self.workers_made = 0

    def run(self, made: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(made)

    @property
    def now(self) -> int:
        return self.transport.now_us // 1000

    def _task(self, pick: int) -> Known:
        """One of the newest tasks: old ones are mostly at rest."""
        return self.tasks[self.order[-1 - pick % len(self.order)]]

    @rule(step=steps)
    def step(self, step: tuple[str, dict[str, Any]]) -> None:
        """One operation; nothing when there is nobody or nothing for it."""
        name, named = step
        operation = getattr(self, name)
        if "pick" in named and not (self.order if name in ("cancel", "delete", "edit") else self.hands):
            return
        operation(**named)

    # -- producers

    def submit(self, batch: list[dict[str, Any]], loses_reply: bool) -> None:
        sent = self._submissions(batch)
        expected = self._expected_of(sent)
        self.transport.loses_reply = loses_reply
        try:
            answers = self.run(self.queue.submit(sent))
        except (UniqueConflict, IdempotencyConflict) as error:
            self.transport.loses_reply = False
            if type(error) is not expected:
                raise AssertionError(f"{error!r}, not {expected}") from error
            return
        assert not isinstance(expected, type), f"{expected} was not raised: {answers}"
        now = self.now
        replaced = [holder for _, _, holder in expected if holder]
        for known in replaced:
            known.end("X", now, RETENTION_S * 1000)
        can_repeat = True
        for one, answer, (is_new, stands_for, _) in zip(sent, answers, expected, strict=True):
            mark = answer.deduplicated.value if answer.deduplicated else None
            if is_new:
                assert answer.id not in self.tasks or not self.tasks[answer.id].letter, "an id twice"
                assert mark is None, f"{mark} of a task that is new"
                self._accept(answer.id, one)
            else:
                # "#" and the position of an earlier one of this batch.
                is_earlier = stands_for and stands_for[0] == "#"
                known_id = answers[int(stands_for[1:])].id if is_earlier else stands_for
                # Once another of the batch has replaced that one, a repeat finds its successor.
                is_replaced = loses_reply and known_id in {holder.id for holder in replaced}
                assert is_replaced or answer.id == known_id, (
                    f"{one}: the answer is {answer.id}, not {known_id}"
                )
            if one.debounce:
                self._debounce(answer.id, one, is_new)
            can_repeat &= is_new and not one.debounce
            known = self.tasks.get(answer.id)
            if known and known.letter:
                assert LETTER_OF[answer.status] == known.letter, f"{answer} is {known.letter}"
        assert self.transport.last is not None
        if can_repeat:
            self.late_repeat = self.transport.last, [answer.id for answer in answers]

    def _submissions(self, batch: list[dict[str, Any]]) -> list[TaskSubmission]:
        made, seen = [], set()
        for n, drawn in enumerate(batch):
            fields = dict(drawn)
            expires_in = fields.pop("expires_in", None)
            if expires_in is not None:
                fields["expires_at"] = datetime.fromtimestamp(int(self.now / 1000 + expires_in), UTC)
            payload = {} if fields.get("idempotency_key") else {"n": n}
            one = TaskSubmission(**{"task_type": "noop", "payload": payload, **fields})
            # Within one batch these are sorted out before the call, or merged into its last.
            alone = (one.queue, one.idempotency_key or (one.debounce and one.unique_key))
            if alone[1] and alone in seen:
                continue
            seen.add(alone)
            made.append(one)
        return made

    def _expected_of(self, sent: list[TaskSubmission]) -> Any:  # noqa: PLR0912 - a table of kinds
        """The error of the whole, or of each: is it stored, what is answered instead, whom does it replace."""
        expected: list[tuple[bool, str | None, Known | None]] = []
        taken: dict[Any, str] = {}
        has_conflict = False
        for n, one in enumerate(sent):
            queue = one.queue or "default"
            key = (queue, one.unique_key or "")
            if one.idempotency_key is not None:
                task_id = derived_id(0, queue, one.idempotency_key)
                known = self.tasks.get(task_id)
                if known and known.letter:
                    has_conflict |= known.spec != one
                    expected.append((False, task_id, None))
                else:
                    expected.append((True, None, None))
            elif one.debounce:
                holder = self.tasks.get(self.debounced.get(key, ""))
                waits = holder is not None and holder.letter in ("S", "P")
                expected.append((not waits, holder.id if holder and waits else None, None))
            elif one.throttle_seconds is not None:
                there = self.throttled.get(key) or taken.get(("throttle", key))
                expected.append((not there, there, None))
                if not there:
                    taken["throttle", key] = f"#{n}"
            elif one.unique_key is not None:
                live = self._holder(key)
                there = taken.get(("unique", key)) or (live.id if live else None)
                if not there:
                    taken["unique", key] = f"#{n}"
                    expected.append((True, None, None))
                elif one.on_conflict is OnConflict.EXISTING:
                    expected.append((False, there, None))
                elif (
                    one.on_conflict is OnConflict.REPLACE
                    and ("unique", key) not in taken
                    and live
                    and live.letter != "R"
                ):
                    taken["unique", key] = f"#{n}"
                    expected.append((True, None, live))
                else:
                    return UniqueConflict
            else:
                expected.append((True, None, None))
        if has_conflict:
            return IdempotencyConflict
        return expected

    def _holder(self, key: tuple[str, str]) -> Known | None:
        found = [
            known for known in self.tasks.values() if known.letter in tuple(LIVE) and known.unique == key
        ]
        assert len(found) <= 1, f"unique: {key} has {found}"
        return found[0] if found else None

    def _accept(self, task_id: str, one: TaskSubmission) -> None:
        wait_s = one.debounce.seconds if one.debounce else one.delay_seconds
        due = self.now + int(wait_s * 1000) if wait_s else 0
        # A call that was repeated stored it the first time.
        seen = RECORD.fullmatch(self.store.get(f"{PREFIX}t:{task_id}") or "")
        assert seen, f"{task_id} was accepted and is not stored"
        created = int(seen["created"])
        assert self.now - created <= 2, f"{task_id} was created at {created}, it is {self.now}"
        self.tasks[task_id] = Known(
            task_id,
            one.queue or "default",
            one.priority,
            created,
            one,
            "S" if due else "P",
            due - (self.now - created) if due else 0,
        )
        if task_id in self.order:
            self.order.remove(task_id)
        self.order.append(task_id)
        if one.throttle_seconds is not None:
            self.throttled[one.queue or "default", one.unique_key or ""] = task_id

    def _debounce(self, task_id: str, one: TaskSubmission, is_new: bool) -> None:
        known = self.tasks[task_id]
        if is_new:
            self.debounced[known.queue, one.unique_key or ""] = task_id
        elif known.letter == "S":
            assert one.debounce is not None
            seen = RECORD.fullmatch(self.store.get(f"{PREFIX}t:{task_id}") or "")
            assert seen, f"{task_id} is not stored"
            due = int(seen["due"])
            latest = max(self.now, min(self.now + 2_000, known.created + 5_000))
            assert latest - 2 <= due <= latest, f"{task_id} is due at {due}, not at {latest}"
            known.due = due

    def submit_again_late(self) -> None:
        """A repeat that was long on its way: whatever has become of its tasks, it changes nothing."""
        if self.late_repeat is None:
            return
        call, ids = self.late_repeat
        if all(self.tasks[task_id].letter for task_id in ids):
            self.run(self.transport.repeat(*call))

    # -- workers

    def start_worker(self, types: tuple[str, ...], queues: tuple[str, ...]) -> None:
        if len(self.hands) < 3:
            self._start_worker(types, queues)

    @initialize()
    def start_first(self) -> None:
        self._start_worker(TYPES, QUEUES)

    def _start_worker(self, types: tuple[str, ...], queues: tuple[str, ...]) -> Hand:
        self.workers_made += 1
        state = WorkerState(f"w{self.workers_made}", queues, types, LEASE_MS)
        self.run(self.queue.register(state, description(state), {}))
        hand = Hand(state)
        self.hands.append(hand)
        self.by_name[state.name] = hand
        return hand

    def _hand(self, pick: int) -> Hand:
        return self.hands[pick % len(self.hands)]

    def exchange(
        self,
        pick: int,
        kinds: str,
        delay_ms: int,
        stray: tuple[int, str] | None,
        free: int,
        maintain: bool,
        loses_reply: bool,
    ) -> None:
        hand = self._hand(pick)
        chosen = [
            (claim, kind) for claim, kind in zip(hand.held.values(), kinds, strict=False) if kind != "N"
        ]
        outcomes = [ending(claim, kind, delay_ms=delay_ms if kind in "fsw" else 0) for claim, kind in chosen]
        if stray and self.old_claims:
            # Most telling are those whose task runs again.
            strays = [(one, at) for one, at in self.old_claims if self._is_superseded(one, at)]
            strays = strays or self.old_claims
            task_id, number = strays[-1 - stray[0] % len(strays)]
            if task_id not in {one.task_id for one in outcomes} and (
                task_id not in hand.held or hand.held[task_id].number != number
            ):
                body = {"c": "{}", "f": "{}", "x": "{}"}.get(stray[1], "")
                outcomes.append(Outcome(task_id, number, stray[1], body, delay_ms))
        self._exchange(hand, outcomes, free, maintain, loses_reply)

    def _is_superseded(self, task_id: str, number: int) -> bool:
        known = self.tasks[task_id]
        return known.letter == "R" and known.claim != number

    def _exchange(
        self, hand: Hand, outcomes: list[Outcome], free: int, maintain: bool, loses_reply: bool = False
    ) -> Any:
        number = hand.state.number + 1
        memory = self.store.hget("{test:0}:queues", f"*:+{hand.state.name}") or ""
        is_half_gone = number > 1 and memory.startswith("0|")  # an exchange took back what it had room for
        holding = len(set(hand.held) - {one.task_id for one in outcomes})
        self.transport.loses_reply = loses_reply
        reply = self.run(
            self.queue.exchange(hand.state, outcomes, free=free, holding=holding, maintain=maintain)
        )
        if is_half_gone or (hand.is_gone and number > 1):
            assert reply.state == "lost", f"a worker without a lease is answered {reply.state}"
            self.hands.remove(hand)
            return reply
        assert reply.state == ("replay" if loses_reply else "ok"), f"the answer is {reply.state}"
        # Repeated, it tells the time of the repeat; what it did it did at its first.
        now_us = self.transport.now_us - (1_009 if loses_reply else 0)
        self.has_maintained |= maintain
        late = {one.task_id for one in outcomes if not self._apply(hand, one, now_us // 1000)}
        assert set(reply.lost) == late, f"lost are {reply.lost}, really {late}"
        assert set(reply.cancelled) == hand.untold, f"told to cancel {reply.cancelled}, asked {hand.untold}"
        hand.untold = set()
        assert len(reply.claims) <= free, f"{len(reply.claims)} claims for {free} slots"
        for claim in reply.claims:
            self._claimed(hand, claim.id, number, now_us)
            assert (claim.number, claim.attempt) == (number, self.tasks[claim.id].attempt), f"{claim}"
            hand.held[claim.id] = claim
            self.old_claims.append((claim.id, number))
        self._check_running(reply.claims)
        return reply

    def _apply(self, hand: Hand, one: Outcome, now: int) -> bool:
        """What an outcome makes of its task; False when it comes too late."""
        if hand.held.get(one.task_id) and hand.held[one.task_id].number == one.number:
            del hand.held[one.task_id]
        known = self.tasks[one.task_id]
        if known.worker != hand.state.name or known.claim != one.number or not known.letter:
            return False
        if known.letter != "R":
            return known.letter in LEAVES[one.kind]
        kind = "k" if known.is_asked and one.kind not in "cx" else one.kind
        known.is_asked = False
        if kind in "cxk":
            known.end({"c": "C", "x": "D", "k": "X"}[kind], now, RETENTION_S * 1000)
        elif kind == "f" and known.attempt > known.max_retries:
            known.end("D", now, RETENTION_S * 1000)
        elif kind == "f":
            known.letter, known.due = "Y", now + one.delay_ms
        elif kind in "sw":
            known.letter, known.due, known.attempt = "S", now + one.delay_ms, known.attempt - 1
            if kind == "w" and known.field:
                until = self.bounds.held_until
                until[known.field] = max(until.get(known.field, 0), known.due)
        else:
            known.letter, known.attempt = "P", known.attempt - 1
        return True

    def _claimed(self, hand: Hand, task_id: str, number: int, now_us: int) -> None:
        known, now = self.tasks[task_id], now_us // 1000
        if known.letter == "R":
            self._check_lost(known, now)
            assert known.fate_when_lost() == "P", f"{known} was to end, and started"
        else:
            is_due = known.letter == "P" or (known.letter in ("S", "Y") and known.due <= now)
            assert is_due, f"{known} started at {now}"
        assert known.queue not in self.paused, f"{known} started in a paused queue"
        assert known.queue in hand.state.queues, f"{known} started for {hand.state}"
        assert known.spec.task_type in hand.state.types, f"{known} started for {hand.state}"
        assert known.expires_ms > now, f"{known} started after it expired"
        for name in (known.queue, known.field):
            wrong = name and self.bounds.start(name, now_us / 1000)
            assert not wrong, wrong
        known.start(hand.state.name, number)

    def _check_lost(self, known: Known, now: int) -> None:
        """Only what was held by a worker whose lease is over may be given away."""
        holder = self.by_name[known.worker]
        assert holder.state.lease_until <= now, f"{known} was taken from a worker with a lease"

    def _check_running(self, claims: list[Any]) -> None:
        running: Counter[str] = Counter()
        for known in self.tasks.values():
            if known.letter == "R":
                running[known.queue] += 1
                if known.field:
                    running[known.field] += 1
        for claim in claims:
            known = self.tasks[claim.id]
            for name in filter(None, (known.queue, known.field)):
                limit = self.bounds.of(name)
                most = limit.concurrency if limit and limit.concurrency else float("inf")
                # Those whose worker died and was reaped in this call are still counted here.
                if running[name] > most:
                    self._observe()
                    now_running = sum(
                        one.letter == "R" and name in (one.queue, one.field) for one in self.tasks.values()
                    )
                    assert now_running <= most, f"{now_running} run of {name}, whose limit is {most}"

    def exchange_of_before(self, pick: int, back: int) -> None:
        """The last exchange again, or an older one: nothing changes."""
        hand = self._hand(pick)
        if hand.state.number <= back or hand.is_gone:
            return
        state = copy.copy(hand.state)
        state.number -= back + 1
        reply = self.run(self.queue.exchange(state, free=3))
        assert reply.state == ("stale" if back else "replay")
        made = {claim.id for claim in hand.held.values() if claim.number == hand.state.number}
        if not back:
            assert {claim.id for claim in reply.claims} == made, "a repeat tells other claims"

    def renew(self, pick: int, loses_reply: bool) -> None:
        hand = self._hand(pick)
        self.transport.loses_reply = loses_reply
        now = self.run(self.queue.renew(hand.state, is_idle=not hand.held))
        assert (now is None) == hand.is_gone, "a lease is renewed exactly when it is there"

    def end_worker(self, pick: int, says_goodbye: bool, loses_reply: bool) -> None:
        """One that says nothing keeps its lease until that ends, and is never heard of again."""
        hand = self._hand(pick)
        self.hands.remove(hand)
        if says_goodbye:
            self.transport.loses_reply = loses_reply
            self.run(self.queue.leave(hand.state))
            hand.state.lease_until = min(hand.state.lease_until, self.now)

    def tick(self, loses_reply: bool) -> None:
        self.transport.loses_reply = loses_reply
        self.has_maintained = True
        is_more = self.run(self.queue.tick())
        self._observe()
        if not is_more:
            late = [one for one in self.tasks.values() if one.letter in ("S", "Y") and one.due <= self.now]
            assert not late, f"nothing is due any more, and these are: {late}"

    def time_passes(self, ms: int) -> None:
        self.transport.now_us += ms * 1000

    # -- operators

    def cancel(self, pick: int, loses_reply: bool) -> None:
        known = self._task(pick)
        self.transport.loses_reply = loses_reply
        try:
            status: TaskStatus | None = self.run(self.queue.cancel(known.id, by="ops"))
        except (Conflict, NotFound) as error:
            self.transport.loses_reply = False
            if known.letter not in (("C", "D") if isinstance(error, Conflict) else ("",)):
                raise AssertionError(f"{error}: {known}") from error
            return
        if known.letter == "R":
            assert status is TaskStatus.RUNNING
            known.is_asked = True
            self.by_name[known.worker].untold.add(known.id)
        else:
            assert status is TaskStatus.CANCELLED, f"{known} is {status}"
            assert known.letter in ("S", "P", "Y", "X"), f"{known} was cancelled"
            if known.letter != "X":
                known.end("X", self.now, RETENTION_S * 1000)

    def requeue(self, count: int, loses_reply: bool) -> None:
        dead = [one for one in self.tasks.values() if one.letter == "D"]
        if not dead:
            return
        chosen = [*dead[-count:], self._task(count)][: count + 1]
        chosen = list({one.id: one for one in chosen}.values())
        was = {one.id: one.letter for one in chosen}
        expected = []
        for one in chosen:
            if one.letter == "D" and not (one.unique and self._holder(one.unique)):
                expected.append(one.id)
                one.letter, one.attempt, one.due, one.worker, one.claim = "P", 0, 0, "", 0
        self.transport.loses_reply = loses_reply
        done = set(self.run(self.queue.requeue([one.id for one in chosen], by="ops")).done)
        # One that was requeued before and has not started is told as done, too.
        assert set(expected) <= done, f"requeued are {done}, not {expected}"
        assert all(was[task_id] == "P" for task_id in done - set(expected)), f"{done}: {was}"

    def delete(self, pick: int, loses_reply: bool) -> None:
        known = self._task(pick)
        self.transport.loses_reply = loses_reply
        done, skipped, missing = self.run(self.queue.delete([known.id], by="ops"))
        if known.letter == "R":
            assert skipped, f"{known} was deleted"
        elif known.letter:
            assert (missing if loses_reply else done) == [known.id], f"{known} was not deleted"
            known.letter = ""
        else:
            assert missing == [known.id]

    def edit(
        self, pick: int, priority: int | None, when: str | int, has_payload: bool, loses_reply: bool
    ) -> None:
        known = self._task(pick)
        self.transport.loses_reply = loses_reply
        run_at = self.now + when if isinstance(when, int) else None
        payload = {"edited": self.now} if has_payload else None
        try:
            status = self.run(
                self.queue.edit(
                    known.id,
                    by="ops",
                    priority=priority,
                    run_at_ms=run_at,
                    run_now=when == "now",
                    payload=payload,
                )
            )
        except (Conflict, NotFound):
            self.transport.loses_reply = False
            assert known.letter in ("", "R", "C", "D", "X"), f"{known} waits and could not be changed"
            return
        assert known.letter in ("S", "P", "Y"), f"{known} was changed"
        due = run_at if run_at is not None else 0 if when == "now" or known.letter == "P" else known.due
        now = self.now
        letter = "P" if due <= now else "Y" if known.letter == "Y" else "S"
        if letter != "P":
            known.due = due
        known.letter, known.priority = letter, priority or known.priority
        assert LETTER_OF[status] == letter, f"{known} is {status}"

    def pause_or_resume(self, queue: str, loses_reply: bool) -> None:
        self.transport.loses_reply = loses_reply
        if queue in self.paused:
            self.run(self.queue.resume(queue, by="ops"))
            self.paused.remove(queue)
        else:
            self.run(self.queue.pause(queue, by="ops"))
            self.paused.add(queue)

    def change_limit(self, queue: str, scope: str, limit: Limit | None, loses_reply: bool) -> None:
        self.transport.loses_reply = loses_reply
        if scope == "queue":
            self.run(self.queue.limit_queue(queue, limit, by="ops"))
            self.bounds.change(queue, limit)
        elif scope == "keys":
            self.run(self.queue.limit_keys(queue, limit, by="ops"))
            self.bounds.change(f"{queue}:*", limit)
        else:
            self.run(self.queue.limit_key(queue, scope, limit, by="ops"))
            self.bounds.change(f"{queue}:{scope}", limit)

    # -- what is asked after every step

    @invariant()
    def all_is_in_order(self) -> None:
        self._observe()
        self.has_maintained = False

    def _observe(self) -> None:
        seen = look(self.store, PREFIX)
        wrong = disorder_in(seen)
        assert not wrong, "\n".join(wrong[:10])
        records = {
            key[2:]: RECORD.fullmatch(text) for key, text in seen.strings.items() if key.startswith("t:")
        }
        strange = records.keys() - self.tasks.keys()
        assert not strange, f"nobody was told of {strange}"
        for task_id, known in self.tasks.items():
            self._compare(known, records.get(task_id))
        for hand in self.by_name.values():
            if not hand.is_gone and f"w:{hand.state.name}" not in seen.zsets.get("timers", {}):
                assert hand.state.lease_until <= self.now, f"{hand.state} was reaped before its time"
                hand.is_gone = True
                if not hand.state.number and hand in self.hands:
                    self.hands.remove(hand)  # it never began
        holders = {key[7:]: holder for key, holder in seen.strings.items() if key.startswith("unique:")}
        live = {
            f"{one.unique[0]}:{one.unique[1]}": one.id
            for one in self.tasks.values()
            if one.unique and one.letter in tuple(LIVE)
        }
        assert holders == live, f"unique keys are {holders}, live are {live}"

    def _compare(self, known: Known, record: Any) -> None:
        """What is stored of a task is what the model says, or what maintenance may have made of that."""
        if record is None:
            if known.letter:
                assert known.letter in tuple(ENDED), f"{known} is lost"
                assert known.kept_until <= self.now, f"{known} was removed too early"
                assert self.has_maintained, f"{known} vanished by itself"
                known.letter = ""
            return
        assert known.letter, f"{known} was gone and is there again"
        if record["letter"] != known.letter:
            self._moved(known, record["letter"])
        assert int(record["attempt"]) == known.attempt, f"{known} has attempt {record['attempt']}"
        assert int(record["priority"]) == known.priority, f"{known} has priority {record['priority']}"
        if known.letter in "SY":
            assert int(record["due"]) == known.due, f"{known} is due at {record['due']}"
        if known.letter == "R":
            assert (record["worker"], int(record["claim"])) == (known.worker, known.claim), f"{known}"

    def _moved(self, known: Known, letter: str) -> None:
        assert self.has_maintained or letter == "D", f"{known} became {letter} by itself"
        if known.letter in ("S", "Y") and known.due <= self.now:
            known.letter = "P"
        elif known.letter == "R":
            self._check_lost(known, self.now)
            fate = known.fate_when_lost()
            if fate == "P":
                known.letter = "P"
            else:
                known.end(fate, self.now, RETENTION_S * 1000)
            known.is_asked = False
        if letter == "D" and known.letter == "P" and known.expires_ms <= self.now:
            known.end("D", self.now, RETENTION_S * 1000)
        assert known.letter == letter, f"{known} is {letter}"

    # -- the end

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._work_off()
        finally:
            submission._ids = self.real_ids
            self.run(self.transport.close())
            self.store.close()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def _work_off(self) -> None:
        """One healthy worker; limits stay, and time passes only when nothing can be done."""
        for queue in sorted(self.paused):
            self.pause_or_resume(queue, loses_reply=False)
        self.hands.clear()
        last = self._start_worker(TYPES, QUEUES)
        for _ in range(400):
            outcomes = [ending(claim) for claim in last.held.values()]
            reply = self._exchange(last, outcomes, 5, True)
            self._observe()
            if reply.claims or reply.has_more:
                continue
            if not any(one.letter in tuple(LIVE) for one in self.tasks.values()):
                return
            assert reply.next_due_ms > 0, f"nobody comes for {self._waiting()}"
            self.transport.now_us = max(self.transport.now_us, reply.next_due_ms * 1000)
        raise AssertionError(f"not worked off: {self._waiting()}")

    def _waiting(self) -> list[Known]:
        return [one for one in self.tasks.values() if one.letter in tuple(LIVE)]
