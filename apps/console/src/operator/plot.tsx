// One plot over time, drawn by uPlot in the colors of the theme.

import "uplot/dist/uPlot.min.css";
import type { QueueSample } from "@slipway/protocol";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import { columnsOf, summaryOf } from "./history-columns.ts";
import type { Columns, Value } from "./history-columns.ts";

/** The formats of a plot's values. */
export interface PlotUnit {
  readonly format: (value: number) => string;
  /** The format at the axis. */
  readonly tick: (value: number) => string;
  /** The distances that the axis's ticks may have. */
  readonly steps: readonly number[];
}

export interface PlotLine {
  readonly name: string;
  /** Name of a theme color. */
  readonly color: string;
  readonly value: Value;
  /** Whether most samples have no value. The line then connects the existing values. */
  readonly isSparse?: boolean;
}

interface PlotProps {
  readonly title: string;
  readonly unit: PlotUnit;
  readonly lines: readonly PlotLine[];
  readonly samples: readonly QueueSample[];
  readonly intervalSeconds: number;
}

const height = 180;

export function Plot({ title, unit, lines, samples, intervalSeconds }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const columns = useMemo(
    () =>
      columnsOf(
        samples,
        intervalSeconds,
        lines.map(({ value }) => value),
      ),
    [samples, intervalSeconds, lines],
  );
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const drawn = draw(element, { lines, unit });
    plot.current = drawn;
    const resized = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const stopFollowing = onThemeChange(() => drawn.redraw());
    return () => {
      stopFollowing();
      resized.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [lines, unit]);
  useEffect(() => plot.current?.setData(columns), [columns, lines, unit]);
  return (
    <figure className="plot">
      <figcaption>{title}</figcaption>
      <div ref={host} role="img" aria-label={labelOf(title, lines, columns, unit)} />
    </figure>
  );
}

function draw(element: HTMLElement, { lines, unit }: Pick<PlotProps, "lines" | "unit">): uPlot {
  const { format, tick, steps } = unit;
  const muted = () => colorOf(element, "--muted");
  const grid = { stroke: () => colorOf(element, "--line"), width: 1 };
  const shown = (_plot: uPlot, value: number | null) => (value === null ? "–" : format(value));
  return new uPlot(
    {
      width: element.clientWidth,
      height,
      cursor: { drag: { setScale: false } },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [
        { stroke: muted, grid, ticks: grid, values: (_plot, splits) => splits.map(clock) },
        {
          stroke: muted,
          grid,
          ticks: grid,
          size: 64,
          incrs: [...steps],
          values: (_plot, splits) => splits.map(tick),
        },
      ],
      series: [
        { label: "Time", value: (_plot, at) => (at === null ? "–" : clock(at)) },
        ...lines.map(({ name, color, isSparse = false }) => ({
          label: name,
          stroke: () => colorOf(element, color),
          width: 2,
          spanGaps: isSparse,
          points: { show: isSparse, size: 5 },
          value: shown,
        })),
      ],
    },
    [[], ...lines.map(() => [])],
    element,
  );
}

/** A text that describes the plot. */
function labelOf(
  title: string,
  lines: readonly PlotLine[],
  [, ...values]: Columns,
  { format }: PlotUnit,
): string {
  const parts = lines.map(({ name }, index) => summaryOf(name, values[index] ?? [], format));
  return `${title}. ${parts.join(". ")}`;
}

function clock(atSeconds: number): string {
  const shown = { hour: "2-digit", minute: "2-digit" } as const;
  return new Date(atSeconds * 1000).toLocaleTimeString("en-GB", shown);
}

/** The value of a theme color, which a canvas cannot resolve itself. */
function colorOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** @returns a function that ends the observation. */
function onThemeChange(changed: () => void): () => void {
  const preference = matchMedia("(prefers-color-scheme: dark)");
  preference.addEventListener("change", changed);
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    preference.removeEventListener("change", changed);
    chosen.disconnect();
  };
}
