// `node app.mjs bullmq submit|spaced|work [COUNT]`: as app.py, for BullMQ. Run in a folder that has it installed.
import { renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Queue, Worker } = createRequire(`${process.cwd()}/`)("bullmq");
const [, , , role, countText] = process.argv;
const url = new URL(process.env.REDIS_URL);
const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
const total = Number(process.env.TOTAL ?? 0);
const count = Number(countText ?? 0);
const text = "x".repeat(183);
const result = { ok: true, text: "r".repeat(80) };
const now = () => performance.timeOrigin + performance.now();
const times = [];
let seen = 0;

function write(figures) {
  writeFileSync(`${process.env.FIGURES}.new`, JSON.stringify(figures));
  renameSync(`${process.env.FIGURES}.new`, process.env.FIGURES);
}

if (role === "work") {
  new Worker(
    "peer",
    async (job) => {
      seen += 1;
      if (job.name === "mark") {
        times.push(now() - job.data.sent * 1000);
        if (seen === total) write({ delays: times });
        return result;
      }
      const first = Math.floor(total / 10);
      const last = Math.floor((total * 9) / 10);
      if (seen === first || seen === last) times.push(now());
      if (seen === total) write({ rate: ((last - first) / (times[1] - times[0])) * 1000 });
      return result;
    },
    { connection, concurrency: 100 },
  );
} else {
  const queue = new Queue("peer", { connection });
  if (role === "submit") {
    for (let first = 0; first < count; first += 1000) {
      const size = Math.min(1000, count - first);
      await queue.addBulk(
        Array.from({ length: size }, (_, n) => ({ name: "noop", data: { n: first + n, text } })),
      );
    }
  } else {
    const start = now();
    for (let n = 0; n < count; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + n * 50 - now())));
      await queue.add("mark", { sent: now() / 1000 });
    }
  }
  await queue.close();
}
