import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { isTaskStatus, STATUS, STATUSES, TONE_PILL, TONE_TEXT } from "./status";
import { StatusBadge } from "./status-badge";

describe("the status record", () => {
  it("names the eight statuses", () => {
    expect([...STATUSES].sort()).toEqual(["cancelled", "completed", "dead", "pending", "retrying", "running", "scheduled", "waiting"]);
  });

  it.each(STATUSES)("%s shows as icon and word in a tone that exists", (status) => {
    const { container } = render(<StatusBadge status={status} />);
    expect(screen.getByText(STATUS[status].label).textContent).toBe(STATUS[status].label);
    expect(container.querySelector("svg[aria-hidden]")).not.toBeNull();
    expect(TONE_TEXT[STATUS[status].tone]).toMatch(/^text-/);
    expect(TONE_PILL[STATUS[status].tone]).toMatch(/^bg-/);
  });

  it.each(["unknown", "toString", "", 3, null])("knows that %o is none", (value) => {
    expect(isTaskStatus(value)).toBe(false);
  });
});
