"""What the OpenAPI document cannot say, told to schemathesis: values that only this API makes or knows.

Loaded by its command line, not by pytest. Only requests that are meant to be right are changed.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

#: By format; a cursor comes from the page before, and the first page has none.
FORMATS = {
    "cursor": "",
    "instant": "2026-01-01T00:00:00Z",
    "cron": "0 9 * * 1-5",
    "time-zone": "Europe/Berlin",
    "time-of-today": "",
    "callback-url": "https://my-app.example/hooks",
}
#: By name, for phases that make values by their length alone.
QUERY = {"cursor": "", "since": "", "created_after": "", "created_before": "", "after": "", "task": ""}
#: Of lists of tasks: each asks for another parameter.
QUERY |= {"worker": "", "fingerprint": "", "key": ""}
BODY = {"cron": FORMATS["cron"], "zone": FORMATS["time-zone"], "callback_url": FORMATS["callback-url"]}

for _name, _value in FORMATS.items():
    schemathesis.openapi.format(_name, st.just(_value))


@schemathesis.hook
def before_call(context: Any, case: Any, **_: Any) -> None:
    """Put in what has to be known: cron expressions and time zones that exist, a debounce that can end."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if isinstance(case.query, dict):
        case.query |= {name: value for name, value in QUERY.items() if name in case.query}
        case.query.pop("priority", None)  # it asks for status=pending
    if case.path.endswith("/dead-letters/requeue") and isinstance(case.body, dict):
        case.body.pop("payload", None)  # one payload fits tasks of one type, and there are none here
    _correct(case.body)


def _correct(body: Any) -> None:
    """Tasks in batches and in schedules, too; what a handler gets as its payload is left alone."""
    if not isinstance(body, dict):
        return
    body |= {name: value for name, value in BODY.items() if isinstance(body.get(name), str)}
    if isinstance(body.get("debounce"), dict) and isinstance(
        body["debounce"].get("max_wait_seconds"), int | float
    ):
        body["debounce"]["max_wait_seconds"] = 604_800
    _correct(body.get("task"))
    tasks = body.get("tasks")
    for task in tasks if isinstance(tasks, list) else []:
        _correct(task)
