// A deployment's log for a component: read once if the deployment has ended, followed otherwise.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { isStatus, messageFor } from "../api/client.ts";
import { serverTime } from "../api/server-clock.ts";
import { followOutput } from "./follow-output.ts";
import type { LogState } from "./follow-output.ts";
import { LogBuffer } from "./log-buffer.ts";
import { readOutput } from "./read-output.ts";

/** This long after a deployment's end, its log is complete. */
const settledMs = 60_000;

interface LogOptions {
  readonly app: string;
  readonly id: string;
  /** Null while the deployment runs; undefined until this is known. */
  readonly finishedAt: string | null | undefined;
  readonly streamUrl: string | undefined;
}

/** @returns the buffer, which the caller must not change, and the state of reading or following. Renders again as lines arrive. */
export function useLog({ app, id, finishedAt, streamUrl }: LogOptions) {
  const [buffer] = useState(() => new LogBuffer());
  const [state, setState] = useState<LogState>({ name: "connecting" });
  const queries = useQueryClient();
  const isRead = useIsRead(finishedAt);
  // A log that is read once needs no stream: when the stream's address arrives later, the log must not be read again.
  const followedUrl = isRead === false ? streamUrl : undefined;
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const fail = (error: unknown) => {
      if (signal.aborted) return;
      // A deployment that was aborted before its start has no log.
      if (isStatus(error, 404)) setState({ name: "ended" });
      else setState({ name: "failed", reason: messageFor(error) });
    };
    if (isRead === true) {
      readOutput({ app, id }, buffer, signal)
        .then(() => setState({ name: "ended" }))
        .catch(fail);
    } else if (followedUrl !== undefined) {
      const onStatus = () => void queries.invalidateQueries({ queryKey: ["apps", app] });
      followOutput({ app, id, streamUrl: followedUrl, buffer, onState: setState, onStatus, signal }).catch(
        fail,
      );
    }
    return () => ending.abort();
  }, [app, id, isRead, followedUrl, buffer, queries]);
  useSyncExternalStore(buffer.subscribe, () => buffer.count);
  return { buffer, state };
}

/**
 * Whether the log is read once, because its deployment ended some time ago. Otherwise the log is followed until the stream reports that it
 * is complete: the last lines, for example the lines of an abort, are written after the deployment's end.
 * @returns undefined until this is known. Afterwards the result does not change.
 */
function useIsRead(finishedAt: string | null | undefined): boolean | undefined {
  const [isRead, setIsRead] = useState<boolean>();
  if (finishedAt === undefined || isRead !== undefined) return isRead;
  const now = finishedAt !== null && serverTime(Date.now()) - Date.parse(finishedAt) > settledMs;
  setIsRead(now);
  return now;
}
