// A table that scrolls sideways where its page is too narrow for it.

import type { ReactNode } from "react";

interface TableProps {
  /** Names the table to screen readers. */
  readonly label: string;
  readonly columns: readonly string[];
  /** The rows, whose first cell is a header of the row. */
  readonly children: ReactNode;
}

export function Table({ label, columns, children }: TableProps) {
  return (
    <div className="scroller" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
