// A component's state of the folded sections of a log.

import { useCallback, useMemo, useReducer } from "react";
import type { LogBuffer } from "./log-buffer.ts";
import { FoldedSections, LogFolds } from "./log-folds.ts";

export interface Folding {
  readonly folds: LogFolds;
  readonly isFolded: (header: number) => boolean;
  readonly toggle: (header: number) => void;
  /** Unfolds the section of a line. @returns the folds afterwards. */
  readonly reveal: (line: number) => LogFolds;
  /** Whether every section is folded; undefined without sections. */
  readonly areAllFolded: boolean | undefined;
  readonly foldAll: (fold: boolean) => void;
}

/** @param count number of lines in the buffer: the folds are updated as it grows. */
export function useFolds(buffer: LogBuffer, count: number): Folding {
  const sections = useMemo(() => new FoldedSections(buffer), [buffer]);
  const [, render] = useReducer((renders: number) => renders + 1, 0);
  const setFolded = useCallback(
    (headers: Iterable<number>) => {
      sections.set(headers);
      render();
    },
    [sections],
  );
  // The function's identity is stable, so that unchanged lines are not rendered again.
  const toggle = useCallback(
    (header: number) => setFolded(sections.headers.symmetricDifference(new Set([header]))),
    [sections, setFolded],
  );
  const { headers } = buffer;
  const folded = sections.headers;
  const folds = useMemo(() => new LogFolds(headers, folded, count), [headers, folded, count]);
  return {
    folds,
    isFolded: (header) => folded.has(header),
    toggle,
    reveal: (line) => {
      const header = folds.headerOf(line);
      if (header === null || header === line || !folded.has(header)) return folds;
      const rest = folded.difference(new Set([header]));
      setFolded(rest);
      return new LogFolds(headers, rest, count);
    },
    areAllFolded: headers.length === 0 ? undefined : headers.every((header) => folded.has(header)),
    foldAll: (fold) => setFolded(fold ? headers : []),
  };
}
