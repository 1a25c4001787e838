"""Ids, keys, backoff, settings: the pure parts."""

from __future__ import annotations

import doctest
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import retry
from shared.errors import SettingsError
from shared.ids import IdGenerator, derived_id, is_task_id, shard_of_id
from shared.keys import Keys
from shared.retry import Jitter, RetryPolicy
from shared.scripts.build import FOLDER
from shared.settings import RestTarget, Settings, TcpTarget, redis_target, tcp_target


class TestIds:
    def test_they_rise_within_a_millisecond_and_when_the_clock_steps_back(self):
        times = iter([1000, 1000, 1000, 5, 7, 1001])
        ids = IdGenerator(lambda: next(times), lambda: 2**80 - 1)
        made = [ids.next() for _ in range(6)]
        assert made == sorted(set(made))
        assert all(is_task_id(one) for one in made)

    def test_threads_never_get_the_same(self):
        ids, made = IdGenerator(), []
        threads = [
            threading.Thread(target=lambda: made.extend(ids.next() for _ in range(500))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(made)) == 2000

    @given(st.text(), st.text(), st.integers(0, 31))
    def test_a_derived_id_is_an_id_of_its_shard_and_always_the_same(self, one, two, shard):
        made = derived_id(shard, one, two)
        assert is_task_id(made)
        assert shard_of_id(made) == shard
        assert made == derived_id(shard, one, two)

    @pytest.mark.parametrize(
        "text", ["", "0" * 26, "0" * 28, "I" * 27, "l" * 27, "0" * 26 + "\n", "../" + "0" * 24]
    )
    def test_other_text_is_no_id(self, text):
        assert not is_task_id(text)


class TestKeys:
    def test_all_keys_of_a_shard_share_one_hash_tag(self):
        keys = Keys("production", 3)
        every = [getattr(keys, name) for name in Keys.__slots__ if name != "shard"]
        every += [
            keys.task("i"),
            keys.payload("i"),
            keys.result("i"),
            keys.pending("q"),
            keys.parked("q", "t"),
            keys.job("j"),
        ]
        assert {key[: key.index("}") + 2] for key in every} == {"{production:3}:"}
        assert len(set(every)) == len(every)

    def test_the_headers_of_the_scripts_name_the_same_keys(self):
        keys = Keys("<namespace>:<shard>")
        known = {getattr(keys, name).replace(":0}", "}") for name in Keys.__slots__ if name != "shard"}
        known |= {
            made.replace(":0}", "}")
            for made in (
                keys.task("<id>"),
                keys.pending("<queue>"),
                keys.scratch("<mark>", 7).replace("7", "<n>"),
                keys.job("<id>"),
                keys.rate("submit", "<who>"),
                keys.rate("<kind>", "<who>"),
            )
        }
        for path in FOLDER.glob("*.lua"):
            header = path.read_text(encoding="utf-8").split("]]")[0]
            for name in re.findall(r"^ +@keys? +.*?(\{<namespace>:<shard>\}:\S+)", header, re.MULTILINE):
                assert name in known or path.stem in ("list_index", "probe"), f"{path.name}: {name}"


class TestRetry:
    def test_the_examples_in_the_docstrings(self):
        found = doctest.testmod(retry)
        assert (found.failed, found.attempted > 0) == (0, True)

    @given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True), st.sampled_from(Jitter))
    def test_a_wait_is_never_longer_than_the_longest(self, attempt, drawn, jitter):
        assert 0 <= RetryPolicy(jitter=jitter).delay_s(attempt, lambda: drawn) <= 3600

    def test_full_and_equal_jitter(self):
        assert RetryPolicy().delay_s(3, lambda: 0.25) == 1.0
        assert RetryPolicy(jitter="equal").delay_s(3, lambda: 0.5) == 3.0


UPSTASH = {"upstash_redis_rest_url": "https://a.upstash.io/", "upstash_redis_rest_token": "A"}
VERCEL = {"kv_rest_api_url": "https://b.upstash.io", "kv_rest_api_token": "B"}
TCP = {"redis_url": "rediss://default:x@c:6379"}


class TestSettings:
    @pytest.fixture(autouse=True)
    def no_variables(self, monkeypatch):
        """Nothing of the machine is read."""
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)

    def test_redis_is_found_in_this_order(self):
        everything = {**UPSTASH, **VERCEL, **TCP}
        assert redis_target(Settings(**everything)) == RestTarget("https://a.upstash.io", "A")
        assert redis_target(Settings(**VERCEL, **TCP)) == RestTarget("https://b.upstash.io", "B")
        assert redis_target(Settings(**TCP)) == TcpTarget("rediss://default:x@c:6379")
        assert tcp_target(Settings(**everything)) == TcpTarget("rediss://default:x@c:6379")

    def test_variables_are_read_and_empty_ones_are_not(self, monkeypatch):
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", "")
        monkeypatch.setenv("REDIS_URL", "redis://localhost")
        assert redis_target(Settings.read()) == TcpTarget("redis://localhost")

    @pytest.mark.parametrize(
        ("values", "variable", "rule"),
        [
            ({}, "UPSTASH_REDIS_REST_URL", "no Redis is configured"),
            ({"upstash_redis_rest_url": "https://a"}, "UPSTASH_REDIS_REST_TOKEN", "is missing beside"),
            ({**VERCEL, "kv_rest_api_url": "b.upstash.io"}, "KV_REST_API_URL", "is no https or http URL"),
            ({"redis_url": "localhost:6379"}, "REDIS_URL", "is no redis or rediss URL with a host"),
            ({"redis_url": "redis://"}, "REDIS_URL", "is no redis or rediss URL with a host"),
            ({"redis_url": "redis://host:port"}, "REDIS_URL", "is no redis or rediss URL with a host"),
            ({"redis_url": "redis://[::1"}, "REDIS_URL", "is no redis or rediss URL with a host"),
        ],
    )
    def test_an_error_names_variable_rule_and_example(self, values, variable, rule):
        with pytest.raises(SettingsError) as caught:
            redis_target(Settings(**values))
        assert caught.value.variable == variable
        assert rule in str(caught.value)
        assert re.search(r"Example: \S+$", str(caught.value))

    def test_a_worker_needs_tcp(self):
        with pytest.raises(SettingsError, match="REDIS_URL: is missing; a worker talks to Redis over TCP"):
            tcp_target(Settings(**UPSTASH))

    @pytest.mark.parametrize(
        ("variable", "value", "example"),
        [
            ("RETENTION_SECONDS", "soon", "RETENTION_SECONDS=604800"),
            ("RETENTION_COUNT", "5", "RETENTION_COUNT=100000"),
            ("DTQ_NAMESPACE", "n" * 65, "DTQ_NAMESPACE=production"),
        ],
    )
    def test_a_wrong_value_is_named_with_what_would_be_right(self, monkeypatch, variable, value, example):
        monkeypatch.setenv(variable, value)
        with pytest.raises(SettingsError, match=f"{variable}: .*{value[:10]}.* Example: {example}"):
            Settings.read()

    def test_secrets_are_not_shown(self):
        shown = repr(Settings(**UPSTASH, **VERCEL, **TCP))
        assert "default:x" not in shown
        assert "'A'" not in shown
        assert "'B'" not in shown

    @pytest.mark.parametrize(
        ("values", "namespace"),
        [
            ({}, "production"),
            ({"dtq_namespace": "a{b} c"}, "a-b-c"),
            ({"vercel_env": "preview", "vercel_git_commit_ref": "feat/x y"}, "preview-feat-x-y"),
            ({"vercel_env": "preview"}, "preview-branch"),
            ({"vercel_env": "production", "vercel_git_commit_ref": "main"}, "production"),
        ],
    )
    def test_the_namespace_keeps_previews_apart_and_fits_in_a_key(self, values, namespace):
        assert Settings(**values).namespace == namespace
