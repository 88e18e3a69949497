// The pictures of docs/bench.md, drawn from docs/bench/measurements.json.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { repositoryRoot } from "@slipway/setup";
import { pictureOf } from "./line-chart.ts";

const point = z.tuple([z.number().positive(), z.number().nonnegative()]);
const measurements = z.object({
  pictures: z.array(
    z.object({
      file: z.string().regex(/^[a-z-]+\.svg$/),
      /** The time, machine and commands of the measurement. */
      measured: z.string(),
      title: z.string(),
      x: z.string(),
      y: z.string(),
      /** A horizontal line at the upper limit for the measured values. */
      target: z.object({ name: z.string(), value: z.number() }).optional(),
      series: z.array(z.object({ name: z.string(), points: z.array(point).min(2) })).min(1),
    }),
  ),
});

/** @returns the content of each picture's file. */
export async function benchPictures(): Promise<{ readonly path: string; readonly svg: string }[]> {
  const folder = join(repositoryRoot, "docs", "bench");
  const text = await readFile(join(folder, "measurements.json"), "utf8");
  const { pictures } = measurements.parse(JSON.parse(text));
  return pictures.map(({ file, measured, ...picture }) => ({
    path: join(folder, file),
    svg: pictureOf(picture, measured),
  }));
}
