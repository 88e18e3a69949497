// A search in a log for a component: it runs in slices, and continues as the log grows.

import { useEffect, useMemo, useReducer } from "react";
import type { LogBuffer } from "./log-buffer.ts";
import { LogSearch } from "./log-search.ts";

/** @returns the search for a text; null for an empty text. Renders again as matches are found. */
export function useSearch(buffer: LogBuffer, text: string, count: number): LogSearch | null {
  const search = useMemo(() => (text === "" ? null : new LogSearch(buffer, text)), [buffer, text]);
  const [, render] = useReducer((renders: number) => renders + 1, 0);
  useEffect(() => {
    if (search === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = () => {
      if (search.step()) timer = setTimeout(run);
      render();
    };
    run();
    return () => clearTimeout(timer);
  }, [search, count]);
  return search;
}
