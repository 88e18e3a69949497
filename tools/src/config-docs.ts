// npm run config-docs: generates the configuration's documents and lists from its schemas, and the metrics' document from their registry.
// With --check, verifies that they are up to date.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format } from "oxfmt";
import type { FormatOptions } from "oxfmt";
import { print, repositoryRoot, runCommand, takesOnly } from "@slipway/setup";
import { withBlocks } from "./config-docs/blocks.ts";
import { composeBlocks } from "./config-docs/compose-file.ts";
import { envExample } from "./config-docs/env-example.ts";
import { metricsReference } from "./config-docs/metrics-reference.ts";
import { configurationReference } from "./config-docs/reference.ts";
import { settingsReadModule } from "./config-docs/settings-read.ts";
import { allVariables } from "./config-docs/variables.ts";

const settingsRead = "packages/setup/src/supervisor/settings-read.ts";

await runCommand(async () => {
  const onlyChecks = takesOnly("config-docs", ["--check"]).length > 0;
  const stale: string[] = [];
  for (const [path, text] of await generated()) {
    const file = join(repositoryRoot, path);
    if ((await readText(file)) === text) continue;
    stale.push(path);
    if (!onlyChecks) await writeFile(file, text);
  }
  if (onlyChecks && stale.length > 0) {
    print(
      `Out of date with the schemas of the configuration or the registry of metrics: ${stale.join(", ")}. Run npm run config-docs.`,
    );
    return 1;
  }
  print(
    stale.length === 0
      ? "The documents of the configuration and the metrics are up to date."
      : `wrote ${stale.join(", ")}`,
  );
  return 0;
});

/** The expected content of the files by their paths. */
async function generated(): Promise<[path: string, text: string][]> {
  const variables = allVariables();
  const compose = await readFile(join(repositoryRoot, "docker-compose.yml"), "utf8");
  return [
    ["docs/configuration.md", await formatted("configuration.md", configurationReference(variables))],
    ["docs/metrics.md", await formatted("metrics.md", metricsReference())],
    [".env.example", envExample(variables)],
    [settingsRead, await formatted(settingsRead, settingsReadModule(variables))],
    [
      "docker-compose.yml",
      await formatted("docker-compose.yml", withBlocks(compose, composeBlocks(variables))),
    ],
  ];
}

/** Formats the text as `npm run format` does. */
async function formatted(name: string, text: string): Promise<string> {
  const style = await readFile(join(repositoryRoot, ".oxfmtrc.json"), "utf8");
  const { ignorePatterns: _ignored, ...options } = JSON.parse(style) as FormatOptions & {
    ignorePatterns: unknown;
  };
  const { code, errors } = await format(name, text, options);
  if (errors.length > 0) throw new Error(`${name}: ${errors.map(({ message }) => message).join(", ")}`);
  return code;
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
