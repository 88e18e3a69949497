// Deploys an inline app by hand: runs its compile script in the stack, then commits, pushes and runs the container.

import type { BenchSlipway } from "./slipway.ts";
import { push, run } from "./engine.ts";

export interface InlineDeployment {
  /** A tar of the source, with the folder `sample` at its root. */
  readonly archive: Buffer;
  readonly compile: string;
  readonly web: string;
  readonly answer: string;
  readonly network: string;
}

/** Deploys once and removes everything. @returns the milliseconds until the first answer. */
export async function commitByHand(
  { docker, environment, labels }: BenchSlipway,
  { archive, compile, web, answer, network }: InlineDeployment,
): Promise<number> {
  await using left = new AsyncDisposableStack();
  const startedAt = performance.now();
  const build = await docker.createContainer({
    Image: environment.STACK_IMAGE,
    Cmd: ["bash", "-c", compile],
    WorkingDir: "/sample",
    User: "0",
    Labels: labels,
    HostConfig: { NetworkMode: network },
  });
  left.defer(() => build.remove({ force: true, v: true }));
  await build.putArchive(archive, { path: "/" });
  await build.start();
  const { StatusCode: exitCode } = (await build.wait()) as { StatusCode: number };
  if (exitCode !== 0) throw new Error(`The build ended with exit code ${exitCode}.`);
  const [repo, tag] = [`${new URL(environment.REGISTRY_URL).host}/bench/by-hand`, build.id.slice(0, 12)];
  await build.commit({ repo, tag });
  const image = docker.getImage(`${repo}:${tag}`);
  left.defer(() => image.remove({ force: true }));
  await push(docker, `${repo}:${tag}`, environment.REGISTRY_URL);
  const options = { image: `${repo}:${tag}`, workingDir: "/sample", command: ["bash", "-c", web] };
  const release = await run(docker, { ...options, network, labels, answer });
  left.defer(() => release.remove({ force: true, v: true }));
  return performance.now() - startedAt;
}
