// Navigates through the pages of a list.

import type { PaginationBody } from "@slipway/protocol";

interface PagesProps {
  /** The names of the buttons. */
  readonly labels?: { readonly previous: string; readonly next: string };
  readonly pagination: PaginationBody;
  readonly onPage: (page: number) => void;
}

const byTime = { previous: "Newer", next: "Older" } as const;

export function Pages({ labels = byTime, pagination, onPage }: PagesProps) {
  const { current_page: page, prev_page: previous, next_page: next, total_pages: total } = pagination;
  if (total <= 1) return null;
  return (
    <nav className="pages" aria-label="Pages">
      <button type="button" disabled={previous === null} onClick={() => onPage(page - 1)}>
        ← {labels.previous}
      </button>
      <span>
        {page} of {total}
      </span>
      <button type="button" disabled={next === null} onClick={() => onPage(page + 1)}>
        {labels.next} →
      </button>
    </nav>
  );
}
