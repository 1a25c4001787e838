"""The limits in force: each with its value and what sets it."""

from __future__ import annotations

from api.app import create_app
from api.settings import ApiSettings
from tests.api.support import Client


async def test_each_limit_has_its_value_and_the_variable_that_sets_it(server, store):
    settings = ApiSettings(redis_url=server.url, max_payload_bytes=1_000, api_rate_limit="5/s")
    app = create_app(settings)
    async with Client(app) as client:
        answer = await client.get("/api/settings")
    await app.state.runtime.close()
    assert answer.headers["x-redis-calls"] == "0"
    limits = {one["name"]: one for one in answer.json()["limits"]}
    assert limits["One payload"] == {
        "name": "One payload", "unit": "bytes", "value": 1_000, "variable": "MAX_PAYLOAD_BYTES",
    }  # fmt: skip
    assert limits["Submissions of a key"]["value"] == "5/s"
    assert limits["Redis calls in a month"]["value"] is None
    assert (limits["Tasks in one batch"]["value"], limits["Tasks in one batch"]["variable"]) == (1_000, None)
    fields = {one["variable"].lower() for one in limits.values() if one["variable"]}
    assert fields <= set(ApiSettings.model_fields)
