"""A small model of waking, searched exhaustively: who sleeps until when, who reads which wake-up.

It follows `scripts/lib/{wakes,timers,pending,claim,limits,maintain,lease,handoff}.lua`, `submit.lua`, `exchange.lua` and
`worker_host/{waiter,exchanger,heartbeat,wake_line,wake_relay}.py` rule by rule, and leaves out what does not matter to
waking: payloads, priorities, retention. Time counts in ticks: a lease lasts three, a third of it is
one. A tick passes only when nobody has anything to do; whatever happens within a tick happens in
every order.

`RULES` are the rules of the protocol that the search may switch off: without any one of them a state
is found in which work waits and nobody comes. `SPARE_RULES` are kept although the search does not miss
them: other rules bring the worker in every case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import NamedTuple

LEASE = 3
THIRD = 1
DELAY = 2
LONG_DELAY = 4
REFILL = 2
"""Ticks between two starts of a limit key."""
CAP = 2
"""Most claims of one exchange; 100 in the scripts."""

RULES = {
    "promotion wakes": "what falls due or is taken back tells the sleepers of a queue that was empty",
    "submission wakes": "a task that comes to an empty queue tells the sleepers",
    "delay wakes": "a delayed task tells the sleepers when it is due",
    "retry wakes": "a retry tells the sleepers when it is due, unless an earlier task is due",
    "lease wakes": "the first lease of an idle worker tells the sleepers when it ends",
    "no lease hides": "a lease at the head of the timers keeps nobody from being told: its owner does not see it",
    "read by all": "a wake-up is read by everyone and taken from nobody",
    "cursor of the script": "the cursor is where the stream stood when the script ran",
    "maintenance tells": "who looked for what is due learns what is due next",
    "earlier alarm stays": "an answer never puts off an alarm that was set while it was under way",
    "asked again": "cursor and due time are asked for again when their reply was lost",
    "resume wakes": "a queue that is resumed tells the sleepers",
    "release wakes": "a full queue that has room again and tasks for it tells the sleepers",
    "refill wakes": "parking a task by the rate of its limit key tells the sleepers when the key may start one",
    "refill again": "bringing back as many as the rate lets start sees to those that stay parked",
    "more": "an exchange that filled its cap and left slots free is followed by another",
    "exchange first": "a new connection begins with an exchange",
    "reports are answered": "a process that reports a cursor is told at once what its parent has read since",
    "hand-off tells its lease": "a task that is handed over tells the others when the lease ends that it sets",
    "hand-off is returned": "an exchange returns what was handed over before it and was not read",
    "hand-off is kept": "a task handed over that is read while an exchange is under way waits for its answer",
}
SPARE_RULES = {"parked wakes": "parking tells the workers that may know the type"}


class WorkerKind(NamedTuple):
    """What a worker can do: slots, queues in order of service, task types."""

    slots: int
    queues: str
    types: str


class TaskKind(NamedTuple):
    """What a task is: queue, type, ticks of delay at submission, and whether its first attempt fails."""

    queue: str
    type: str
    delay: int = 0
    fails_once: bool = False


@dataclass(frozen=True)
class Scenario:
    """A small world: who works, what comes, what may go wrong how often.

    With `is_pool` the workers are processes whose parent reads for all of them: one that has heard of
    something hears no more until it has reported its cursor, and all go deaf together.
    """

    workers: tuple[WorkerKind, ...]
    tasks: tuple[TaskKind, ...]
    crashes: int = 0
    half_open: int = 0
    lost_replies: int = 0
    paused: str = ""
    is_pool: bool = False
    full_at_one: str = ""
    """Queues of which one task runs at once."""
    hands_over: bool = False
    """A submission may look for a worker with a free slot."""
    keyed: str = ""
    """The queue whose tasks have one limit key, which lets one start in `REFILL` ticks."""


class Unread(NamedTuple):
    """Wake-ups that a worker has not read: one for its queues, the earliest time, one that brings it a task."""

    called: bool = False
    at: int | None = None
    brings: bool = False

    def and_then(self, called: bool, at: int | None, brings: bool) -> Unread:
        return Unread(self.called or called, earlier(self.at, at), self.brings or brings)


class Reply(NamedTuple):
    """An answer on its way: what `exchange.lua` returns about waking."""

    has_cursor: bool
    looked: bool
    next_due: int | None
    more: bool
    is_replay: bool = False


#: What the parent of a pool knows of a process: nothing, nothing yet, where it waits from.
NO_CURSOR, HAS_CURSOR, REPORTED = range(3)


class Worker(NamedTuple):
    """A worker process as waking sees it.

    `old` are unread wake-ups from before the exchange that is under way, `new` those from after it.
    `lease` is None while only its presence stands in the timers, which is far away. `listens` is
    `REPORTED` for one that reads by itself.
    """

    is_alive: bool = True
    is_half_open: bool = False
    poked: bool = True
    maintain: bool = True
    want_cursor: bool = True
    alarm: int | None = None
    old: Unread = Unread()
    new: Unread = Unread()
    reply: Reply | None = None
    lease: int | None = None
    listens: int = 2
    was_brought: bool = False
    """A task was read that was handed over, while an exchange was under way."""

    @property
    def has_to_do(self) -> bool:
        has_unread = self.old != Unread() or self.new != Unread()
        can_read = not self.is_half_open and (has_unread or self.listens == HAS_CURSOR)
        return self.is_alive and (self.poked or self.reply is not None or self.alarm == 0 or can_read)


ASLEEP = Worker(poked=False, maintain=False, want_cursor=False)
DEAD = ASLEEP._replace(is_alive=False)


class Task(NamedTuple):
    """N not submitted, S due later, P pending, K parked, L parked by its limit key, H handed to a worker that does not
    know it yet, R runs, F has an outcome, E ended."""

    status: str = "N"
    worker: int = -1
    due: int = 0
    has_failed: bool = False


class State(NamedTuple):
    """Everything."""

    workers: tuple[Worker, ...]
    tasks: tuple[Task, ...]
    crashes: int
    half_open: int
    lost_replies: int
    paused: str
    refill: int = 0
    """Ticks until the limit key lets a task start."""
    timer: int | None = None
    """When what is parked by the limit key is looked at."""
    idle: int = -1
    """The worker that has had a free slot since its last exchange, as submissions know."""


def earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


@dataclass
class Entry:
    """What one script appends to `wakes`, if anything."""

    queues: set[str] = field(default_factory=set)
    at: int | None = None


@dataclass
class Bucket:
    """The limit key within one script; `added` is when a timer of it is due that was set here."""

    refill: int
    timer: int | None
    added: int | None = None

    def add(self, at: int) -> None:
        self.timer, self.added = earlier(self.timer, at), earlier(self.added, at)


class Model:
    """The transitions of a scenario, with some rules switched off."""

    def __init__(self, scenario: Scenario, without: frozenset[str] = frozenset()) -> None:
        unknown = without - set(RULES) - set(SPARE_RULES)
        if unknown:
            raise ValueError(f"no such rules: {unknown}")
        self.scenario = scenario
        self._without = without
        kinds = list(enumerate(scenario.workers))
        pairs = [(i, i + 1) for (i, one), (_, other) in pairwise(kinds) if one == other]
        self._twins = pairs + pairs[:-1]  # enough exchanges of neighbours to sort up to three

    def holds(self, rule: str) -> bool:
        return rule not in self._without

    def start(self) -> State:
        world = self.scenario
        return State(
            # All have exchanged once and sleep; how a worker begins is seen after a half-open connection.
            tuple(ASLEEP for _ in world.workers),
            tuple(Task() for _ in world.tasks),
            world.crashes,
            world.half_open,
            world.lost_replies,
            world.paused,
        )

    def canonical(self, state: State) -> State:
        """Workers of one kind can change places: of all such states one is looked at."""
        for first, second in self._twins:
            if self._rank(state, second) < self._rank(state, first):
                state = exchanged(state, first, second)
        return state

    @staticmethod
    def _rank(state: State, i: int) -> tuple[tuple[int, ...], ...]:
        held = tuple(n for n, task in enumerate(state.tasks) if task.worker == i)
        return (held, (state.idle == i,), *rank_of(state.workers[i]))

    # -- what is asked of every state

    def stranded(self, state: State) -> str | None:
        """Why work waits although nobody comes; None when all is well."""
        if any(worker.has_to_do for worker in state.workers):
            return None
        hearing = [i for i, w in enumerate(state.workers) if w.is_alive and not w.is_half_open]
        if not hearing:
            return None
        for number, task in enumerate(state.tasks):
            if task.status in "PK" and any(self._could_run(state, i, number) for i in hearing):
                return f"task {number} is {task.status} and can be run"
        alarms = [w.alarm for w in state.workers if w.is_alive and w.alarm is not None]
        first = min(alarms, default=99)
        for number, task in enumerate(state.tasks):
            if task.status == "S" and first > task.due:
                return f"task {number} is due in {task.due}, the first alarm rings in {first}"
            if task.status == "H" and task.worker in hearing:
                return f"task {number} was handed to worker {task.worker}, which does not learn of it"
            if task.status == "H" or (task.status in "RF" and not state.workers[task.worker].is_alive):
                left = state.workers[task.worker].lease
                assert left is not None
                if first > left + THIRD:
                    return f"a lease ends in {left}, the first alarm rings in {first}"
            if task.status == "L" and (state.timer is None or first > state.timer):
                return (
                    f"task {number} is parked, its timer is {state.timer}, the first alarm rings in {first}"
                )
        return None

    def _could_run(self, state: State, worker: int, number: int) -> bool:
        kind, task = self.scenario.workers[worker], self.scenario.tasks[number]
        has_room = self._held(state.tasks, worker) < kind.slots
        return (
            has_room
            and task.queue in kind.queues
            and task.type in kind.types
            and task.queue not in state.paused
            and not (task.queue in self.scenario.full_at_one and self._running(state.tasks, task.queue))
        )

    def _running(self, tasks: tuple[Task, ...] | list[Task], queue: str) -> int:
        return sum(
            task.status in "RF" and self.scenario.tasks[n].queue == queue for n, task in enumerate(tasks)
        )

    @staticmethod
    def _held(tasks: tuple[Task, ...] | list[Task], worker: int) -> int:
        return sum(task.worker == worker and task.status in "HRF" for task in tasks)

    # -- transitions

    def following(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next."""
        for i, worker in enumerate(state.workers):
            if worker.is_alive:
                yield from self._by_worker(state, i, worker)
        for number, task in enumerate(state.tasks):
            if task.status == "N":
                yield f"submit {number}", self._submit(state, number)
                if self._can_take(state, number):
                    yield f"hand {number} over to {state.idle}", self._hand_over(state, number)
                break  # they come in the order in which the scenario names them
        if state.paused:
            yield "resume", self._resume(state)
        if not any(worker.has_to_do for worker in state.workers):
            yield "tick", self._tick(state)

    def _by_worker(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if worker.reply is None and worker.poked:
            yield f"{i} exchanges", self._exchange(state, i)
        if worker.reply is not None:
            # A replay returns what was claimed by its number: by a submission after it, too.
            heard = self._started(state, i) if worker.was_brought or worker.reply.is_replay else state
            yield f"{i} hears the answer", put(heard, i, self._learn(worker))
            if state.lost_replies and not worker.reply.is_replay:
                again = worker._replace(reply=Reply(False, False, None, True, is_replay=True))
                yield (
                    f"{i} loses the answer",
                    put(state, i, again)._replace(lost_replies=state.lost_replies - 1),
                )
        yield from self._by_listener(state, i, worker)
        if worker.alarm == 0:
            yield f"{i} rings", put(state, i, worker._replace(alarm=None, poked=True, maintain=True))
        if worker.reply is None:
            for number, task in enumerate(state.tasks):
                if task.status == "R" and task.worker == i:
                    finished = put_task(state, number, task._replace(status="F"))
                    yield f"{i} finishes {number}", put(finished, i, worker._replace(poked=True))
        if state.crashes:
            dead = DEAD._replace(lease=worker.lease if self._held(state.tasks, i) else None)
            yield f"{i} dies", put(state, i, dead)._replace(crashes=state.crashes - 1)
        if state.half_open and not worker.is_half_open:
            deaf = range(len(state.workers)) if self.scenario.is_pool else [i]
            workers = tuple(
                w._replace(is_half_open=n in deaf and w.is_alive) for n, w in enumerate(state.workers)
            )
            yield f"{i} goes deaf", state._replace(workers=workers, half_open=0)
        if worker.is_half_open:
            yield f"{i} reconnects", put(state, i, self._reconnect(worker))

    def _by_listener(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if worker.is_half_open:
            return
        if worker.listens == HAS_CURSOR:
            yield f"{i} reports", put(state, i, worker._replace(listens=REPORTED))
        if worker.old == Unread() and worker.new == Unread():
            return
        if worker.listens == REPORTED:
            is_brought = (worker.old.brings or worker.new.brings) and worker.reply is None
            yield f"{i} reads", put(self._started(state, i) if is_brought else state, i, self._read(worker))
        elif not self.holds("reports are answered"):
            yield f"{i} is passed over", put(state, i, worker._replace(old=Unread(), new=Unread()))

    def _reconnect(self, worker: Worker) -> Worker:
        worker = worker._replace(is_half_open=False, old=Unread(), new=Unread())
        if self.scenario.is_pool:
            worker = worker._replace(listens=NO_CURSOR if self.holds("exchange first") else REPORTED)
        if self.holds("exchange first"):
            worker = worker._replace(poked=True, want_cursor=True)
        return worker

    def _read(self, worker: Worker) -> Worker:
        unread = worker.old.and_then(*worker.new)
        return worker._replace(
            old=Unread(),
            new=Unread(),
            poked=worker.poked or unread.called,
            alarm=earlier(worker.alarm, unread.at),
            was_brought=worker.reply is not None and unread.brings and self.holds("hand-off is kept"),
            listens=HAS_CURSOR if self.scenario.is_pool else REPORTED,
        )

    def _learn(self, worker: Worker) -> Worker:
        reply = worker.reply
        assert reply is not None
        alarm, old = worker.alarm, worker.old.and_then(*worker.new)
        if reply.looked:
            alarm = earlier(alarm, reply.next_due) if self.holds("earlier alarm stays") else reply.next_due
        if reply.has_cursor:
            old = worker.new if self.holds("cursor of the script") else Unread()
        is_asked_again = reply.is_replay and self.holds("asked again")
        return worker._replace(
            reply=None,
            was_brought=False,
            alarm=alarm,
            old=old,
            new=Unread(),
            poked=worker.poked or reply.more,
            maintain=worker.maintain or is_asked_again,
            want_cursor=worker.want_cursor or is_asked_again,
            listens=max(worker.listens, HAS_CURSOR) if reply.has_cursor else worker.listens,
        )

    def _tick(self, state: State) -> State:
        workers = []
        for i, worker in enumerate(state.workers):
            lease = worker.lease
            if worker.is_alive and lease is not None:
                # The heartbeat: less than two thirds are left. An idle worker has its presence renewed.
                held = {task.status for task in state.tasks if task.worker == i and task.status in "HRF"}
                # Of what it was handed and has not read its heartbeat does not know.
                is_renewed = held - {"H"} and lease <= 2 * THIRD
                lease = None if not held else LEASE if is_renewed else max(0, lease - 1)
            elif lease is not None:
                lease = max(0, lease - 1)
            alarm = None if worker.alarm is None else worker.alarm - 1
            old = worker.old._replace(at=None if worker.old.at is None else max(0, worker.old.at - 1))
            workers.append(worker._replace(lease=lease, alarm=alarm, old=old))
        tasks = tuple(t._replace(due=max(0, t.due - 1)) if t.status == "S" else t for t in state.tasks)
        timer = None if state.timer is None else max(0, state.timer - 1)
        refill = max(0, state.refill - 1)
        return state._replace(workers=tuple(workers), tasks=tasks, refill=refill, timer=timer)

    def _submit(self, state: State, number: int) -> State:
        kind, entry = self.scenario.tasks[number], Entry()
        if kind.delay:
            if self.holds("delay wakes"):
                entry.at = kind.delay
            return self._append(put_task(state, number, Task("S", due=kind.delay)), entry, -1)
        is_first = not pending(self.scenario, state.tasks, kind.queue)
        if is_first and self.holds("submission wakes"):
            entry.queues.add(kind.queue)
        return self._append(put_task(state, number, Task("P")), entry, -1)

    def _can_take(self, state: State, number: int) -> bool:
        """Whether the submission of a task may hand it to the worker that is known to be idle."""
        kind = self.scenario.tasks[number]
        if not self.scenario.hands_over or state.idle < 0 or kind.delay or kind.queue in state.paused:
            return False
        worker = self.scenario.workers[state.idle]
        is_known = kind.queue in worker.queues and kind.type in worker.types
        return is_known and not pending(self.scenario, state.tasks, kind.queue)

    def _hand_over(self, state: State, number: int) -> State:
        i, entry = state.idle, Entry()
        before = state.workers[i].lease
        # One that holds nothing may be gone, for all that the script knows.
        lease = THIRD if not self._held(state.tasks, i) else max(before or 0, 2 * THIRD)
        is_earlier = before is None or lease < before
        if is_earlier and len(state.workers) > 1 and self.holds("hand-off tells its lease"):
            entry.at = lease
        state = put_task(state, number, Task("H", worker=i))._replace(idle=-1)
        state = self._append(state, entry, i)
        worker = state.workers[i]._replace(lease=lease)
        if worker.is_alive:
            unread = worker.old if worker.reply is None else worker.new
            unread = unread._replace(brings=True)
            worker = worker._replace(old=unread) if worker.reply is None else worker._replace(new=unread)
        return put(state, i, worker)

    @staticmethod
    def _started(state: State, i: int) -> State:
        """What was handed to a worker runs: it knows of it."""
        for number, task in enumerate(state.tasks):
            if task.status == "H" and task.worker == i:
                state = put_task(state, number, task._replace(status="R"))
        return state

    def _resume(self, state: State) -> State:
        entry = Entry()
        if pending(self.scenario, state.tasks, state.paused) and self.holds("resume wakes"):
            entry.queues.add(state.paused)
        return self._append(state._replace(paused=""), entry, -1)

    def _append(self, state: State, entry: Entry, by: int) -> State:
        """Everybody but its author gets to read what a script appended."""
        if not entry.queues and entry.at is None:
            return state
        workers = list(state.workers)
        for i, worker in enumerate(workers):
            if i == by or not worker.is_alive:
                continue
            called = not entry.queues.isdisjoint(self.scenario.workers[i].queues)
            if worker.reply is not None:
                workers[i] = worker._replace(new=worker.new.and_then(called, entry.at, False))
            else:
                workers[i] = worker._replace(old=worker.old.and_then(called, entry.at, False))
            if not self.holds("read by all"):
                break
        return state._replace(workers=tuple(workers))

    # -- the exchange: one script

    def _exchange(self, state: State, i: int) -> State:
        worker, kind = state.workers[i], self.scenario.workers[i]
        had_unread = any(task.status == "H" and task.worker == i for task in state.tasks)
        if self.holds("hand-off is returned"):
            state = self._started(state, i)
        before, entry, tasks = state.tasks, Entry(), list(state.tasks)
        leases = {n: w.lease for n, w in enumerate(state.workers)}
        bucket = Bucket(state.refill, state.timer)
        retry = self._hand_in(tasks, i)
        if worker.maintain or worker.want_cursor:
            self._maintain(state, tasks, leases)
            self._refill(tasks, bucket)
        free = kind.slots - self._held(tasks, i)
        more = self._claim(state, tasks, i, free, entry, bucket) if free else False
        head_known = worker.maintain or worker.want_cursor
        if self._held(tasks, i) and (leases[i] is None or leases[i] < 2 * THIRD):
            if leases[i] is None:
                head_known = True
                told = self._told(tasks, leases, i)
                if self.holds("lease wakes") and (told is None or told > LEASE + THIRD):
                    entry.at = LEASE
            leases[i] = LEASE
        if retry:
            head_known = True
            told = self._told([t for n, t in enumerate(tasks) if n not in retry], leases, i)
            if self.holds("retry wakes") and (told is None or told > DELAY):
                entry.at = earlier(entry.at, DELAY)
        if bucket.added is not None:
            head_known = True
            told = self._told(tasks, leases, i)
            if self.holds("refill wakes") and (told is None or told > bucket.added):
                entry.at = earlier(entry.at, bucket.added)
        self._tell_released(before, tasks, entry)
        self._tell_filled(before, tasks, entry)
        has_entry = bool(entry.queues) or entry.at is not None
        looked = head_known or has_entry
        if not self.holds("maintenance tells") and not has_entry and not worker.want_cursor:
            looked = False
        reply = Reply(
            has_entry or worker.want_cursor,
            looked,
            self._head(tasks, leases, i, bucket.timer),
            more and self.holds("more"),
        )
        done = worker._replace(poked=False, maintain=False, want_cursor=False, reply=reply)
        workers = tuple(
            (done if n == i else other)._replace(lease=leases[n]) for n, other in enumerate(state.workers)
        )
        is_idle = kind.slots > self._held(tasks, i) and not more and not had_unread
        is_gone = state.idle >= 0 and state.workers[state.idle].lease == 0 and leases[state.idle] is None
        idle = i if is_idle else -1 if state.idle == i or is_gone else state.idle
        reached = state._replace(
            workers=workers,
            tasks=tuple(tasks),
            refill=bucket.refill,
            timer=bucket.timer,
            idle=idle if self.scenario.hands_over else -1,
        )
        return self._append(reached, entry, i)

    def _refill(self, tasks: list[Task], bucket: Bucket) -> None:
        """Brings back one task that its limit key had parked, when its rate lets one start."""
        if bucket.timer != 0:
            return
        bucket.timer = None
        parked = [number for number, task in enumerate(tasks) if task.status == "L"]
        room = 0 if bucket.refill else 1
        for number in parked[:room]:
            tasks[number] = tasks[number]._replace(status="P")
        if parked[room:] and self.holds("refill again"):
            bucket.add(bucket.refill + room * REFILL)

    def _hand_in(self, tasks: list[Task], i: int) -> set[int]:
        """Outcomes; returns the tasks that will be tried again."""
        retry = set()
        for number, task in enumerate(tasks):
            if task.status == "F" and task.worker == i:
                if self.scenario.tasks[number].fails_once and not task.has_failed:
                    tasks[number] = Task("S", due=DELAY, has_failed=True)
                    retry.add(number)
                else:
                    tasks[number] = Task("E")
        return retry

    def _maintain(self, state: State, tasks: list[Task], leases: dict[int, int | None]) -> None:
        for number, task in enumerate(tasks):
            if task.status == "S" and task.due == 0:
                tasks[number] = task._replace(status="P")
            elif task.status in "HRF" and leases[task.worker] == 0:
                tasks[number] = task._replace(status="P", worker=-1)
        for n, left in leases.items():
            if left == 0:
                leases[n] = None

    def _claim(
        self, state: State, tasks: list[Task], i: int, free: int, entry: Entry, bucket: Bucket
    ) -> bool:
        """Unpark, pop, claim or park; True when claimable work may be left for the free slots."""
        kind = self.scenario.workers[i]
        for number, task in enumerate(tasks):
            queue, type_ = self.scenario.tasks[number][:2]
            if task.status == "K" and queue in kind.queues and type_ in kind.types:
                tasks[number] = task._replace(status="P")
        want, claimed, may_be_left = min(free, CAP), 0, False
        for queue in kind.queues:
            if queue in state.paused:
                continue
            room = 1 - self._running(tasks, queue) if queue in self.scenario.full_at_one else CAP + 1
            asked = min(want, room)
            popped = pending(self.scenario, tasks, queue)[:asked]
            started = 0
            for number in popped:
                if self._take(tasks, number, i, entry, bucket):
                    started += 1
            want -= len(popped)
            claimed += started
            may_be_left = may_be_left or (len(popped) == asked and started != room)
        return may_be_left and claimed < free

    def _take(self, tasks: list[Task], number: int, i: int, entry: Entry, bucket: Bucket) -> bool:
        """Start a task, or park it by its type or its limit key."""
        kind, (queue, type_) = self.scenario.workers[i], self.scenario.tasks[number][:2]
        if type_ not in kind.types:
            tasks[number] = tasks[number]._replace(status="K")
            if self.holds("parked wakes"):
                entry.queues.add(queue)
            return False
        if queue in self.scenario.keyed:
            if bucket.refill:
                tasks[number] = tasks[number]._replace(status="L")
                bucket.add(bucket.refill)
                return False
            bucket.refill = REFILL
        tasks[number] = tasks[number]._replace(status="R", worker=i)
        return True

    def _tell_released(self, before: tuple[Task, ...], tasks: list[Task], entry: Entry) -> None:
        if not self.holds("release wakes"):
            return
        for queue in self.scenario.full_at_one:
            has_room = self._running(before, queue) and not self._running(tasks, queue)
            if has_room and pending(self.scenario, tasks, queue):
                entry.queues.add(queue)

    def _tell_filled(self, before: tuple[Task, ...], tasks: list[Task], entry: Entry) -> None:
        if not self.holds("promotion wakes"):
            return
        for queue in {kind.queue for kind in self.scenario.tasks}:
            if pending(self.scenario, tasks, queue) and not pending(self.scenario, before, queue):
                entry.queues.add(queue)

    def _told(self, tasks: list[Task], leases: dict[int, int | None], i: int) -> int | None:
        """The time of which all sleepers are thought to know."""
        first = min((task.due for task in tasks if task.status == "S"), default=None)
        return first if self.holds("no lease hides") else earlier(first, self._first_lease(leases, i))

    def _head(
        self, tasks: list[Task], leases: dict[int, int | None], i: int, timer: int | None
    ) -> int | None:
        """When the first timer falls due that is not the caller's own."""
        first = min((task.due for task in tasks if task.status == "S"), default=None)
        return earlier(earlier(first, timer), self._first_lease(leases, i))

    @staticmethod
    def _first_lease(leases: dict[int, int | None], i: int) -> int | None:
        return min((left for n, left in leases.items() if n != i and left is not None), default=None)


def pending(scenario: Scenario, tasks: tuple[Task, ...] | list[Task], queue: str) -> list[int]:
    """Numbers of the pending tasks of a queue, in order."""
    return [n for n, task in enumerate(tasks) if task.status == "P" and scenario.tasks[n].queue == queue]


@cache
def rank_of(worker: Worker) -> tuple[tuple[int, ...], ...]:
    """A worker in a form that can be compared with any other: nothing comes last."""
    return tuple(
        (99,) if value is None
        else tuple(99 if part is None else int(part) for part in value) if isinstance(value, tuple)
        else (int(value),)
        for value in worker
    )  # fmt: skip


def exchanged(state: State, i: int, j: int) -> State:
    """The same state with two workers in each other's place."""
    workers = list(state.workers)
    workers[i], workers[j] = workers[j], workers[i]
    places = {i: j, j: i}
    tasks = tuple(task._replace(worker=places.get(task.worker, task.worker)) for task in state.tasks)
    return state._replace(workers=tuple(workers), tasks=tasks, idle=places.get(state.idle, state.idle))


def put(state: State, i: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:i], worker, *state.workers[i + 1 :]))


def put_task(state: State, number: int, task: Task) -> State:
    return state._replace(tasks=(*state.tasks[:number], task, *state.tasks[number + 1 :]))


class Found(NamedTuple):
    """The end of a search: how many states there are, and the way to a stranded one."""

    states: int
    why: str | None
    way: list[str]


def search(model: Model) -> Found:
    """All reachable states, breadth first; ends at the first stranded one, by one of the shortest ways."""
    start = model.start()
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    line = deque([start])
    while line:
        state = line.popleft()
        why = model.stranded(state)
        if why is not None:
            return Found(len(came_from), why, way_to(came_from, state))
        for step, reached in model.following(state):
            following = model.canonical(reached)
            if following not in came_from:
                came_from[following] = (state, step)
                line.append(following)
    return Found(len(came_from), None, [])


def way_to(came_from: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    way = []
    while (before := came_from[state]) is not None:
        state, step = before
        way.append(step)
    return way[::-1]
