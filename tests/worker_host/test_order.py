"""Which queues an exchange looks at: strict or drawn by weight, 16 at a time, none forgotten."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from shared.errors import SettingsError
from worker_host.__main__ import main
from worker_host.order import Order
from worker_host.settings import WorkerSettings

MANY = [f"q{n}" for n in range(40)]


def test_a_plain_list_keeps_its_order():
    order = Order(["c", "a", "b"])
    for is_filled in (True, False, False):
        assert order.is_first
        assert order.current() == ["c", "a", "b"]
        assert order.looked(is_filled=is_filled) is is_filled
        order.begin()


def test_more_than_16_are_looked_at_one_group_after_the_other():
    order = Order(MANY)
    seen: list[str] = []
    firsts = []
    is_left = True
    while is_left:
        firsts.append(order.is_first)
        seen += order.current()
        assert len(order.current()) <= 16
        is_left = order.looked(is_filled=False)
    assert (seen, firsts) == (MANY, [True, False, False])
    assert order.looked(is_filled=False) is False, "nobody called: one look more is enough"


def test_groups_that_fill_all_slots_take_turns():
    order = Order(MANY)
    heads = []
    for _ in range(6):
        heads.append(order.current()[0])
        assert order.looked(is_filled=True)
    assert heads == ["q0", "q16", "q32", "q0", "q16", "q32"]


def test_a_group_that_was_full_is_looked_at_again_before_all_are_known_to_be_empty():
    order = Order(MANY)
    order.looked(is_filled=False)
    order.looked(is_filled=True)
    looks = 1
    while order.looked(is_filled=False):
        looks += 1
    assert looks == 3


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_drawn_order_covers_all_queues_whenever_it_is_called_again(left_out):
    order = Order(MANY, dict.fromkeys(MANY, 1), random.Random(left_out).random)
    for _ in range(left_out):
        order.current()
        order.looked(is_filled=False)
    order.begin()
    seen = list(order.current())
    while order.looked(is_filled=False):
        seen += order.current()
    assert sorted(seen) == sorted(MANY)


def test_weights_are_how_often_a_queue_comes_first():
    order = Order(["a", "b", "c"], {"a": 5, "b": 2, "c": 1}, random.Random(1).random)
    firsts: Counter[str] = Counter()
    for _ in range(8000):
        assert sorted(order.current()) == ["a", "b", "c"]
        firsts[order.current()[0]] += 1
        order.looked(is_filled=True)
    assert firsts["a"] == pytest.approx(5000, rel=0.06)
    assert firsts["b"] == pytest.approx(2000, rel=0.06)
    assert firsts["c"] == pytest.approx(1000, rel=0.12)


@pytest.mark.parametrize(
    ("text", "names", "weights"),
    [
        ("a", ["a"], None),
        ("b, a,b", ["b", "a"], None),
        ("a=5,b=1", ["a", "b"], {"a": 5, "b": 1}),
        ("a = 5 , b", ["a", "b"], {"a": 5, "b": 1}),
        (",".join(MANY), MANY, None),
    ],
)
def test_queues_as_they_are_named(text, names, weights):
    settings = WorkerSettings.read(queues=text)
    assert (settings.queue_names, settings.queue_weights) == (names, weights)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=0", "'0' is no weight of a; name 1 to 1000, as in a=5"),
        ("a=x,b", "'x' is no weight of a"),
        ("a=1001", "'1001' is no weight of a"),
        ("a=²", "'²' is no weight of a"),
        ("a=,b", "'' is no weight of a"),
        ("=5", "'' is no queue name"),
        ("a b=5", "'a b' is no queue name"),
        ("", "0 queues; a worker serves 1 to 256"),
        (",".join(f"q{n}" for n in range(257)), "257 queues; a worker serves 1 to 256"),
    ],
)
def test_what_is_no_list_of_queues_is_refused(text, message, monkeypatch, capsys):
    with pytest.raises(ValueError, match=message.split(";")[0].replace("²", ".")):
        WorkerSettings.read(queues=text or ",").queue_names  # noqa: B018  # read for its check
    monkeypatch.setattr("sys.argv", ["worker", "--queues", text or ","])
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_shards_are_1_to_32():
    with pytest.raises(SettingsError, match="DTQ_SHARDS"):
        WorkerSettings.read(dtq_shards=33)
