import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { codeSample, shellQuote } from "./code-samples";

const HOSTILE = `{\n  "a": "it's $HOME \`id\` \\\\ !x"\n}`;

describe("shellQuote", () => {
  it("gives a shell exactly the text", () => {
    expect(execFileSync("sh", ["-c", `printf %s ${shellQuote(HOSTILE)}`]).toString()).toBe(HOSTILE);
  });
});

describe("codeSample", () => {
  const sample = { origin: "https://tasks.example", body: '{\n  "task_type": "hello"\n}', needsKey: true };

  it.each(["curl", "Python", "TypeScript"] as const)("in %s names the address, the key's variable and the body", (language) => {
    const code = codeSample(language, sample);
    expect(code).toContain("https://tasks.example/api/tasks");
    expect(code).toContain("DTQ_KEY");
    expect(code).toContain('"task_type": "hello"');
  });

  it("leaves the key out where the server asks for none", () => {
    expect(codeSample("curl", { ...sample, needsKey: false })).not.toContain("Authorization");
  });
});
