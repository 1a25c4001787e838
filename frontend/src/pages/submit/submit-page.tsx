import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { taskTypesOptions } from "../../api/task-types";
import { Card } from "../../components/card";
import { ErrorMessage, Message } from "../../components/message";
import { SkeletonRows } from "../../components/skeleton";
import { useLive } from "../../live/live";
import { PageFrame } from "../shell/page-frame";
import { useIdentity } from "../shell/use-identity";
import { SubmitForm } from "./submit-form";

export function SubmitPage() {
  const { type: wanted } = useSearch({ from: "/submit" });
  const navigate = useNavigate();
  const { role, mayAct } = useIdentity();
  const { nextTryAt, readNow } = useLive();
  const { data: types, isError, error } = useQuery(taskTypesOptions());
  const type = types?.find((each) => each.name === wanted) ?? types?.find((each) => each.isLive) ?? types?.[0];
  const content = () => {
    if (role !== null && !mayAct)
      return <Card><Message icon={Send} title="This key may read only">Sign in with an admin key to submit tasks here.</Message></Card>;
    if (types === undefined)
      return <Card>{isError ? <ErrorMessage what="Task types" error={error} nextTryAt={nextTryAt} onRetry={readNow} /> : <SkeletonRows rows={6} what="task types" />}</Card>;
    if (type === undefined)
      return (
        <Card>
          <Message icon={Send} title="No task type is known yet">
            Workers publish theirs when they start. Start one, and its types are here to choose from.
          </Message>
        </Card>
      );
    return <SubmitForm type={type} types={types} onType={(name) => void navigate({ to: "/submit", search: { type: name }, replace: true })} />;
  };
  return <PageFrame title="Submit a task">{content()}</PageFrame>;
}
