import { useState } from "react";
import { SelectField, TextField } from "../../components/field";

const OTHER = "other";
const TIMES = [
  { value: "", text: "now" },
  { value: "60", text: "in 1 minute" },
  { value: "600", text: "in 10 minutes" },
  { value: "3600", text: "in 1 hour" },
  { value: "86400", text: "in 1 day" },
  { value: OTHER, text: "after some seconds" },
] as const;

interface RunFieldProps {
  /** Seconds from now; empty for now. */
  delay: string;
  onDelay: (delay: string) => void;
  problem: string | null;
}

/** When the task is to run: one of a few usual times, or a number of seconds. */
export function RunField({ delay, onDelay, problem }: RunFieldProps) {
  const [isOther, setOther] = useState(false);
  const isWritten = isOther || !TIMES.some(({ value }) => value === delay);
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <SelectField
        label="Run"
        value={isWritten ? OTHER : delay}
        options={TIMES}
        problem={isWritten ? null : problem}
        onPick={(value) => {
          setOther(value === OTHER);
          onDelay(value === OTHER ? "" : value);
        }}
      />
      {isWritten && <TextField label="Seconds from now" inputMode="numeric" autoFocus={isOther} value={delay} onText={onDelay} problem={problem} />}
    </div>
  );
}
