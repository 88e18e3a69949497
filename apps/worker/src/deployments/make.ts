// The two ways from a source to the files of an image: as they are, or by a build in a sandbox.

import { createHash } from "node:crypto";
import { sourceTar } from "@slipway/archive";
import type { Sandbox } from "@slipway/core";
import type { Attempt } from "./attempt.ts";
import { workDir } from "./build-sandbox.ts";
import { type FormerImage, sourceTime } from "./former-image.ts";
import { type Built, build, builtFromPlan } from "./phases/build.ts";
import { dependencies, isSourceOnly } from "./phases/dependencies.ts";
import type { DependenciesContext, SourceOnly } from "./phases/dependencies.ts";
import type { FetchedSource } from "./phases/fetch.ts";
import type { Plan } from "./phases/plan.ts";
import type { AppFiles } from "./phases/push.ts";
import { unpack } from "./phases/unpack.ts";
import type { UnpackContext } from "./phases/unpack.ts";

export type MakeContext = DependenciesContext & UnpackContext;

interface Input<P extends Plan = Plan> {
  readonly fetched: FetchedSource;
  readonly plan: P;
  readonly former: FormerImage | null;
}

/** Holds the files until it is disposed of. */
interface Made extends AsyncDisposable {
  readonly built: Built;
  readonly files: AppFiles;
  /** With the build cache to save; null when nothing ran. */
  readonly sandbox: Sandbox | null;
}

/** @throws {SlipwayError} the failures of a build. */
export function make(context: MakeContext, attempt: Attempt, { plan, ...input }: Input): Promise<Made> {
  return isSourceOnly(plan)
    ? fromSource(context, attempt, { ...input, plan })
    : fromBuild(context, attempt, { ...input, plan });
}

/** The source itself, on top of the dependencies. No code of the app runs, unless dependencies have to be installed. */
async function fromSource(
  context: MakeContext,
  attempt: Attempt,
  { fetched, plan, former }: Input<Plan & SourceOnly>,
): Promise<Made> {
  const { limits } = context.config;
  const built = builtFromPlan(attempt, plan);
  await using opened = new AsyncDisposableStack();
  const { image: base, sandbox } = await dependencies(context, attempt, plan);
  if (sandbox !== null) opened.use(sandbox);
  const inputs = digestOf([plan.source.digest, base]);
  const resources = opened.move();
  const open = async () =>
    sourceTar(resources.use(await fetched.open()), {
      prefix: "build/",
      limits: { maxUnpackedBytes: limits.sourceBytes, maxEntries: limits.sourceEntries },
      signal: attempt.signal,
    });
  const files = { base, isNode: true, inputs, sourceTime: timeOf(attempt, inputs, plan, former), open };
  return { built, files, sandbox, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** What the buildpack leaves of the source. */
async function fromBuild(
  context: MakeContext,
  attempt: Attempt,
  { fetched, plan, former }: Input,
): Promise<Made> {
  const { variables, signal } = attempt;
  await using opened = new AsyncDisposableStack();
  const base = plan.node?.images.run ?? context.config.stackImage;
  const sorted = Object.entries(variables).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const inputs = digestOf([plan.source.digest, base, sorted]);
  const time = timeOf(attempt, inputs, plan, former);
  const sandbox = opened.use(await unpack(context, attempt, { fetched, plan, sourceTime: time }));
  const built = await build(context, attempt, sandbox);
  const open = () => sandbox.download(`${workDir}/build`, signal);
  const files = { base, isNode: plan.node !== null, inputs, sourceTime: time, open };
  const resources = opened.move();
  return { built, files, sandbox, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function timeOf({ lease }: Attempt, inputs: string, { source }: Plan, former: FormerImage | null): number {
  return sourceTime(inputs, { newest: source.newestTime, createdAt: lease.deployment.createdAt }, former);
}

function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
