// The contract suite of the build engine port: tests with hostile builds that every adapter must pass.

import { afterAll, beforeAll, describe } from "vitest";
import type { BuildEngine } from "@slipway/core";
import { buildFiles } from "./engine-contract/files.ts";
import { isolatedBuilds } from "./engine-contract/isolation.ts";
import { buildLifecycle } from "./engine-contract/lifecycle.ts";
import { limitedBuilds } from "./engine-contract/limits.ts";
import { loopbackOfBuilds } from "./engine-contract/loopback.ts";
import { buildOutput } from "./engine-contract/output.ts";
import { snapshotsOfBuilds } from "./engine-contract/snapshots.ts";
import type { BuildsUnderTest } from "./engine-contract/under-test.ts";

/** An installation on the engine for one suite. Disposing it removes its containers, networks, volumes and snapshots. */
export interface EngineUnderTest extends AsyncDisposable {
  /** An image with bash, coreutils and perl. */
  readonly image: string;
  /** Opens another connection for the same installation; the caller disposes it. */
  readonly open: () => BuildEngine;
  /** Opens a connection for another installation on the same engine. */
  readonly openOther: () => BuildEngine;
}

/**
 * Runs the suite.
 * @param name the adapter's name. @param newContext provides an empty installation; called once.
 */
export function engineContract(name: string, newContext: () => Promise<EngineUnderTest>): void {
  describe(`${name} fulfills the build engine's contract`, () => {
    const opened = new AsyncDisposableStack();
    let context: EngineUnderTest;
    let engine: BuildEngine;
    beforeAll(async () => {
      context = opened.use(await newContext());
      engine = opened.use(context.open());
    });
    afterAll(() => opened.disposeAsync());

    const underTest: BuildsUnderTest = {
      engine: () => engine,
      image: () => context.image,
      open: () => context.open(),
      openOther: () => context.openOther(),
    };
    isolatedBuilds(underTest);
    limitedBuilds(underTest);
    buildOutput(underTest);
    loopbackOfBuilds(underTest);
    buildFiles(underTest);
    buildLifecycle(underTest);
    snapshotsOfBuilds(underTest);
  });
}
