// Plots of the queue's history over the last hours.

import { durationText } from "@slipway/protocol/presentation";
import type { QueueHistoryAnswer } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queueHistoryQuery } from "../api/queries.ts";
import { Loaded } from "../parts/loaded.tsx";
import { Plot } from "./plot.tsx";
import type { PlotLine, PlotUnit } from "./plot.tsx";

const choices = [1, 6, 24, 48];
const count: PlotUnit = {
  format: String,
  tick: String,
  steps: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000],
};
const seconds: PlotUnit = {
  format: (value) => durationText(value * 1000),
  tick: (value) => (value < 60 ? `${value} s` : value < 3_600 ? `${value / 60} min` : `${value / 3_600} h`),
  steps: [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 18_000, 36_000, 72_000],
};

interface Figure {
  readonly title: string;
  readonly unit: PlotUnit;
  readonly lines: readonly PlotLine[];
}

const figures: readonly Figure[] = [
  {
    title: "Deployments",
    unit: count,
    lines: [
      { name: "Waiting", color: "--warn", value: ({ waiting }) => waiting },
      { name: "Running", color: "--accent", value: ({ running }) => running },
      { name: "Build slots", color: "--muted", value: ({ slots }) => slots.total },
    ],
  },
  {
    title: "Age of the oldest waiting deployment",
    unit: seconds,
    lines: [{ name: "Oldest waits", color: "--warn", value: (sample) => sample.oldest_waiting_seconds }],
  },
  {
    title: "Mean times of ended deployments",
    unit: seconds,
    lines: [
      { name: "Wait", color: "--warn", value: (sample) => sample.mean_wait_seconds, isSparse: true },
      {
        name: "Duration",
        color: "--accent",
        value: (sample) => sample.mean_duration_seconds,
        isSparse: true,
      },
    ],
  },
];

export function QueueHistory() {
  const [hours, setHours] = useState(6);
  return (
    <section className="queue-history" aria-labelledby="history">
      <div className="head">
        <h2 id="history">History</h2>
        <span className="grow" />
        <label>
          Last{" "}
          <select value={hours} onChange={({ target }) => setHours(Number(target.value))}>
            {choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice === 1 ? "hour" : `${choice} hours`}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Loaded query={useQuery(queueHistoryQuery(hours))}>
        {(answer) => (answer === null ? <NoHistory /> : <Plots history={answer.history} />)}
      </Loaded>
    </section>
  );
}

function Plots({ history }: QueueHistoryAnswer) {
  const { samples, interval_seconds: intervalSeconds } = history;
  if (samples.length === 0) return <NoHistory />;
  return (
    <div className="plots">
      {figures.map(({ title, unit, lines }) => (
        <Plot
          key={title}
          title={title}
          unit={unit}
          lines={lines}
          samples={samples}
          intervalSeconds={intervalSeconds}
        />
      ))}
    </div>
  );
}

function NoHistory() {
  return <p className="empty">No samples yet. The API takes one each minute and keeps them for two days.</p>;
}
