// The rows of apps that other builders build: with a Dockerfile, Cloud Native Buildpacks, buildpacks by URL, and an image by digest.

import { randomUUID } from "node:crypto";
import { startRegistry } from "@slipway/testkit";
import { serveBuildpacks } from "../../test/e2e/buildpack-server.ts";
import { makeBuilderImage } from "../../test/e2e/cnb/builder-image.ts";
import { pull, push } from "../engine.ts";
import { units } from "../measure.ts";
import type { BenchSlipway } from "../slipway.ts";
import { ServedByHand } from "./by-hand.ts";
import { deploy, settled } from "./deployment.ts";
import type { TimedDeployment } from "./deployment.ts";
import { buildImage } from "./docker-build.ts";
import {
  cachedRow,
  inTurn,
  middleOf,
  newAnswer,
  newApp,
  ratioTargets,
  redeployments,
} from "./redeployments.ts";
import type { Row, RowContext } from "./redeployments.ts";
import type { MeasuredRow } from "./report.ts";
import * as sources from "./sources.ts";

export const builderRows: readonly Row[] = [
  { name: "Dockerfile with three stages and a secret, one file changed", measure: dockerfileRow },
  { name: "Cloud Native Buildpacks, one file changed", measure: nativeBuildpacksRow },
  { name: "two buildpacks by URL, one file changed", measure: twoBuildpacksRow },
  { name: "image by digest, one layer changed", measure: imageRow },
];

/** In both cases BuildKit builds the same Dockerfile with the same secret. */
async function dockerfileRow(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const { STACK_IMAGE: base } = context.slipway.environment;
  return [(await redeployments(context, cachedRow(this.name, sources.threeStages, base))).row];
}

async function nativeBuildpacksRow(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const { docker, environment } = context.slipway;
  const { STACK_IMAGE: run, STACK_BUILD_IMAGE: build } = environment;
  const name = context.builders.cnbBuilder;
  await using opened = new AsyncDisposableStack();
  await pull(docker, build, environment.REGISTRY_URL);
  await makeBuilderImage(docker, { name, run, build });
  opened.defer(() => docker.getImage(name).remove({ force: true }));
  return [(await redeployments(context, cachedRow(this.name, sources.nativeBuildpacks, run))).row];
}

async function twoBuildpacksRow(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const { buildpackPort } = context.builders;
  await using _server = await serveBuildpacks(buildpackPort);
  const source = sources.twoBuildpacks(`http://127.0.0.1:${buildpackPort}`);
  const { STACK_IMAGE: base } = context.slipway.environment;
  return [(await redeployments(context, cachedRow(this.name, source, base))).row];
}

/** Each round has its own image, which is built and pushed to another registry before the round. */
async function imageRow(this: Row, context: RowContext): Promise<readonly MeasuredRow[]> {
  const { slipway } = context;
  await using registry = await startRegistry({ port: context.builders.imagePort });
  await using served = new ServedByHand(slipway);
  await using owned = await newApp(slipway);
  const deployments: TimedDeployment[] = [];
  const byHand = async () => {
    const answer = newAnswer();
    const image = await makeElsewhere(slipway, registry.host, answer);
    return await served.replace(answer, async () => {
      await pull(slipway.docker, image, registry.url);
      return image;
    });
  };
  const bySlipway = async () => {
    const answer = newAnswer();
    const image = `http://${await makeElsewhere(slipway, registry.host, answer)}`;
    const timed = await deploy(slipway, owned.app, { image, answer });
    await settled(slipway, owned.app, 1);
    deployments.push(timed);
    return timed.answeredMs;
  };
  const [limits, values] = await inTurn(byHand, bySlipway);
  context.onProfile(this.name, middleOf(deployments.slice(-values.length)));
  const limitName = "docker pull by digest, run, first answer, old one removed";
  return [{ name: this.name, unit: units.seconds, limitName, limits, values, ...ratioTargets(2, 1.25) }];
}

/** Pushes an image of an app, and removes the image's own layer from the engine. @returns its reference by digest. */
async function makeElsewhere(
  { docker, environment }: BenchSlipway,
  host: string,
  answer: string,
): Promise<string> {
  const tag = `${host}/team/app:${randomUUID()}`;
  const context = await sources.buildContext(sources.noOp, answer, environment.STACK_IMAGE);
  await buildImage(docker, context, { t: tag });
  await push(docker, tag, `http://${host}`);
  const { RepoDigests: digests } = await docker.getImage(tag).inspect();
  const pinned = digests.find((digest) => digest.startsWith(`${host}/`));
  await docker.getImage(tag).remove({ force: true });
  if (pinned === undefined) throw new Error(`The engine has no digest of ${tag} after its push.`);
  return pinned;
}
