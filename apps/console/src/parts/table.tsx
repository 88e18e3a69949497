// A table that scrolls horizontally when its page is too narrow.

import type { ReactNode } from "react";

interface TableProps {
  /** The table's name for screen readers. */
  readonly label: string;
  readonly columns: readonly string[];
  /** The rows. The first cell of each is its header. */
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
