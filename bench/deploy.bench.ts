// A whole deployment, from the request to the running app, compared with the same steps done by hand with the engine: run the build,
// commit, push, start.

import { packTar, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../test/e2e/apps.ts";
import { commitByHand } from "./commit-by-hand.ts";
import { compare, units } from "./measure.ts";
import { followToSuccess, setUpServices, startSlipway } from "./slipway.ts";

/** The content differs every time, as in builds: an image that already exists would not be pushed. */
const results = [
  { title: "a small app", compile: "head -c 1000 /dev/urandom > built" },
  { title: "an app of 100 MB of text", compile: "head -c 75M /dev/urandom | base64 -w 120 > built" },
];
const answer = "bench";
const web = answering(answer);

await using opened = new AsyncDisposableStack();
const slipway = opened.use(await startSlipway(await setUpServices()));
const { docker, labels } = slipway;
const network = await docker.createNetwork({ Name: `slipway-bench-${process.pid}`, Labels: labels });
opened.defer(() => network.remove());

for (const [index, { title, compile }] of results.entries()) {
  const files = inlineApp(compile, web);
  const archive = await packTar(files);
  const byHand = { archive, compile, web, answer, network: network.id };
  await compare(
    `${title}, from posted to running`,
    [
      { name: "by hand: run, commit, push, run", run: () => commitByHand(slipway, byHand) },
      { name: "a deployment", run: await deploying(`bench-${index}`, files) },
    ],
    { unit: units.milliseconds, warmUps: 1, rounds: 5 },
  );
}

/** @returns a function that deploys the app once and returns the duration that a follower of the deployment observes. */
async function deploying(name: string, files: Record<string, string>): Promise<() => Promise<number>> {
  const app = await slipway.findOrCreateApp(name);
  const source = await slipway.api.upload(await packTarGz(files));
  return async () => {
    const startedAt = performance.now();
    const { id } = await slipway.api.createDeployment(name, source, answer);
    await followToSuccess(slipway, { app, deploymentId: id });
    return performance.now() - startedAt;
  };
}
