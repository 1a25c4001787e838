// Runs dtq.mjs inside Vercel's Edge runtime: no Node, no process; answers what the scenario returned.
import { readFileSync } from "node:fs";
import { EdgeVM } from "@edge-runtime/vm";

const [path, url] = process.argv.slice(2);
const client = readFileSync(path, "utf8").replace(/^export const \{.*$/m, "").replace(/^export /gm, "");
const vm = new EdgeVM();
const answer = await vm.evaluate(`(async () => {
  ${client}
  const { tasks, getTask } = createClient({ url: ${JSON.stringify(url)} });
  const task = await tasks.person.submit({ name: "Ada" }, { delaySeconds: 60 });
  return JSON.stringify({ runtime: EdgeRuntime, process: typeof process, task: await getTask(task.id) });
})()`);
console.log(answer);
