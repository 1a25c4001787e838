"""Which error a failure is: the same cause has the same fingerprint, whatever numbers its text holds."""

from __future__ import annotations

import hashlib
import re
from types import TracebackType

_FOREIGN = ("/site-packages/", "/dist-packages/", "/lib/python3.", "<frozen ", "/worker_host/executor.py")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_IDS = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27,}\b|\b(?=\w*\d)\w{12,}\b", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_PATHS = re.compile(r"(?:/[\w.\-]+){2,}")


def fingerprint(task_type: str, error: BaseException) -> str:
    """12 characters over task type, class, last frame of the user's code, and the bare message."""
    return digest(task_type, type(error).__name__, last_frame(error.__traceback__), text_of(error))


def text_of(error: BaseException) -> str:
    """Its message, even when making it fails: such an error must not hide that its task has ended."""
    try:
        return str(error)
    except Exception as broken:
        return f"(its message cannot be read: __str__ raised {type(broken).__name__})"


def digest(task_type: str, error_type: str, frame: str, message: str) -> str:
    """The fingerprint of its four parts."""
    text = "\0".join((task_type, error_type, frame, bare(message)))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def bare(message: str) -> str:
    """The first 200 characters with quoted texts, paths, ids and numbers replaced.

    >>> bare("user 4711 not found in '/tmp/a7'")
    'user # not found in *'
    """
    text = _QUOTED.sub("*", message[:1000])
    text = _PATHS.sub("/*", text)
    text = _IDS.sub("*", text)
    return _NUMBERS.sub("#", text)[:200]


def last_frame(trace: TracebackType | None) -> str:
    """`file:function` of the deepest frame that is the user's own; of the deepest at all, else."""
    own = deepest = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        deepest = f"{code.co_filename.rsplit('/', 1)[-1]}:{code.co_name}"
        if not any(part in code.co_filename for part in _FOREIGN):
            own = deepest
        trace = trace.tb_next
    return own or deepest
