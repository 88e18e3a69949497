// The rows of the benchmark's table: the app that Slipway and Docker deploy, and the target ratio.

import { commitByHand } from "../commit-by-hand.ts";
import { measure, units } from "../measure.ts";
import { builderRows } from "./builder-rows.ts";
import { deploy, settled } from "./deployment.ts";
import { DockerBuilds } from "./docker-build.ts";
import { goBase } from "./go-base.ts";
import { peakMemoryBytes, resetPeakMemory } from "./peak-memory.ts";
import {
  cachedRow,
  inTurn,
  newAnswer,
  newApp,
  ratioTargets,
  redeployments,
  roundOptions,
} from "./redeployments.ts";
import type { Row, RowContext, Targets } from "./redeployments.ts";
import { buildReleaseBase } from "./release-base.ts";
import type { MeasuredRow } from "./report.ts";
import * as sources from "./sources.ts";
import type { Source } from "./sources.ts";

const largeMegabytes = 300;

export const rows: readonly Row[] = [
  { name: "express, one file changed", measure: expressRows },
  { name: "hello-node, one file changed", measure: warmNode(sources.helloNode, ratioTargets(2, 1.25)) },
  { name: "workspace, one file changed", measure: warmNode(sources.workspace, ratioTargets(2, 1.25)) },
  {
    name: "front end with a 2 s build script, one file changed",
    measure: warmNode(sources.frontEnd, ratioTargets(1.5, 1.15)),
  },
  { name: "Flask, one file changed", measure: warmReleased(sources.flask) },
  { name: "Django, one file changed", measure: warmReleased(sources.django) },
  { name: "FastAPI with uv, one file changed", measure: warmReleased(sources.fastApi) },
  { name: "Go, one file changed", measure: goRow },
  { name: "PHP, one file changed", measure: warmReleased(sources.php) },
  { name: "Ruby, one file changed", measure: warmReleased(sources.ruby) },
  ...builderRows,
  { name: "no-op inline app", measure: noOpRow },
  { name: "first deployment of express", measure: firstRow },
  { name: "20,000 files, one changed", measure: manyFilesRow },
  { name: `peak memory of the worker, source of ${largeMegabytes} MB`, measure: memoryRows },
];

async function expressRows(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const { express } = sources;
  const redeployed = await redeployments(context, cachedRow(this.name, express, context.nodeBase));
  const { row, deployments } = redeployed;
  const bytes: MeasuredRow = {
    name: "bytes to the registry, express, one file changed",
    unit: units.bytes,
    limitName: "size of the changed file",
    limits: deployments.map(() => sources.changedBytes(express, newAnswer())),
    values: deployments.map(({ sentBytes }) => sentBytes),
    must: { value: 1e6 },
    aim: {},
  };
  return [row, bytes];
}

function warmNode(source: Source, targets: Targets): Row["measure"] {
  return async function (this: Row, context) {
    const options = { ...cachedRow(this.name, source, context.nodeBase), targets };
    return [(await redeployments(context, options)).row];
  };
}

/** The Dockerfile's base image contains the app's dependencies, so its build only copies the source. */
function warmReleased(source: Source): Row["measure"] {
  return async function (this: Row, context) {
    const { slipway } = context;
    await using owned = await newApp(slipway);
    await using opened = new AsyncDisposableStack();
    const base = await buildReleaseBase(slipway, owned.app, source);
    opened.defer(() => slipway.docker.getImage(base).remove({ force: true }));
    return [(await redeployments(context, cachedRow(this.name, source, base))).row];
  };
}

async function goRow(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const base = await goBase(context.slipway);
  return [(await redeployments(context, cachedRow(this.name, sources.go, base))).row];
}

async function manyFilesRow(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const { row } = await redeployments(context, {
    name: this.name,
    limitName: "docker build (COPY), push, run, first answer, old one removed",
    source: sources.manyFiles,
    base: context.slipway.environment.STACK_IMAGE,
    pushed: true,
    targets: ratioTargets(1.5, 1),
  });
  return [row];
}

async function noOpRow(this: Row, { slipway }: RowContext): Promise<readonly MeasuredRow[]> {
  await using opened = new AsyncDisposableStack();
  const { docker, labels } = slipway;
  const network = await docker.createNetwork({ Name: `slipway-bench-${process.pid}`, Labels: labels });
  opened.defer(() => network.remove());
  const { app } = opened.use(await newApp(slipway));
  const byHand = async () => {
    const answer = newAnswer();
    const archive = await sources.rootedTar(sources.noOp, answer);
    const inline = { archive, compile: ":", web: sources.inlineWeb, answer, network: network.id };
    return await commitByHand(slipway, inline);
  };
  const bySlipway = async () => {
    const answer = newAnswer();
    const archive = await sources.archiveOf(sources.noOp, answer);
    const { answeredMs } = await deploy(slipway, app, { archive, answer });
    await settled(slipway, app, 1);
    return answeredMs;
  };
  const [limits, values] = await inTurn(byHand, bySlipway);
  const limitName = "run, commit, push, run by hand, first answer";
  return [{ name: this.name, unit: units.seconds, limitName, limits, values, ...ratioTargets(1.5, 1.25) }];
}

/** Every deployment is the first one of a new app. */
async function firstRow(
  this: Row,
  { slipway, proxy, nodeBase }: RowContext,
): Promise<readonly MeasuredRow[]> {
  const byHand = async () => {
    await using builds = new DockerBuilds(slipway, { cached: false, pushedTo: proxy.host });
    const answer = newAnswer();
    return await builds.deploy(await sources.buildContext(sources.express, answer, nodeBase), answer);
  };
  const bySlipway = async () => {
    await using owned = await newApp(slipway);
    const answer = newAnswer();
    const archive = await sources.archiveOf(sources.express, answer);
    return (await deploy(slipway, owned.app, { archive, answer })).answeredMs;
  };
  const [limits, values] = await inTurn(byHand, bySlipway);
  const limitName = "docker build --no-cache, push, run, first answer";
  return [{ name: this.name, unit: units.seconds, limitName, limits, values, ...ratioTargets(1.2, 0.9) }];
}

/** The source of an inline app passes through a container; the source of a Node.js app does not. */
async function memoryRows(this: Row, { slipway }: RowContext): Promise<readonly MeasuredRow[]> {
  const peak = async (source: Source) => {
    await using owned = await newApp(slipway);
    const answer = newAnswer();
    const archive = await sources.largeArchive(source, answer, largeMegabytes);
    const pid = await slipway.workerPid();
    await resetPeakMemory(pid);
    await deploy(slipway, owned.app, { archive, answer });
    return await peakMemoryBytes(pid);
  };
  const ways = [
    { name: `${this.name}, inline`, run: () => peak(sources.noOp) },
    { name: `${this.name}, express`, run: () => peak(sources.express) },
  ];
  const results = await measure(ways, { ...roundOptions, warmUps: 0 });
  return ways.map(({ name }, index) => ({
    name,
    unit: units.megabytes,
    limitName: null,
    limits: [],
    values: results[index] ?? [],
    must: { value: 150e6 },
    aim: {},
  }));
}
