// The console's cache of the API's answers.

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import type { Query } from "@tanstack/react-query";
import { ApiError, isStatus } from "./client.ts";

const maxRetries = 4;

/** Retries requests that failed because of the network or the server, but not requests that the API rejected. */
function retry(failures: number, error: unknown): boolean {
  const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500;
  return !isRefused && failures < maxRetries;
}

/** Shows the login and clears the cache: the next user must not see its data. */
export function endSession(): void {
  queryClient.setQueryData(["session"], null);
  queryClient.removeQueries({ predicate: (query) => !isSession(query) });
}

function isSession({ queryKey: [first] }: Pick<Query, "queryKey">): boolean {
  return first === "session";
}

function onError(error: unknown): void {
  if (isStatus(error, 401)) endSession();
}

/** When there is no session, reading it returns no error. */
function onSuccess(data: unknown, query: Pick<Query, "queryKey">): void {
  if (data === null && isSession(query)) endSession();
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError, onSuccess }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: { queries: { retry, staleTime: 2_000, refetchOnWindowFocus: true } },
});
