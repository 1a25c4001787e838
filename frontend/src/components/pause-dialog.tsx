import { Pause } from "lucide-react";
import type { SyntheticEvent } from "react";
import { useState } from "react";
import { Button } from "./button";
import { Dialog, DialogActions } from "./dialog";
import { TextField } from "./field";
import { useQueueActions } from "../hooks/use-queue-actions";

/** Pauses a queue; the reason is shown to whoever looks next. */
export function PauseDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const { pause } = useQueueActions();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    pause.mutate({ name, reason: reason.trim() });
    onClose();
  };
  return (
    <Dialog title={`Pause queue ${name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <p className="mb-4 text-text-2">New tasks are taken and wait. What runs goes on. Nothing starts until the queue is resumed.</p>
        <TextField label="Reason" placeholder="optional" value={reason} onText={setReason} maxLength={200} autoFocus />
        <DialogActions>
          <Button onClick={onClose}>Leave it running</Button>
          <Button type="submit" kind="primary"><Pause size={14} aria-hidden />Pause queue</Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
