// What the console keeps of the API's answers.

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, isStatus } from "./client.ts";

const maxRetries = 4;

/** Requests again what the network or the server failed to answer, never what it refused. */
function retry(failures: number, error: unknown): boolean {
  const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500;
  return !isRefused && failures < maxRetries;
}

/** An ended session shows the login. */
function onError(error: unknown): void {
  if (isStatus(error, 401)) queryClient.setQueryData(["session"], null);
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: { queries: { retry, staleTime: 2_000, refetchOnWindowFocus: true } },
});
