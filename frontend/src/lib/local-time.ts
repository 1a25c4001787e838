/** Between ISO 8601 in UTC and what `<input type="datetime-local">` holds: the viewer's own time, without a zone. */

function two(value: number): string {
  return String(value).padStart(2, "0");
}

export function toLocal(iso: string | undefined): string {
  if (iso === undefined) return "";
  const at = new Date(iso);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Undefined for an empty field, and for one that is not filled yet. */
export function fromLocal(text: string): string | undefined {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
