// Stores types that SQLite lacks: times as milliseconds, booleans as 1 and 0.

export function millis(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}

export function time(sinceEpochMs: number): Date {
  return new Date(sinceEpochMs);
}

export function optionalTime(sinceEpochMs: number | null): Date | null {
  return sinceEpochMs === null ? null : new Date(sinceEpochMs);
}

/**
 * A limit as a parameter, for frequent queries. SQLite takes the value of a plain parameter into account when it plans a query, so it
 * would plan the query again for each call, which takes longer than running it.
 */
export const boundLimit = "LIMIT ? + 0";
