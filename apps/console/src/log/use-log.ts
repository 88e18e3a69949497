// A deployment's log for a component: read once if it has ended, followed otherwise.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { isStatus, messageFor } from "../api/client.ts";
import { serverTime } from "../api/server-clock.ts";
import { followOutput } from "./follow-output.ts";
import type { LogState } from "./follow-output.ts";
import { LogBuffer } from "./log-buffer.ts";
import { readOutput } from "./read-output.ts";

/** After this time a log is complete. */
const settledMs = 60_000;

interface LogOptions {
  readonly app: string;
  readonly id: string;
  /** Null while it runs; undefined while that is not known. */
  readonly finishedAt: string | null | undefined;
  readonly streamUrl: string | undefined;
}

/** @returns the buffer, which the caller must not change, and how current it is. Renders again as lines arrive. */
export function useLog({ app, id, finishedAt, streamUrl }: LogOptions) {
  const [buffer] = useState(() => new LogBuffer());
  const [state, setState] = useState<LogState>({ name: "connecting" });
  const queries = useQueryClient();
  const isRead = useIsRead(finishedAt);
  // A log that is read needs no stream: the stream's address, which arrives later, must not start the read again.
  const followedUrl = isRead === false ? streamUrl : undefined;
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const fail = (error: unknown) => {
      if (signal.aborted) return;
      // A deployment that was aborted before it began has no log.
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
 * Whether the log is read at once, because its deployment ended some time ago. Otherwise it is followed until the stream says that it
 * is complete: the last lines, for example those of an abort, are written after the deployment's end.
 * @returns undefined while that is not known. Later the answer stays the same.
 */
function useIsRead(finishedAt: string | null | undefined): boolean | undefined {
  const [isRead, setIsRead] = useState<boolean>();
  if (finishedAt === undefined || isRead !== undefined) return isRead;
  const now = finishedAt !== null && serverTime(Date.now()) - Date.parse(finishedAt) > settledMs;
  setIsRead(now);
  return now;
}
