/** The same submission as a command and as code to copy. Pure. */

export type Language = "curl" | "Python" | "TypeScript";

interface Sample {
  readonly origin: string;
  /** JSON text of the body, indented. */
  readonly body: string;
  readonly needsKey: boolean;
}

/** A text in single quotes of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** In triple quotes of Python, read as JSON, so that no value has to be spelled another way. */
function pythonText(text: string): string {
  return `r'''${text.replaceAll("'''", String.raw`\u0027\u0027\u0027`)}'''`;
}

export function codeSample(language: Language, { origin, body, needsKey }: Sample): string {
  switch (language) {
    case "curl":
      return [
        `curl ${origin}/api/tasks \\`,
        ...(needsKey ? [`  -H "Authorization: Bearer $DTQ_KEY" \\`] : []),
        `  -H "Content-Type: application/json" \\`,
        `  -d ${shellQuote(body)}`,
      ].join("\n");
    case "Python":
      return [
        ...(needsKey ? ["import os", ""] : []),
        "import httpx",
        "",
        "answer = httpx.post(",
        `    "${origin}/api/tasks",`,
        `    headers={"Content-Type": "application/json"${needsKey ? ', "Authorization": f"Bearer {os.environ[\'DTQ_KEY\']}"' : ""}},`,
        `    content=${pythonText(body)},`,
        ")",
        "answer.raise_for_status()",
        'print(answer.json()["id"])',
      ].join("\n");
    case "TypeScript":
      return [
        `const answer = await fetch("${origin}/api/tasks", {`,
        `  method: "POST",`,
        `  headers: { "Content-Type": "application/json"${needsKey ? ", Authorization: `Bearer ${process.env.DTQ_KEY}`" : ""} },`,
        `  body: JSON.stringify(${body.replaceAll("\n", "\n  ")}),`,
        `});`,
        `if (!answer.ok) throw new Error(await answer.text());`,
        `console.log((await answer.json()).id);`,
      ].join("\n");
  }
}
