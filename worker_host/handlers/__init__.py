"""What a handler's module imports: the decorator and the exceptions that steer a task."""

from worker_host.control import RateLimited, Reject, RetryAfter, Snooze
from worker_host.registry import RunIn, register_handler

__all__ = ["RateLimited", "Reject", "RetryAfter", "RunIn", "Snooze", "register_handler"]
