const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS = 10;
/** Nothing was submitted before; a time that the id of an idempotency key seems to hold is not one. */
const FIRST = Date.UTC(2024, 0, 1);

/** When the task of an id was submitted, as the id itself says; null where it says no time that can be. */
export function createdAtOf(id: string, now: number): Date | null {
  if (id.length !== 27) return null;
  let at = 0;
  for (const digit of id.slice(1, 1 + TIME_DIGITS)) {
    const value = ALPHABET.indexOf(digit);
    if (value < 0) return null;
    at = at * 32 + value;
  }
  return at >= FIRST && at <= now ? new Date(at) : null;
}
