import { describe, expect, it } from "vitest";
import { createdAtOf } from "./task-id";

const NOW = Date.parse("2026-11-28T20:00:00Z");

describe("createdAtOf", () => {
  it("reads the time of an id", () => {
    expect(createdAtOf("001m8hvd3yhdev1czmjnfr55k8w", NOW)?.toISOString().slice(0, 10)).toBe("2026-11-28");
  });

  it.each(["", "001m8", "0zzzzzzzzzzhdev1czmjnfr55k8", "00000000000hdev1czmjnfr55k8", "0ilou00000zhdev1czmjnfr55k8"])("finds none in %o", (id) => {
    expect(createdAtOf(id, NOW)).toBeNull();
  });
});
