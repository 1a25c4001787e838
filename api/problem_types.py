"""What each problem type means and what to do about it: the pages that `type` of a problem leads to."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import NamedTuple

import api.errors  # noqa: F401  # defines the errors that only HTTP knows
from shared.errors import DtqError

#: Where the pages lie; `type` is this and the slug.
PREFIX = "/api/problems/"

#: What to do, by slug. Errors that no answer can carry have none.
_REMEDIES = {
    "budget-spent": "Send a priority of 5 or more, raise MONTHLY_BUDGET_CALLS, or wait for the next month.",
    "conflict": "Read the task or schedule again: `detail` says which state it is in. Nothing was changed.",
    "cursor-mismatch": "Send the cursor with the filters of the page that it came from, or leave it out to "
    "begin anew.",
    "forbidden": "Use a key whose role reaches. Without configured keys, call from the machine itself.",
    "idempotency-conflict": "Send the same body as before, or use a new idempotency key. Nothing was stored.",
    "internal-error": "Look for the request_id in the API's log. A submission may be repeated with an "
    "idempotency key.",
    "invalid-input": "`field` names the place, `rule` what it must obey, `fix` what to send instead.",
    "malformed-json": "Send one JSON document in UTF-8: no key twice, no NaN, nothing after it.",
    "method-not-allowed": "Use a method of the Allow header.",
    "no-streaming": "Poll GET /api/events/poll: the same events and the same cursor.",
    "not-configured": "Set the variable that `field` names and deploy again; `rule` says what it must hold.",
    "not-durable": "Send the same again: with the same idempotency key it is stored once. If it goes on, look at "
    "the server's disk and its append-only file.",
    "not-found": "Check the id or the path. Ended tasks are removed after their retention.",
    "rate-limited": "Send it again after Retry-After seconds. Nothing was stored.",
    "script-failed": "Run the API against Redis 7, Valkey or Upstash; if it is one, report the detail.",
    "shards-differ": "Set DTQ_SHARDS to the number that `detail` names, on the API and on all workers.",
    "store-full": "Raise Redis' memory limit or shorten the retention, then send the request again. Nothing "
    "was stored.",
    "store-refused": "Check the token or password, its rights, and whether the plan's quota is used up.",
    "store-unavailable": "Repeat after Retry-After seconds; a submission with an idempotency key may be "
    "repeated safely.",
    "too-large": "Send less: `rule` names the limit. Store big data elsewhere and send its address.",
    "too-many-viewers": "Poll GET /api/events/poll, or connect again after Retry-After seconds.",
    "unauthorized": "Send `Authorization: Bearer <key>` with a key of API_KEYS.",
    "unique-conflict": "Wait for the task that has the unique key, cancel it, or send on_conflict. Nothing "
    "was stored.",
    "unknown-task-type": "Start a worker that has a handler for the type, or use one of the types that "
    "`fix` names.",
    "unreadable-body": "Give the process the PAYLOAD_KEY that it was stored with, or the old one beside the new.",
    "unsupported-media-type": "Send `Content-Type: application/json`, uncompressed.",
}


class ProblemType(NamedTuple):
    """One kind of problem.

    Attributes:
        slug: last part of `type`.
        title: as in the problems themselves.
        status: HTTP status that they are answered with.
        meaning: when it happens.
        remedy: what to do.
    """

    slug: str
    title: str
    status: int
    meaning: str
    remedy: str

    @property
    def type(self) -> str:
        """The URI reference that problems carry."""
        return PREFIX + self.slug


#: Those that no error class stands for.
_OF_THE_ROUTER = (
    ProblemType(
        "internal-error",
        "The API failed",
        500,
        "The API met a defect of its own.",
        _REMEDIES["internal-error"],
    ),
    ProblemType(
        "method-not-allowed",
        "Method Not Allowed",
        405,
        "The path exists, and does not take this method.",
        _REMEDIES["method-not-allowed"],
    ),
)


@cache
def problem_types() -> dict[str, ProblemType]:
    """All problem types by slug, sorted."""
    found = {one.slug: one for one in _OF_THE_ROUTER}
    for error in _classes(DtqError):
        if error.slug in _REMEDIES and error.slug not in found:
            found[error.slug] = ProblemType(
                error.slug, error.title, error.status, _meaning(error), _REMEDIES[error.slug]
            )
    return dict(sorted(found.items()))


def _classes(root: type[DtqError]) -> Iterator[type[DtqError]]:
    """Breadth first, so that a slug is described by the class that introduced it."""
    level = [root]
    while level:
        yield from level
        level = [child for parent in level for child in parent.__subclasses__()]


def _meaning(error: type[DtqError]) -> str:
    """The first paragraph of its docstring, from what follows "Raised when"."""
    text = " ".join(inspect.cleandoc(error.__doc__ or "").partition("\n\n")[0].split())
    text = text.removeprefix("Raised when ")
    return text[:1].upper() + text[1:]


def page_of(kind: ProblemType) -> str:
    """The page of a problem type: no style, no script, so that no policy is in its way."""
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(kind.title)}</title></head>\n<body>\n<h1>{escape(kind.title)}</h1>\n"
        f"<p>Status {kind.status}, type <code>{escape(kind.type)}</code></p>\n"
        f"<h2>When</h2>\n<p>{escape(kind.meaning)}</p>\n"
        f"<h2>What to do</h2>\n<p>{escape(kind.remedy)}</p>\n"
        '<p><a href="/api/problems">All problem types</a></p>\n</body>\n</html>\n'
    )
