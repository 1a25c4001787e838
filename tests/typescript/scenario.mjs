// What an application does with the generated client, on Node; one JSON line per step.
import { createClient, DtqError, getTask, submitMany, tasks } from "./dtq.mjs";

const say = (name, value) => console.log(JSON.stringify({ name, value }));
const refused = async (work) => {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DtqError)) throw error;
    return { status: error.status, field: error.problem.field, message: error.message };
  }
};

const at = new Date(Date.now() + 3_600_000);
const first = await tasks.person.submit(
  { name: "Ada" },
  {
    runAt: at,
    priority: 9,
    uniqueKey: "ada",
    retry: { initialSeconds: 2, jitter: "none" },
    metadata: { orderNumber: 17 },
    queue: undefined,
  },
);
say("submit", { at: at.toISOString(), task: await getTask(first.id) });
say("nested", await getTask((await tasks.invoice.send.submit({})).id));
say("dashed", await getTask((await tasks["a-b"].submit({})).id));
say("whole", await getTask((await tasks["x.submit"].submit({})).id));
say("many", await submitMany([tasks.person.of({ name: "Ada" }), tasks.invoice.of({ n: 1 }, { priority: 1 })]));
const quiet = { uniqueKey: "quiet", debounce: { seconds: 60, maxWaitSeconds: 300 } };
await tasks.invoice.submit({ n: 1 }, quiet);
say("debounced", await tasks.invoice.submit({ n: 2 }, quiet));
say("wrong payload", await refused(() => tasks.person.submit({ nam: "Ada" })));
say("wrong batch", await refused(() => submitMany([tasks.person.of({ name: "Ada" }, { priority: 11 })])));
say("not found", await refused(() => getTask("0".repeat(27))));

let lost = 2;
const bodies = new Set();
const losing = createClient({
  fetch: async (url, init) => {
    const response = await fetch(url, init);
    bodies.add(init.body);
    if (lost-- > 0) throw new TypeError("the answer was lost");
    return response;
  },
});
say("lost answers", { task: await losing.tasks.person.submit({ name: "Once" }), bodies: bodies.size, lost });

const answers = (...list) => createClient({ url: "http://api.test", fetch: async () => list.length > 1 ? list.shift() : list[0].clone() });
const busy = (status, wait) => new Response("{}", { status, headers: { "retry-after": wait } });
const ok = new Response('{"id":"1","status":"pending"}', { status: 202 });
say("busy", await answers(busy(503, "0"), busy(429, "0"), ok).tasks.person.submit({ name: "Ada" }));
say("long pause", await refused(() => answers(busy(503, "60")).tasks.person.submit({ name: "Ada" })));
say("no api", await refused(() => answers(new Response("<html>", { status: 404 })).tasks.person.submit({ name: "Ada" })));
say("nobody", await refused(() => createClient({ url: "http://127.0.0.1:9", attempts: 1 }).getTask("1")));
delete process.env.DTQ_URL;
say("no address", await refused(() => getTask("1")));
