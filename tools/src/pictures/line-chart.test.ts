import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { benchPictures } from "./bench-pictures.ts";
import { pictureOf } from "./line-chart.ts";

test("the pictures of the benchmarks are drawn from the stored measurements", async () => {
  const pictures = await benchPictures();
  expect(pictures.length).toBeGreaterThan(0);
  for (const { path, svg } of pictures) expect(await readFile(path, "utf8")).toBe(svg);
});

test("points lie on a logarithmic axis from the first to the last, and names are escaped", () => {
  const points = [
    [10, 0],
    [100, 1],
    [1_000, 2],
  ] as const;
  const svg = pictureOf({ title: "A & B", x: "apps", y: "ms", series: [{ name: "a < b", points }] }, "today");
  const found = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) =>
    [x, y].map(Number),
  );
  expect(found).toEqual([
    [70, 330],
    [295, 190],
    [520, 50],
  ]);
  expect(svg).toContain("A &amp; B");
  expect(svg).toContain("a &lt; b: 2");
  expect(svg).toContain("today");
});
