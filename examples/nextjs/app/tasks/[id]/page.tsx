import { getTask } from "@/lib/dtq";

export const dynamic = "force-dynamic";

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  const task = await getTask(id);
  return (
    <main>
      <h1>{task.task_type}</h1>
      <p>
        {task.status}
        {task.error ? `: ${task.error.message}` : ""}
      </p>
    </main>
  );
}
