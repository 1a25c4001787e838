// Prints what the built dashboard weighs, gzip, and fails when a part is over its budget. Run after `npm run build`.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const KB = 1000; // as browsers' tools count
const BUDGET = { initialScript: 120 * KB, style: 15 * KB, page: 30 * KB };

const dist = new URL("dist/", import.meta.url);
const page = readFileSync(new URL("index.html", dist), "utf8");
const weigh = (name) => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length;
const kb = (bytes) => `${(bytes / KB).toFixed(1)} kB`;

const initial = [...page.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map(([, name]) => name);
const scripts = readdirSync(new URL("assets/", dist)).filter((name) => name.endsWith(".js")).map((name) => `assets/${name}`);
const lazy = scripts.filter((name) => !initial.includes(name)).map((name) => [name, weigh(name)]).sort(([, a], [, b]) => b - a);
const styles = readdirSync(new URL("assets/", dist)).filter((name) => name.endsWith(".css")).map((name) => weigh(`assets/${name}`));

const sum = (list) => list.reduce((total, each) => total + each, 0);
const initialScript = sum(initial.map(weigh));
const style = sum(styles);
console.log(`JavaScript before the first view: ${kb(initialScript)} gzip of ${kb(BUDGET.initialScript)}`);
console.log(`Style sheets: ${kb(style)} of ${kb(BUDGET.style)}`);
console.log(`Loaded per page: ${lazy.slice(0, 12).map(([name, bytes]) => `${name.replace(/^assets\/|-[\w-]{8}\.js$/g, "")} ${kb(bytes)}`).join(", ")}`);

const over = [
  initialScript > BUDGET.initialScript && "the JavaScript before the first view",
  style > BUDGET.style && "the style sheets",
  ...lazy.filter(([, bytes]) => bytes > BUDGET.page).map(([name]) => name),
].filter(Boolean);
if (over.length > 0) {
  console.error(`Over the budget: ${over.join(", ")}.`);
  process.exit(1);
}
