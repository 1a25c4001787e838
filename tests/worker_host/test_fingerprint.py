"""The same cause has the same fingerprint, another cause another."""

from __future__ import annotations

import doctest

from worker_host import fingerprint as module
from worker_host.fingerprint import fingerprint


def error(message: str, where: int = 0) -> BaseException:
    def here() -> None:
        raise ValueError(message)

    def there() -> None:
        raise ValueError(message)

    try:
        (here, there)[where]()
    except ValueError as caught:
        return caught
    raise AssertionError("nothing was raised")


def test_the_examples_are_true():
    assert doctest.testmod(module).failed == 0


def test_numbers_ids_paths_and_quotes_do_not_count():
    messages = [
        "user 17 has no file /tmp/a1/b.csv for 'Ada' (550e8400-e29b-41d4-a716-446655440000)",
        "user 4 has no file /var/data/c.csv for 'Bob' (6fa459ea-ee8a-3ca4-894e-db77e160355e)",
    ]
    assert len({fingerprint("report", error(message)) for message in messages}) == 1


def test_type_place_and_words_do_count():
    prints = {
        fingerprint("report", error("it broke")),
        fingerprint("mail", error("it broke")),
        fingerprint("report", error("it broke", 1)),
        fingerprint("report", error("it burned")),
        fingerprint("report", KeyError("it broke")),
    }
    assert len(prints) == 5
