// Builds by buildpacks: dependencies, or unpack and build in a sandbox, then push.

import { saveCache } from "../cache.ts";
import type { CacheContext } from "../cache.ts";
import { make } from "../make.ts";
import type { MakeContext } from "../make.ts";
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
      const image = await push(context, attempt, { files, built, former });
      const resources = owned.move();
      return {
        image,
        stackImage: context.config.stackImage,
        processTypes: built.processTypes,
        imageStart: null,
        configVars: built.configVars,
        saveCache: async () => {
          if (sandbox !== null) await saveCache(context, attempt, sandbox, { isEmpty: built.hasEmptyCache });
        },
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}
