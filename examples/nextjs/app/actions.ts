"use server";

import { redirect } from "next/navigation";
import { tasks } from "@/lib/dtq";

/** Runs on the server: the key in DTQ_API_KEY never reaches a browser. */
export async function sendGreeting(form: FormData) {
  const email = String(form.get("email"));
  const task = await tasks.email.submit(
    { to: email, subject: "Hello", text: "You asked to be greeted." },
    { delaySeconds: 60, uniqueKey: `greeting-${email}`, onConflict: "existing" },
  );
  redirect(`/tasks/${task.id}`);
}
