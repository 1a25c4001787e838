/** A name chosen on a page, as the URL holds it: a queue, a worker, a schedule. */
export function readName(value: unknown): string | undefined {
  if (typeof value === "number") return String(value); // the router reads ?queue=1 as a number
  return typeof value === "string" && value !== "" && value.length <= 200 ? value : undefined;
}
