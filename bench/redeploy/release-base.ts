// The base image of the Dockerfiles of apps in Python, PHP and Ruby: an image that Slipway built of the app, with its dependencies.

import { label } from "@slipway/core";
import type { BenchApp, BenchSlipway } from "../slipway.ts";
import { deploy } from "./deployment.ts";
import { archiveOf } from "./sources.ts";
import type { Source } from "./sources.ts";

/** @returns the image's tag. The caller removes it. */
export async function buildReleaseBase(
  slipway: BenchSlipway,
  app: BenchApp,
  source: Source,
): Promise<string> {
  const { docker, labels } = slipway;
  const answer = `base-${app.id}`;
  await deploy(slipway, app, { archive: await archiveOf(source, answer), answer });
  const all = [...Object.entries(labels), [label.app, app.id], [label.kind, "release"]];
  const filters = { label: all.map((pair) => pair.join("=")) };
  const [container] = await docker.listContainers({ filters });
  if (container === undefined) throw new Error(`No container of ${app.name} runs.`);
  const [repo, tag] = ["slipway-bench-release", app.id];
  await docker.getImage(container.ImageID).tag({ repo, tag });
  return `${repo}:${tag}`;
}
