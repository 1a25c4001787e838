"""`python app.py PEER submit|spaced|work [COUNT]` in the environment of a peer: submits `jobs`, or works them off."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import jobs

URL = os.environ["REDIS_URL"]
SLOTS = 100
#: Peers that run handlers in threads: more of them are slower for jobs without waiting.
THREADS = 8
PERIOD_S = 0.05
TEXT = "x" * 183


async def _async_submit(enqueue, count):
    for first in range(0, count, SLOTS):
        await asyncio.gather(
            *(enqueue("noop", n=n, text=TEXT) for n in range(first, min(count, first + SLOTS)))
        )


async def _async_spaced(enqueue, count):
    start = time.time()
    for n in range(count):
        await asyncio.sleep(max(0, start + n * PERIOD_S - time.time()))
        await enqueue("mark", sent=time.time())


async def _submit_async(enqueue, role, count):
    await (_async_submit if role == "submit" else _async_spaced)(enqueue, count)


def _submit_sync(enqueue, role, count):
    start = time.time()
    for n in range(count):
        if role == "submit":
            enqueue("noop", n=n, text=TEXT)
        else:
            time.sleep(max(0, start + n * PERIOD_S - time.time()))
            enqueue("mark", sent=time.time())


def arq(role, count):
    from arq import create_pool
    from arq.connections import RedisSettings
    from arq.worker import Worker, func

    async def noop(ctx, n, text):
        return jobs.noop(n, text)

    async def mark(ctx, sent):
        return jobs.mark(sent)

    settings = RedisSettings.from_dsn(URL)
    if role == "work":
        asyncio.set_event_loop(asyncio.new_event_loop())
        functions = [func(noop, name="noop"), func(mark, name="mark")]
        Worker(functions, redis_settings=settings, max_jobs=SLOTS).run()
        return

    async def run():
        pool = await create_pool(settings)
        await _submit_async(pool.enqueue_job, role, count)
        await pool.aclose()

    asyncio.run(run())


def saq(role, count):
    from saq import Queue, Worker

    async def noop(ctx, *, n, text):
        return jobs.noop(n, text)

    async def mark(ctx, *, sent):
        return jobs.mark(sent)

    async def run():
        # Its jobs need a connection each, and redis-py lends a hundred unless it is told otherwise.
        queue = Queue.from_url(f"{URL}?max_connections={4 * SLOTS}")
        await queue.connect()
        if role == "work":
            await Worker(queue, functions=[("noop", noop), ("mark", mark)], concurrency=SLOTS).start()
        else:
            await _submit_async(queue.enqueue, role, count)
        await queue.disconnect()

    asyncio.run(run())


def taskiq(role, count):
    from taskiq.api import run_receiver_task
    from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

    broker = ListQueueBroker(URL).with_result_backend(RedisAsyncResultBackend(URL, result_ex_time=3600))

    @broker.task(task_name="noop")
    async def noop(n: int, text: str) -> dict:
        return jobs.noop(n, text)

    @broker.task(task_name="mark")
    async def mark(sent: float) -> dict:
        return jobs.mark(sent)

    async def enqueue(name, **fields):
        await {"noop": noop, "mark": mark}[name].kiq(**fields)

    async def run():
        if role == "work":
            broker.is_worker_process = True
            await run_receiver_task(broker, max_async_tasks=SLOTS, run_startup=True)
        else:
            await broker.startup()
            await _submit_async(enqueue, role, count)
            await broker.shutdown()

    asyncio.run(run())


def streaq(role, count):
    from streaq import Worker

    worker = Worker(redis_url=URL, concurrency=SLOTS)

    @worker.task()
    async def noop(n: int, text: str) -> dict:
        return jobs.noop(n, text)

    @worker.task()
    async def mark(sent: float) -> dict:
        return jobs.mark(sent)

    if role == "work":
        worker.run_sync()
        return

    async def enqueue(name, **fields):
        await {"noop": noop, "mark": mark}[name].enqueue(**fields)

    async def run():
        async with worker:
            if role == "submit":
                for first in range(0, count, 1000):
                    await worker.enqueue_many(
                        [noop.enqueue(n=n, text=TEXT) for n in range(first, min(count, first + 1000))]
                    )
            else:
                await _submit_async(enqueue, role, count)

    asyncio.run(run())


def dramatiq(role, count):
    import dramatiq as library
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=URL)
    library.set_broker(broker)
    actors = {name: library.actor(getattr(jobs, name), actor_name=name) for name in ("noop", "mark")}
    if role != "work":
        _submit_sync(lambda name, **fields: actors[name].send(**fields), role, count)
        return
    worker = library.Worker(broker, worker_threads=THREADS)
    worker.start()
    while True:
        time.sleep(1)


def celery(role, count):
    from celery import Celery

    app = Celery("peer", broker=URL, backend=URL)
    app.conf.update(worker_prefetch_multiplier=16, broker_connection_retry_on_startup=True)
    tasks = {name: app.task(getattr(jobs, name), name=name) for name in ("noop", "mark")}
    if role != "work":
        _submit_sync(lambda name, **fields: tasks[name].apply_async(kwargs=fields), role, count)
        return
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", *quiet])


def rq(role, count):
    import redis
    from rq import Queue, SimpleWorker

    queue = Queue(connection=redis.Redis.from_url(URL))
    if role == "work":
        SimpleWorker([queue], connection=queue.connection).work(logging_level="WARNING")
    elif role == "submit":
        for first in range(0, count, 1000):
            fields = [{"n": n, "text": TEXT} for n in range(first, min(count, first + 1000))]
            queue.enqueue_many([Queue.prepare_data("jobs.noop", kwargs=one) for one in fields])
    else:
        _submit_sync(lambda name, **fields: queue.enqueue(f"jobs.{name}", **fields), role, count)


def huey(role, count):
    from huey import RedisHuey

    app = RedisHuey("peer", url=URL)
    tasks = {name: app.task(name=name)(getattr(jobs, name)) for name in ("noop", "mark")}
    if role == "work":
        app.create_consumer(workers=THREADS, worker_type="thread").run()
    else:
        _submit_sync(lambda name, **fields: tasks[name](**fields), role, count)


if __name__ == "__main__":
    peer, chosen = sys.argv[1:3]
    globals()[peer](chosen, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
