"""What a worker that runs only its own handlers pays for ours: nothing heavy at import."""

import subprocess
import sys

HEAVY = {"polars", "PIL", "obstore", "aiosmtplib", "httpx", "httpcore"}
PROGRAM = """
import sys
import worker_host.handlers.email, worker_host.handlers.data, worker_host.handlers.image
import worker_host.fetcher, worker_host.storage
from worker_host.registry import REGISTRY
[handler.description() for handler in REGISTRY]
print(sorted(handler.task_type for handler in REGISTRY))
print(sorted(set(sys.argv[1:]) & set(sys.modules)))
"""


def test_importing_and_describing_the_handlers_loads_no_heavy_library():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *HEAVY], check=True, capture_output=True, text=True, timeout=30
    )
    assert run.stdout.splitlines() == ["['data', 'email', 'image']", "[]"]
