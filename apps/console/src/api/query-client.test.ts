// The user's data that remains in the browser after the session has ended.

import { MutationObserver } from "@tanstack/react-query";
import { beforeEach, expect, test } from "vitest";
import { ApiError } from "./client.ts";
import { appQuery, sessionQuery, variablesQuery } from "./queries.ts";
import { queryClient } from "./query-client.ts";

const refuse = async () => Promise.reject(new ApiError(401, "unauthorized"));

beforeEach(() => {
  queryClient.clear();
  queryClient.setQueryData(variablesQuery("x").queryKey, []);
});

/** The keys of all cached data. */
function kept(): (readonly unknown[])[] {
  return queryClient
    .getQueryCache()
    .getAll()
    .map(({ queryKey }) => queryKey);
}

test("a read that the API refuses without a session removes the former user's data", async () => {
  const read = queryClient.fetchQuery({ queryKey: appQuery("x").queryKey, queryFn: refuse });
  await expect(read).rejects.toThrow("unauthorized");
  expect([kept(), queryClient.getQueryData(sessionQuery.queryKey)]).toEqual([[["session"]], null]);
});

test("reading a session that has ended removes the former user's data", async () => {
  await queryClient.fetchQuery({ queryKey: sessionQuery.queryKey, queryFn: async () => null });
  expect(kept()).toEqual([["session"]]);
});

test("a change that the API refuses without a session removes the former user's data", async () => {
  const change = new MutationObserver(queryClient, { mutationFn: refuse });
  await expect(change.mutate()).rejects.toThrow("unauthorized");
  expect([kept(), queryClient.getQueryData(sessionQuery.queryKey)]).toEqual([[["session"]], null]);
});
