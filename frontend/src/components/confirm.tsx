import { useState } from "react";
import { Button } from "./button";
import { Dialog, DialogActions } from "./dialog";
import { TextField } from "./field";

interface ConfirmProps {
  title: string;
  /** What happens, how much, what cannot be taken back. */
  consequence: string;
  confirm: string;
  keep?: string;
  /** To be typed first; for what reaches far. */
  typed?: string | undefined;
  onConfirm: () => void;
  onClose: () => void;
}

/** Says the consequence before the action; far-reaching ones ask for their number. */
export function Confirm({ title, consequence, confirm, keep = "Keep", typed, onConfirm, onClose }: ConfirmProps) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const go = () => {
    if (typed !== undefined && text.trim() !== typed) {
      setWrong(true);
      return;
    }
    onClose();
    onConfirm();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="text-text-2">{consequence}</p>
      {typed !== undefined && (
        <div className="mt-4">
          <TextField
            label={`Type ${typed} to confirm`}
            value={text}
            onText={setText}
            problem={wrong ? `This does not read ${typed}.` : null}
          />
        </div>
      )}
      <DialogActions>
        <Button onClick={onClose} autoFocus>{keep}</Button>
        <Button kind="danger" onClick={go}>{confirm}</Button>
      </DialogActions>
    </Dialog>
  );
}
