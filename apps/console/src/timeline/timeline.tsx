// A deployment's timeline: what it waited for, and the phases of its attempts, as bars on one scale.

import type { TimelineAnswer } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { timelineQuery } from "../api/queries.ts";
import { Problem } from "../parts/loaded.tsx";
import { durationText, sizeText, useNow } from "../parts/time.tsx";
import { barsOf } from "./bars.ts";
import type { Bar } from "./bars.ts";

const tickMs = 1_000;

export function Timeline({ app, id }: { readonly app: string; readonly id: string }) {
  const { data, error } = useQuery(timelineQuery(app, id));
  return (
    <aside className="timeline" aria-label="Timeline">
      <h2>Timeline</h2>
      {error === null ? null : <Problem error={error} />}
      {data === null ? (
        <p className="hint">This API has no timelines. Update Slipway to see where the time goes.</p>
      ) : null}
      {data == null ? null : <Bars timeline={data.timeline} />}
    </aside>
  );
}

function Bars({ timeline }: { readonly timeline: TimelineAnswer["timeline"] }) {
  const now = useNow(tickMs);
  const { bars, totalMs } = barsOf(timeline, now);
  if (bars.length === 0) return <p className="hint">No phase has begun.</p>;
  return (
    <>
      <ol>
        {bars.map((bar) => (
          <Row key={bar.key} bar={bar} totalMs={totalMs} />
        ))}
      </ol>
      <p className="hint">{durationText(totalMs)} in all.</p>
    </>
  );
}

function Row({ bar, totalMs }: { readonly bar: Bar; readonly totalMs: number }) {
  const { name, detail, startMs, durationMs, look, bytes } = bar;
  return (
    <li>
      <span className="phase">{name}</span>
      <span className="took">{durationText(durationMs)}</span>
      <span className="track" aria-hidden="true">
        <span
          className={`bar-of ${look}`}
          style={{
            marginLeft: `${(startMs / totalMs) * 100}%`,
            width: `${Math.max(1, (durationMs / totalMs) * 100)}%`,
          }}
        />
      </span>
      {detail === "" && bytes === null ? null : (
        <span className="detail">{[detail, sizeText(bytes)].filter(Boolean).join(", ")}</span>
      )}
    </li>
  );
}
