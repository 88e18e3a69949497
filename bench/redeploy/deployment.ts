// One deployment by Slipway, from the request until the app answers with its new content.

import { poll } from "@slipway/async";
import { label } from "@slipway/core";
import { firstAnswer } from "../engine.ts";
import { followToSuccess } from "../slipway.ts";
import type { BenchApp, BenchSlipway } from "../slipway.ts";

/** An event that a client sees, and its time in milliseconds since the deployment's request. */
export interface Step {
  readonly atMs: number;
  readonly text: string;
}

export interface TimedDeployment {
  readonly answeredMs: number;
  /** The steps in the order of time, until the status `success`. */
  readonly steps: readonly Step[];
}

/** The deployed source or image, and a part of the app's answer afterwards. */
export type Deployed = { readonly answer: string } & (
  | { readonly archive: Buffer }
  /** An image that was built elsewhere, by digest. */
  | { readonly image: string }
);

const settlePollMs = 50;
const settleLimitMs = 120_000;

/** Uploads an archive if there is one, creates the deployment, and requests the app's page over the router until the new page appears. */
export async function deploy(
  slipway: BenchSlipway,
  app: BenchApp,
  deployed: Deployed,
): Promise<TimedDeployment> {
  const steps: Step[] = [];
  const startedAt = performance.now();
  const note = (text: string) => steps.push({ atMs: performance.now() - startedAt, text });
  const { answer } = deployed;
  const what = "image" in deployed ? deployed : { sourceUrl: await slipway.api.upload(deployed.archive) };
  note("The source is uploaded");
  const { id: deploymentId } = await slipway.api.deploy(app.name, { ...what, gitRef: answer });
  note("The deployment is created");
  const failed = new AbortController();
  const succeeded = followToSuccess(
    slipway,
    { app, deploymentId },
    { onLine: note, onStatus: (status) => note(`Status: ${status}`) },
  ).catch((error: unknown) => {
    failed.abort(error);
    throw error;
  });
  const answered = firstAnswer({
    port: slipway.routerPort,
    host: new URL(app.url).host,
    answer,
    signal: failed.signal,
  }).then(() => {
    note("The app answers with its new content");
    return performance.now() - startedAt;
  });
  const [answeredMs] = await Promise.all([answered, succeeded]);
  return { answeredMs, steps };
}

/**
 * Waits until an app has at most `count` containers, and none of the installation's is being created, so that neither slows the next
 * measurement.
 */
export async function settled({ docker, labels }: BenchSlipway, app: BenchApp, count: number): Promise<void> {
  const filters = { label: Object.entries(labels).map((pair) => pair.join("=")) };
  const probe = async () => {
    const found = await docker.listContainers({ all: true, filters });
    return (
      found.filter(({ Labels }) => Labels[label.app] === app.id).length <= count &&
      found.every(({ State }) => State !== "created")
    );
  };
  if ((await poll(probe, { everyMs: settlePollMs, limitMs: settleLimitMs })) === undefined)
    throw new Error(`Former containers of ${app.name} still exist after ${settleLimitMs / 1000} s.`);
}
