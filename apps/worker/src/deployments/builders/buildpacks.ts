// Builds with buildpacks: installs dependencies, or unpacks and builds in a sandbox, then pushes.

import { together } from "@slipway/async";
import type { BuildpackFacts } from "@slipway/receipts";
import { saveCache } from "../cache.ts";
import type { CacheContext } from "../cache.ts";
import { make } from "../make.ts";
import type { MakeContext } from "../make.ts";
import type { Built } from "../phases/build.ts";
import type { Plan } from "../phases/plan.ts";
import { push } from "../phases/push.ts";
import type { PushContext } from "../phases/push.ts";
import type { Builder } from "./builder.ts";

export type BuildpacksContext = MakeContext & CacheContext & PushContext;

export function buildpacksBuilder(context: BuildpacksContext): Builder {
  return {
    kind: "buildpacks",
    async build(attempt, { fetched, plan, former }) {
      await using owned = new AsyncDisposableStack();
      const { sandbox, built, files } = owned.use(await make(context, attempt, { fetched, plan, former }));
      const { lease, log } = attempt;
      const pushing = (signal: AbortSignal) =>
        lease.phase("push", log, async (phase) => {
          const pushed = await push(context, { ...attempt, signal }, { files, built, former });
          phase.addBytes(pushed.sizeBytes);
          return pushed;
        });
      const [image] = await together(attempt.signal, (signal) => [pushing(signal), built.ended]);
      const resources = owned.move();
      return {
        image,
        buildpacks: files.buildpacks.length > 0 ? files.buildpacks : bundledFacts(plan, built),
        stackImage: context.config.stackImage,
        processTypes: built.processTypes,
        imageStart: null,
        configVars: built.configVars,
        saveCache: async () => {
          if (sandbox === null) return;
          const isEmpty = built.hasEmptyCache;
          await lease.phase("cache", log, () => saveCache(context, attempt, sandbox, { isEmpty }));
        },
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

function bundledFacts({ assets }: Plan, { buildpack }: Pick<Built, "buildpack">): readonly BuildpackFacts[] {
  const names = assets === null ? [buildpack] : [assets.kind, buildpack];
  return names.map((name) => ({ name, url: null, revision: null }));
}
