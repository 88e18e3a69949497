// A deployment's timeline: its waits, and the phases of its attempts, as bars on one scale.

import { durationText } from "@slipway/protocol/presentation";
import type { TimelineAnswer } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { timelineQuery, usualTimelinesQuery } from "../api/queries.ts";
import { Problem } from "../parts/loaded.tsx";
import { sizeText, useNow } from "../parts/time.tsx";
import { barsOf } from "./bars.ts";
import type { Bar } from "./bars.ts";
import { usualOf } from "./usual.ts";
import type { Usual } from "./usual.ts";

const tickMs = 1_000;

export function Timeline({ app, id }: { readonly app: string; readonly id: string }) {
  const { data, error } = useQuery(timelineQuery(app, id));
  const { data: others = [] } = useQuery(usualTimelinesQuery(app));
  const usual = useMemo(
    () => usualOf(others.filter(({ deployment_id: other }) => other !== id)),
    [others, id],
  );
  return (
    <aside className="timeline" aria-label="Timeline">
      <h2>Timeline</h2>
      {error === null ? null : <Problem error={error} />}
      {data === null ? (
        <p className="hint">This API has no timelines. Update Slipway to see where the time goes.</p>
      ) : null}
      {data == null ? null : <Bars timeline={data.timeline} usual={usual} />}
    </aside>
  );
}

interface BarsProps {
  readonly timeline: TimelineAnswer["timeline"];
  /** Null while the app has no other successful deployment. */
  readonly usual: Usual | null;
}

function Bars({ timeline, usual }: BarsProps) {
  const now = useNow(tickMs);
  const { bars, totalMs } = barsOf(timeline, now);
  if (bars.length === 0) return <p className="hint">No phase has begun.</p>;
  return (
    <>
      <ol>
        {bars.map((bar) => (
          <Row key={bar.key} bar={bar} totalMs={totalMs} usualMs={usual?.phasesMs.get(bar.name)} />
        ))}
      </ol>
      <p className="hint">
        {durationText(totalMs)} in all
        {usual === null
          ? "."
          : `, usually ${durationText(usual.totalMs)}: the median of ${usual.count === 1 ? "one other successful deployment" : `${usual.count} other successful deployments`}. A mark on a bar shows the phase's median.`}
      </p>
    </>
  );
}

interface RowProps {
  readonly bar: Bar;
  readonly totalMs: number;
  readonly usualMs: number | undefined;
}

function Row({ bar, totalMs, usualMs }: RowProps) {
  const { name, detail, startMs, durationMs, look, bytes } = bar;
  return (
    <li>
      <span className="phase">{name}</span>
      <span className="took">
        {durationText(durationMs)}
        {usualMs === undefined ? null : <span className="usually"> usually {durationText(usualMs)}</span>}
      </span>
      <span className="track" aria-hidden="true">
        <span
          className={`bar-of ${look}`}
          style={{
            marginLeft: `${(startMs / totalMs) * 100}%`,
            width: `${Math.max(1, (durationMs / totalMs) * 100)}%`,
          }}
        />
        {usualMs === undefined ? null : (
          <span
            className="usual-mark"
            style={{ left: `${Math.min(100, ((startMs + usualMs) / totalMs) * 100)}%` }}
          />
        )}
      </span>
      {detail === "" && bytes === null ? null : (
        <span className="detail">{[detail, sizeText(bytes)].filter(Boolean).join(", ")}</span>
      )}
    </li>
  );
}
