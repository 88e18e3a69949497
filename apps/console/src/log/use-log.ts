// A deployment's log for a component: read once if it has ended, followed otherwise.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { isStatus, messageFor } from "../api/client.ts";
import { followOutput } from "./follow-output.ts";
import type { FollowState } from "./follow-output.ts";
import { LogBuffer } from "./log-buffer.ts";
import { readOutput } from "./read-output.ts";

export type LogState = FollowState | { readonly name: "failed"; readonly reason: string };

interface LogOptions {
  readonly app: string;
  readonly id: string;
  /** Undefined while that is not known. */
  readonly isEnded: boolean | undefined;
  readonly streamUrl: string | undefined;
  readonly withTimes: boolean;
}

/** @returns the buffer, which the caller must not change, and how current it is. Renders again as lines arrive. */
export function useLog({ app, id, isEnded, streamUrl, withTimes }: LogOptions) {
  const [buffer] = useState(() => new LogBuffer());
  const [state, setState] = useState<LogState>({ name: "connecting" });
  const queries = useQueryClient();
  const lacksTimes = withTimes && isEnded === true && !buffer.hasTimes && buffer.count > 0;
  const isComplete = state.name === "ended" && !lacksTimes;
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const fail = (error: unknown) => {
      if (signal.aborted) return;
      // A deployment that was aborted before it began has no log.
      if (isStatus(error, 404)) setState({ name: "ended" });
      else setState({ name: "failed", reason: messageFor(error) });
    };
    if (isEnded === true && !isComplete) {
      if (lacksTimes) buffer.clear();
      readOutput({ app, id }, buffer, { signal, withTimes })
        .then(() => setState({ name: "ended" }))
        .catch(fail);
    } else if (isEnded === false && streamUrl !== undefined) {
      const onStatus = () => void queries.invalidateQueries({ queryKey: ["apps", app] });
      followOutput({ app, id, streamUrl, buffer, onState: setState, onStatus, signal }).catch(fail);
    }
    return () => ending.abort();
  }, [app, id, isEnded, streamUrl, lacksTimes, withTimes, buffer, queries]);
  useSyncExternalStore(buffer.subscribe, () => buffer.count);
  return { buffer, state };
}
