import { Webhook, WebhookVerificationError } from "standardwebhooks";

interface Ended {
  type: "task.completed" | "task.dead" | "task.cancelled";
  timestamp: string;
  data: { id: string; task_type: string; queue: string; status: string; attempt: number };
}

/** Called when a task ends that was submitted with `callbackUrl`; the same event may come twice. */
export async function POST(request: Request) {
  const secret = process.env.WEBHOOK_SECRET;
  if (!secret) throw new Error("WEBHOOK_SECRET is missing; it is the worker's");
  try {
    const ended = new Webhook(secret).verify(
      await request.text(),
      Object.fromEntries(request.headers),
    ) as Ended;
    console.log(ended.type, ended.data.id);
    return new Response(null, { status: 204 });
  } catch (error) {
    if (error instanceof WebhookVerificationError) return new Response("wrong signature", { status: 401 });
    throw error;
  }
}
