// Builds the web console once, and again when its sources have changed.

import { rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { acquireLock } from "../bootstrap/lock.mjs";
import { readText, writePrivate } from "./files.ts";
import { definitionHash } from "./images/image-builder.ts";
import { step } from "./progress.ts";
import type { PrintLine } from "./progress.ts";
import { repositoryRoot } from "./repository.ts";
import { reasonOf, SetupError } from "./setup-error.ts";

const defaultFolder = join(repositoryRoot, "apps/console");
const lockWaitMs = 5 * 60_000;
/** Inputs of the build, below the console's folder. */
const sources = ["src", "build", "index.html", "package.json", "vite.config.ts"];
/** The only other package whose code the console includes. Of the API's schemas it uses only the types. */
const includedFolder = join(repositoryRoot, "packages/protocol/src/presentation");

/**
 * Writes `dist` in the console's folder unless it was built from the current sources. Processes of one clone wait for each other.
 * Throws SetupError.
 */
export async function ensureConsole(printLine: PrintLine, folder = defaultFolder): Promise<void> {
  const hash = await definitionHash(...sources.map((name) => join(folder, name)), includedFolder);
  const built = join(folder, "dist");
  const mark = join(built, "built-from");
  if ((await readText(mark)) === hash) return;
  await using _lock = await acquireLock(join(folder, ".build.lock"), { waitMs: lockWaitMs });
  if ((await readText(mark)) === hash) return;
  // An open page keeps using its files until the new ones are complete.
  const draft = join(folder, ".dist");
  await step(printLine, "console").during("builds the web console", () => build(folder, draft));
  await writePrivate(join(draft, "built-from"), `${hash}\n`);
  await rm(built, { recursive: true, force: true });
  await rename(draft, built);
}

async function build(folder: string, outDir: string): Promise<void> {
  const vite = join(
    dirname(createRequire(join(folder, "package.json")).resolve("vite/package.json")),
    "bin/vite.js",
  );
  try {
    await execa(
      process.execPath,
      [vite, "build", "--outDir", outDir, "--emptyOutDir", "--logLevel", "warn"],
      {
        cwd: folder,
        env: { NODE_ENV: "production" },
        all: true,
      },
    );
  } catch (error) {
    throw new SetupError(
      `The web console in ${folder} cannot be built (${reasonOf(error)}): run "npx vite build" there to see why.`,
    );
  }
}
