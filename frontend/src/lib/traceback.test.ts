import { describe, expect, it } from "vitest";
import { failingFrame, foldedWords, foldLibraries, parseTraceback } from "./traceback";

const TEXT = `Traceback (most recent call last):
  File "/srv/dtq/worker_host/executor.py", line 80, in _run
    return await handler(payload)
           ^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/handlers/mail.py", line 58, in send_email
    await smtp.login(user, password)
  File "/usr/lib/python3.11/site-packages/aiosmtplib/auth.py", line 76, in login
    raise exc
  File "/usr/lib/python3.11/asyncio/tasks.py", line 500, in wait_for
    return fut.result()
aiosmtplib.errors.SMTPAuthenticationError: (535, '5.7.8 authentication failed')
`;

describe("parseTraceback", () => {
  const parts = parseTraceback(TEXT);

  it("keeps every frame with its code and the error at the end", () => {
    expect(parts.filter((part) => part.kind === "frame").map((frame) => frame.line)).toEqual([80, 58, 76, 500]);
    expect(parts.at(-1)).toMatchObject({ kind: "text", isError: true });
  });

  it("finds the last frame of the user's own code", () => {
    expect(failingFrame(parts)).toMatchObject({ name: "send_email", line: 58, isLibrary: false });
  });

  it("folds runs of library frames and names whose they are", () => {
    const folded = foldLibraries(parts).filter((part) => part.kind === "folded");
    expect(folded.map((part) => foldedWords(part.frames))).toEqual(["1 frame in dtq folded", "2 frames in aiosmtplib and asyncio folded"]);
  });

  it("shows a library's frame when there is no other", () => {
    const only = parseTraceback('  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\n    raise\nValueError: no');
    expect(foldLibraries(only).some((part) => part.kind === "folded")).toBe(false);
  });

  it("keeps text that is no traceback as it is", () => {
    expect(parseTraceback("killed by signal 9")).toEqual([{ kind: "text", text: "killed by signal 9", isError: false }]);
  });
});
