// The parts of an installation that the rows of other builders need: the permissions of the builders, and the addresses and names of their
// parts.

import { freePort } from "@slipway/testkit";
import type { BenchEnvironment } from "../slipway.ts";

export interface BuilderParts {
  /** The port on which a row may serve buildpacks. */
  readonly buildpackPort: number;
  /** The port on which a row may serve images that were built elsewhere. */
  readonly imagePort: number;
  /** Name of the builder image of Cloud Native Buildpacks. A row creates the image. */
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
