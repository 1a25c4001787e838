"""Bugs that scripts could have, each as a change of their text in memory: the state machine must find every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from shared.scripts.build import FOLDER


class Mutation(NamedTuple):
    """A bug: in this file, instead of `old`, which stands there once, `new`."""

    file: str
    old: str
    new: str


MUTATIONS = {
    "a limit key stays taken when its worker dies": Mutation(
        "lib/reap.lua", "  limit_release(r.queue, r.options)\n", ""
    ),
    "a claimed task is still counted as pending": Mutation(
        "lib/claim.lua", "    count_add(fields[priority_of(popped[2])], -length / 2)\n", ""
    ),
    "an outcome of an earlier claim counts": Mutation(
        "lib/outcome.lua",
        "  if not r or r.worker ~= worker or r.claim ~= claim_text then return false end\n  if r.status",
        "  if not r then return false end\n  if r.status",
    ),
    "a repeated exchange is taken for a new one": Mutation(
        "exchange.lua", "elseif number == last then", "elseif number == -last then"
    ),
    "a unique key is free while its task waits for a retry": Mutation(
        "lib/outcome.lua",
        "  r.due = int(now + delay_ms)\n  record_put(id, record_text(r, 'Y', rest))\n",
        "  r.due = int(now + delay_ms)\n  record_put(id, record_text(r, 'Y', rest))\n"
        "  released = {unique_key_of(r.queue, r.options)}\n",
    ),
    "a promoted task stays in the timers": Mutation(
        "lib/maintain.lua", "  call_variadic('ZREM', timers, members)\n", ""
    ),
    "a parked task is not brought back": Mutation(
        "lib/limits.lua",
        "  local most = math.min(room, state.parked, 100)\n",
        "  local most = 0\n",
    ),
    "a reaped worker keeps its lease": Mutation(
        "lib/reap.lua", "    if call('ZREM', timers, 'w:' .. name) == 1 then count_add('*:w', -1) end\n", ""
    ),
    "a cancelled task can be cancelled again": Mutation(
        "cancel.lua",
        "elseif r.status == 'P' or r.status == 'S' or r.status == 'Y' then",
        "elseif r.status == 'P' or r.status == 'S' or r.status == 'Y' or r.status == 'X' then",
    ),
    "what a refused batch took stays taken": Mutation(
        "lib/unique.lua",
        "        give_back_keys()\n        return nil, refusal\n",
        "        return nil, refusal\n",
    ),
}
#: Those that the suite runs; `make soak` runs all.
IN_SUITE = (
    "a limit key stays taken when its worker dies",
    "a repeated exchange is taken for a new one",
    "what a refused batch took stays taken",
)


def without_comments(text: str) -> str:
    """As the scripts are sent: lines of comment and empty ones are dropped."""
    lines = (line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("--"))
    return "\n".join(lines) + "\n"


def change_of(mutation: Mutation) -> Callable[[str], str]:
    """What turns the body of a script into one that has the bug.

    Raises:
        ValueError: the text does not stand in the file, or more than once.
    """
    text = without_comments((FOLDER / mutation.file).read_text(encoding="utf-8"))
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file} has {text.count(mutation.old)} times: {mutation.old!r}")
    return lambda body: body.replace(mutation.old, mutation.new)
