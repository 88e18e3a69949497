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
