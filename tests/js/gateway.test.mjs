// The real JavaScript SDK of Upstash, with its defaults, against the gateway at GATEWAY_URL.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";

import { Redis } from "@upstash/redis";

const url = process.env.GATEWAY_URL;
const token = process.env.GATEWAY_TOKEN;
const redis = new Redis({ url, token });
const plain = new Redis({ url, token, responseEncoding: false });
const raw = new Redis({ url, token, automaticDeserialization: false });
const fresh = () => `js-${randomUUID()}`;

const next = (subscription, type) => new Promise((resolve) => subscription.on(type, resolve));

test("set and get", async () => {
  for (const client of [redis, plain]) {
    for (const value of ["v", "OK", "ümlaut 😀", 7, 1.5, true, { a: [1, "x", null] }, [1, 2]]) {
      const key = fresh();
      assert.equal(await client.set(key, value, { ex: 100 }), "OK");
      assert.deepEqual(await client.get(key), value);
    }
    assert.equal(await client.get(fresh()), null);
  }
});

test("large integers keep their digits", async () => {
  const key = fresh();
  await redis.set(key, "9007199254740993");
  assert.equal(await redis.get(key), "9007199254740993");
});

test("structures", async () => {
  const key = fresh();
  await redis.hset(key, { a: 1, OK: "OK" });
  assert.deepEqual(await redis.hgetall(key), { a: 1, OK: "OK" });
  await redis.zadd(`${key}z`, { score: 1, member: "a" }, { score: 2.5, member: "b" });
  assert.deepEqual(await redis.zrange(`${key}z`, 0, -1, { withScores: true }), ["a", 1, "b", 2.5]);
});

test("eval and evalsha", async () => {
  const script = "return {KEYS[1], ARGV[1], {'OK', redis.status_reply('OK'), 1}, redis.status_reply('OK')}";
  const expected = ["k", "arg", ["OK", "OK", 1], "OK"];
  assert.deepEqual(await redis.eval(script, ["k"], ["arg"]), expected);
  const sha = createHash("sha1").update(script).digest("hex");
  assert.deepEqual(await redis.evalsha(sha, ["k"], ["arg"]), expected);
  await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
});

test("createScript falls back from evalsha to eval", async () => {
  const script = redis.createScript(`return '${fresh()}' .. ARGV[1]`);
  assert.match(await script.exec([], ["x"]), /^js-.*x$/);
});

test("pipeline", async () => {
  const key = fresh();
  assert.deepEqual(await redis.pipeline().set(key, 1).incr(key).get(key).exec(), ["OK", 2, 2]);
  const results = await redis.pipeline().set(key, "x").incr(key).get(key).exec({ keepErrors: true });
  assert.deepEqual(
    results.map(({ error }) => Boolean(error)),
    [false, true, false],
  );
});

test("automatic pipelining", async () => {
  const key = fresh();
  const [set, first, second] = await Promise.all([redis.set(key, 1), redis.incr(key), redis.incr(key)]);
  assert.deepEqual([set, first, second], ["OK", 2, 3]);
});

test("multi", async () => {
  const key = fresh();
  assert.deepEqual(await redis.multi().set(key, 1).incr(key).get(key).exec(), ["OK", 2, 2]);
});

test("errors carry the text of the server", async () => {
  await assert.rejects(redis.eval("return redis.error_reply('ERR mine')", [], []), /ERR mine/);
  await assert.rejects(new Redis({ url, token: "wrong" }).get("k"), /WRONGPASS/);
});

test("a client reads its own writes by the sync token", async () => {
  const client = new Redis({ url, token });
  await client.get("k");
  const before = client.client.upstashSyncToken;
  await client.set(fresh(), 1);
  assert.notEqual(before, "");
  assert.notEqual(client.client.upstashSyncToken, before);
});

test("subscribe", async () => {
  const channel = fresh();
  const subscription = redis.subscribe(channel);
  assert.equal(await next(subscription, "subscribe"), 1);
  for (const message of ["hello, with commas", { a: 1 }]) {
    const received = next(subscription, "message");
    assert.equal(await redis.publish(channel, message), 1);
    assert.deepEqual(await received, { channel, message });
    subscription.removeAllListeners();
  }
  await subscription.unsubscribe();
});

test("psubscribe", async () => {
  const channel = fresh();
  const subscription = raw.psubscribe("js-*");
  await next(subscription, "psubscribe");
  const received = next(subscription, `pmessage:js-*`);
  await raw.publish(channel, '"m"');
  assert.equal((await received).channel, channel);
  await subscription.unsubscribe();
});
