// What the rows of other builders need of an installation: that they are allowed, and where their parts are.

import { freePort } from "@slipway/testkit";
import type { BenchEnvironment } from "../slipway.ts";

export interface BuilderParts {
  /** On which a row may serve buildpacks. */
  readonly buildpackPort: number;
  /** On which a row may serve images that were made elsewhere. */
  readonly imagePort: number;
  /** Name of the builder image of Cloud Native Buildpacks, which a row makes. */
  readonly cnbBuilder: string;
}

/** @returns the parts, and the environment of a Slipway that may use them. */
export async function allowBuilders(
  given: BenchEnvironment,
): Promise<{ readonly environment: BenchEnvironment; readonly builders: BuilderParts }> {
  const [buildpackPort, imagePort] = [await freePort(), await freePort()];
  const cnbBuilder = `slipway-bench-builder:${given.INSTALLATION_ID}`;
  const environment = {
    ...given,
    BUILDERS: "buildpacks cnb dockerfile image",
    CNB_BUILDER: cnbBuilder,
    ALLOWED_PRIVATE_HOSTS: [buildpackPort, imagePort].map((port) => `127.0.0.1:${port}`).join(" "),
  };
  return { environment, builders: { buildpackPort, imagePort, cnbBuilder } };
}
