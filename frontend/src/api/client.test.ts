import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetAnswers, onPace, read } from "./client";
import { ApiProblem } from "./problem";

const fetchMock = vi.fn<(input: string, init: RequestInit) => Promise<Response>>();
const same = (wire: unknown) => wire;

function headersOf(call: number): Headers {
  return fetchMock.mock.calls[call]?.[1].headers as Headers;
}

describe("read", () => {
  beforeEach(() => {
    forgetAnswers();
    fetchMock.mockReset();
    vi.stubGlobal("fetch", fetchMock);
  });

  it("sends the last ETag and gives the same value for 304", async () => {
    fetchMock.mockResolvedValueOnce(Response.json({ a: 1 }, { headers: { ETag: '"one"' } }));
    fetchMock.mockResolvedValueOnce(new Response(null, { status: 304 }));
    const first = await read("/overview", { convert: same });
    expect(headersOf(0).has("If-None-Match")).toBe(false);
    expect(await read("/overview", { convert: same })).toBe(first);
    expect(headersOf(1).get("If-None-Match")).toBe('"one"');
  });

  it("passes on the pace the server names", async () => {
    const listener = vi.fn();
    const stop = onPace(listener);
    fetchMock.mockResolvedValueOnce(Response.json({}, { headers: { "X-Poll-Seconds": "5" } }));
    fetchMock.mockResolvedValueOnce(Response.json({}, { headers: { "X-Poll-Seconds": "soon" } }));
    await read("/overview", { convert: same });
    await read("/overview", { convert: same });
    stop();
    expect(listener.mock.calls).toEqual([[5]]);
  });

  it.each([
    ["a problem", () => Response.json({ title: "Redis is away", detail: "No answer" }, { status: 503, headers: { "X-Request-ID": "r1" } }), { status: 503, title: "Redis is away", requestId: "r1", isPassing: true }],
    ["a page of a proxy", () => new Response("<html>", { status: 404 }), { status: 404, title: "The server refused the request", isPassing: false }],
    ["something else than JSON", () => new Response("<html>"), { status: 200, title: "The answer could not be read", isPassing: false }],
  ])("turns %s into an ApiProblem", async (_name, answer, problem) => {
    fetchMock.mockResolvedValueOnce(answer());
    const error: unknown = await read("/overview", { convert: same }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiProblem);
    expect(error).toMatchObject(problem);
  });

  it("calls silence a passing problem", async () => {
    fetchMock.mockRejectedValueOnce(new TypeError("fetch failed"));
    await expect(read("/overview", { convert: same })).rejects.toMatchObject({ status: 0, isPassing: true });
  });
});
