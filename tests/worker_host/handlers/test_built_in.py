"""What every worker gets with the built-in handlers: nothing heavy at import, no retry of nonsense."""

import subprocess
import sys

import pytest

from worker_host.loading import load_handlers

HEAVY = {"polars", "PIL", "obstore", "aiosmtplib", "httpx", "httpcore"}
PROGRAM = """
import sys
import worker_host.handlers.email, worker_host.handlers.data, worker_host.handlers.image, worker_host.handlers.webhook
import worker_host.fetcher, worker_host.storage
from worker_host.registry import REGISTRY
[handler.description() for handler in REGISTRY]
print(sorted(handler.task_type for handler in REGISTRY))
print(sorted(set(sys.argv[1:]) & set(sys.modules)))
"""


@pytest.mark.parametrize("task_type", ["email", "data", "image", "webhook"])
def test_payload_that_breaks_a_rule_is_never_retried(task_type):
    handler = load_handlers([])[0].get(task_type)
    with pytest.raises(handler.never_retry):
        handler.payload.validate_python({"nonsense": 1})


def test_importing_and_describing_the_handlers_loads_no_heavy_library():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *HEAVY], check=True, capture_output=True, text=True, timeout=30
    )
    assert run.stdout.splitlines() == ["['data', 'email', 'image', 'webhook']", "[]"]
