// The Docker Engine for tests that need containers, and installations on it that leave nothing behind.

import { randomBytes } from "node:crypto";
import { servicesRequired, testsOf } from "../config.ts";
import { dockerHost, stackImage } from "./config.ts";
import { requestEngine, defaultDockerHost } from "./engine-api.ts";
import { removeInstallation } from "./remove-all.ts";
import { withdrawGuards } from "./withdraw-guards.ts";

/** Repositories in which setup and stacks/build-stack.sh tag the stack image. */
const stackRepositories = ["slipway-stack", "slipway-dev-stack"];

export interface TestEngine {
  readonly dockerHost: string;
  /** An image with bash, coreutils and perl, whose user is 2000. */
  readonly stackImage: string;
}

/** An installation id for one test; disposing it removes the installation's containers, volumes and networks. */
export interface TestInstallation extends AsyncDisposable {
  readonly id: string;
}

/**
 * Whether tests that need an engine must be skipped, for `describe.skipIf`.
 * @throws in CI, naming what is missing: no test is skipped there.
 */
export async function lacksEngine(): Promise<boolean> {
  try {
    await testEngine();
    return false;
  } catch (error) {
    if (servicesRequired) throw error;
    return true;
  }
}

/** @throws when no engine answers or it has no stack image. */
export async function testEngine(): Promise<TestEngine> {
  const found = dockerHost ?? defaultDockerHost;
  const filters = encodeURIComponent(JSON.stringify({ reference: stackRepositories }));
  const images = (await requestEngine(found, "GET", `/images/json?filters=${filters}`)) as {
    RepoTags?: string[];
  }[];
  const image = stackImage ?? images[0]?.RepoTags?.[0];
  if (image === undefined)
    throw new Error("the Docker Engine has no stack image: run set-up, or set STACK_IMAGE");
  return { dockerHost: found, stackImage: image };
}

export function newInstallation(): TestInstallation {
  const id = `${testsOf}-${randomBytes(4).toString("hex")}`;
  const host = dockerHost ?? defaultDockerHost;
  return {
    id,
    [Symbol.asyncDispose]: async () => {
      await withdrawGuards(host, id);
      await removeInstallation(host, id);
    },
  };
}
