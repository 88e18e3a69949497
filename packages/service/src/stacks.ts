// The settings of stacks, and the stacks in them: each is a pair of images for builds and for releases.

import { z } from "zod";
import { settingDocs } from "./setting-docs.ts";
import { listSetting } from "./settings.ts";

export interface Stack {
  /** Value of STACK in builds and releases, and the stack's id in the API. */
  readonly name: string;
  /** Image on which releases run; "" in processes that do not know it. */
  readonly run: string;
  /** Image in which builds run. */
  readonly build: string;
}

const stackName = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const nameRule = "must be lowercase letters, digits, dots, hyphens and underscores";

export const stackSettings = z.object({
  STACK_IMAGE: z.string().min(1).register(settingDocs, {
    topic: "services",
    description: "Image that releases run on.",
    npmStart: "made from `stacks/`",
  }),
  STACK_BUILD_IMAGE: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description: "Image that builds run in: `STACK_IMAGE` with compilers.",
    unset: "`STACK_IMAGE`",
    npmStart: "made from `stacks/`, unless `STACK_IMAGE` is set",
  }),
  STACK_NAME: z.string().regex(stackName, nameRule).optional().register(settingDocs, {
    topic: "services",
    description: "Name of the stack of these images: `STACK` in builds and releases.",
    unset: "from the name of `STACK_IMAGE`: `heroku-24` of `heroku/heroku:24`",
    npmStart: "`slipway-12`, unless `STACK_IMAGE` is set",
  }),
  STACKS: listSetting()
    .transform((items, context) =>
      items.flatMap((item): readonly Stack[] => {
        const stack = parseStack(item);
        if (stack !== null) return [stack];
        context.addIssue(`${item} is not a stack: use NAME=RUN_IMAGE or NAME=RUN_IMAGE+BUILD_IMAGE`);
        return [];
      }),
    )
    .register(settingDocs, {
      topic: "services",
      description:
        "Further stacks that apps may choose: `NAME=RUN_IMAGE+BUILD_IMAGE`, separated by blanks or commas, with images of the installation's registry ([Stacks](stacks.md)). The same for the API and all workers.",
      npmStart: "pulled and pushed to the registry where they are elsewhere",
    }),
});

/** @returns null when the text does not define a stack. */
export function parseStack(text: string): Stack | null {
  const [, name = "", run = "", build] = /^([^=]+)=([^+=]+)(?:\+([^+=]+))?$/.exec(text) ?? [];
  return stackName.test(name) && run !== "" ? { name, run, build: build ?? run } : null;
}

/** @returns the stacks, with the default one first. */
export function stacksOf(settings: {
  readonly [Name in keyof z.output<typeof stackSettings>]?: z.output<typeof stackSettings>[Name] | undefined;
}): readonly [Stack, ...(readonly Stack[])] {
  const { STACK_IMAGE: run = "", STACK_BUILD_IMAGE: build = run, STACK_NAME, STACKS = [] } = settings;
  const first = { name: STACK_NAME ?? defaultStackName(run), run, build };
  return [first, ...STACKS.filter(({ name }) => name !== first.name)];
}

/** @returns a stack's name derived from its image: `heroku-24` from `registry/heroku/heroku:24@sha256:…`. */
export function defaultStackName(image: string): string {
  const [path = ""] = image.split("@");
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return (
    name
      .replace(":", "-")
      .replaceAll(/[^a-z0-9._-]/g, "-")
      .slice(0, 63) || "default"
  );
}
