// Shows that a running deployment makes no progress, why, and what happens next.

import { durationText } from "@slipway/protocol/presentation";
import { useQuery } from "@tanstack/react-query";
import { timelineQuery } from "../api/queries.ts";
import { serverTime } from "../api/server-clock.ts";
import { useNow } from "../parts/time.tsx";
import { stallOf } from "./stall.ts";
import type { Stall } from "./stall.ts";

interface StallNoticeProps {
  readonly app: string;
  readonly id: string;
  /** When the last line of the log was written, in milliseconds since 1970; NaN when it is unknown, null before the first line. */
  readonly lastLineAt: number | null;
}

const tickMs = 1_000;

/** Must be rendered only while the deployment runs. */
export function StallNotice({ app, id, lastLineAt }: StallNoticeProps) {
  const { data } = useQuery(timelineQuery(app, id));
  const now = serverTime(useNow(tickMs));
  const stall = data == null ? null : stallOf({ timeline: data.timeline, lastLineAt, now });
  if (stall === null) return null;
  return (
    <section className="notice warn" aria-label="No progress">
      <strong>{titleOf(stall)}</strong>
      <p>{nextOf(stall)}</p>
    </section>
  );
}

function titleOf(stall: Stall): string {
  const time = durationText(stall.forMs);
  if (stall.kind === "lost-worker")
    return `${stall.worker}, the worker of this deployment, has sent no heartbeat for ${time}.`;
  return `The log has had no new line for ${time}${stall.phase === null ? "" : `, in the phase ${stall.phase}`}.`;
}

function nextOf({ kind }: Stall): string {
  return kind === "lost-worker"
    ? "The worker was killed, is frozen, or is cut off from Redis. If it does not return, another worker starts the deployment over, by default within a minute; without another worker, it waits for one."
    : "The last lines of the log say what it does. Each phase has a time limit, and a build is ended when it writes nothing for 10 minutes by default. Abort ends the deployment at once.";
}
