// Shows a query's data, its progress, or why it failed.

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageFor } from "../api/client.ts";

interface LoadedProps<Data> {
  readonly query: UseQueryResult<Data>;
  readonly children: (data: Data) => ReactNode;
}

/** Loaded data stays visible while the API does not answer. */
export function Loaded<Data>({ query, children }: LoadedProps<Data>) {
  const { data, error, isPending } = query;
  if (data === undefined) {
    return isPending ? (
      <p className="loading">Loading…</p>
    ) : (
      <Problem error={error} onRetry={() => void query.refetch()} />
    );
  }
  return (
    <>
      {error === null ? null : <Problem error={error} onRetry={() => void query.refetch()} />}
      {children(data)}
    </>
  );
}

/** Shows the error, and a button to retry. */
export function Problem({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  return (
    <p className="notice bad" role="alert">
      {messageFor(error)}{" "}
      {onRetry === undefined ? null : (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </p>
  );
}
