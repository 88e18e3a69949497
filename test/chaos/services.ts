// Sets up the services of all chaos and fleet tests once: an engine, and a registry with the stack image.

import type { TestProject } from "vitest/node";
import { readOwnConfig, setup } from "@slipway/setup";
import type { AppEnvironment } from "@slipway/setup";

declare module "vitest" {
  interface ProvidedContext {
    environment: AppEnvironment;
  }
}

export default async function ensureServices(project: TestProject): Promise<void> {
  const printLine = (line: string) => process.stdout.write(`${line}\n`);
  project.provide("environment", await setup({ config: readOwnConfig("test"), printLine }));
}
