import { DtqError, submitMany, tasks } from "@/lib/dtq";

/** Three sizes of one picture, all or none. */
export async function POST(request: Request) {
  const { url } = (await request.json()) as { url: string };
  try {
    const submitted = await submitMany(
      [320, 640, 1280].map((width) =>
        tasks.image.of({
          source: { url },
          operations: [{ op: "resize", width }, { op: "convert", format: "webp" }],
          output: { to: "storage", key: `sizes/${width}.webp` },
        }),
      ),
    );
    return Response.json(submitted, { status: 202 });
  } catch (error) {
    if (error instanceof DtqError && error.status === 422) {
      return Response.json({ field: error.problem.field, fix: error.problem.fix }, { status: 422 });
    }
    throw error;
  }
}
