import { formatCount } from "../lib/format";

export interface PriorityRow {
  readonly priority: number;
  readonly pending: number;
}

/** Pending tasks by priority, all ten rows, the highest first. */
export function PriorityTable({ rows, label }: { rows: readonly PriorityRow[]; label: string }) {
  const most = Math.max(1, ...rows.map((row) => row.pending));
  return (
    <table aria-label={label} className="w-full text-12">
      <thead>
        <tr className="h-6 text-text-2">
          <th scope="col" className="w-14 text-left font-medium">Priority</th>
          <td aria-hidden />
          <th scope="col" className="w-20 text-right font-medium">Pending</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ priority, pending }) => (
          <tr key={priority} className="h-5.5">
            <th scope="row" className="text-left font-medium">{priority}</th>
            <td>
              <svg aria-hidden preserveAspectRatio="none" viewBox="0 0 100 8" className="h-1.5 w-full rounded-sm">
                <rect width="100" height="8" className="fill-surface-2" />
                <rect width={(pending / most) * 100} height="8" className="fill-accent" />
              </svg>
            </td>
            <td className="text-right font-medium">{formatCount(pending)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
