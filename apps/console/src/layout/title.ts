// The document's title, by which tabs and screen readers name a page.

import { useEffect } from "react";

export function useTitle(...parts: readonly string[]): void {
  const title = [...parts, "Slipway"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}
