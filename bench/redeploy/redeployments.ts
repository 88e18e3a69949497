// Repeated deployments of one app, each with different content, by Slipway and by hand in turn.

import { randomUUID } from "node:crypto";
import { measure, median, units } from "../measure.ts";
import type { BenchApp, BenchSlipway } from "../slipway.ts";
import type { BuilderParts } from "./builder-parts.ts";
import type { CountingProxy } from "./counting-proxy.ts";
import { deploy, settled } from "./deployment.ts";
import type { Step, TimedDeployment } from "./deployment.ts";
import { DockerBuilds } from "./docker-build.ts";
import type { MeasuredRow } from "./report.ts";
import * as sources from "./sources.ts";
import type { Source } from "./sources.ts";

export interface RowContext {
  readonly slipway: BenchSlipway;
  readonly proxy: CountingProxy;
  /** Tag of the base image in the Dockerfiles of Node.js apps. */
  readonly nodeBase: string;
  readonly builders: BuilderParts;
  /** Receives a profile of a row's redeployment with the median time. */
  readonly onProfile: (row: string, steps: readonly Step[]) => void;
}

export interface Row {
  readonly name: string;
  /** @returns one row of the table, or two that are measured together. */
  readonly measure: (context: RowContext) => Promise<readonly MeasuredRow[]>;
}

export type Targets = Pick<MeasuredRow, "must" | "aim">;

interface Redeployed {
  readonly row: MeasuredRow;
  readonly deployments: readonly Deployed[];
}

interface Deployed extends TimedDeployment {
  readonly sentBytes: number;
}

/** The option `--rounds` takes precedence. */
export const roundOptions = { warmUps: 1, rounds: 7 };
const cachedBuild = "docker build with cached layers, run, first answer, old one removed";

export interface Redeployment {
  readonly name: string;
  readonly limitName: string;
  readonly source: Source;
  readonly base: string;
  readonly pushed: boolean;
  readonly targets: Targets;
}

export async function redeployments(
  context: RowContext,
  { name, limitName, source, base, pushed, targets }: Redeployment,
): Promise<Redeployed> {
  const { slipway, proxy } = context;
  const own = source.dockerfile === null ? { BASE: base } : undefined;
  await using builds = new DockerBuilds(slipway, {
    cached: true,
    pushedTo: pushed ? proxy.host : null,
    buildKit: own && { arguments: own, secrets: source.variables },
  });
  await using owned = await newApp(slipway);
  for (const [variable, value] of Object.entries({ ...source.variables, ...own }))
    await slipway.setVariable(owned.app, variable, value);
  const deployments: Deployed[] = [];
  const byHand = async () => {
    const answer = newAnswer();
    return await builds.deploy(await sources.buildContext(source, answer, base), answer);
  };
  const bySlipway = async () => {
    const answer = newAnswer();
    const archive = await sources.archiveOf(source, answer);
    const sentBefore = proxy.sentBytes();
    const timed = await deploy(slipway, owned.app, { archive, answer });
    await settled(slipway, owned.app, 1);
    deployments.push({ ...timed, sentBytes: proxy.sentBytes() - sentBefore });
    return timed.answeredMs;
  };
  const [limits, values] = await inTurn(byHand, bySlipway);
  const row = { name, unit: units.seconds, limitName, limits, values, ...targets };
  const measured = deployments.slice(-values.length);
  context.onProfile(name, middleOf(measured));
  return { row, deployments: measured };
}

/** The steps that a follower saw of the deployment with the median time. */
export function middleOf(deployments: readonly TimedDeployment[]): readonly Step[] {
  const middle = median(deployments.map(({ answeredMs }) => answeredMs));
  return deployments.find(({ answeredMs }) => answeredMs === middle)?.steps ?? [];
}

export function cachedRow(name: string, source: Source, base: string): Redeployment {
  return { name, limitName: cachedBuild, source, base, pushed: false, targets: ratioTargets(2, 1.25) };
}

/** Runs both in turn, round by round. */
export async function inTurn(
  byHand: () => Promise<number>,
  bySlipway: () => Promise<number>,
): Promise<readonly [limits: readonly number[], values: readonly number[]]> {
  const ways = [
    { name: "by hand", run: byHand },
    { name: "Slipway", run: bySlipway },
  ];
  const [limits = [], values = []] = await measure(ways, roundOptions);
  return [limits, values];
}

/** An app that is deleted, with its containers, when it is disposed. */
export async function newApp(slipway: BenchSlipway): Promise<AsyncDisposable & { readonly app: BenchApp }> {
  const app = await slipway.api.createApp(`bench-${randomUUID().slice(0, 18)}`);
  return {
    app,
    async [Symbol.asyncDispose]() {
      await slipway.removeApp(app.name);
      await settled(slipway, app, 0);
    },
  };
}

export function newAnswer(): string {
  return `content-${randomUUID()}`;
}

export function ratioTargets(must: number, aim: number): Targets {
  return { must: { ratio: must }, aim: { ratio: aim } };
}
