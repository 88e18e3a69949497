// Searches code and documents for phrases to avoid, and names the standard term for each.

import { globSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { print, repositoryRoot, runCommand, takesOnly } from "@slipway/setup";
import { phrasesIn } from "./plain-words/phrases.ts";

const searched = [
  "*.md",
  "{docs,.github}/**",
  "{.env.example,docker-compose.yml,vitest.config.ts}",
  "{apps,packages,tools,test,bench}/**/*.{ts,mts,mjs,lua}",
  "{stacks,samples,test}/**",
];
/** The last pattern excludes the phrases themselves. */
const excluded = ["**/node_modules/**", "**/.slipway/**", "tools/src/plain-words/**"];

await runCommand(async () => {
  takesOnly("plain-words", []);
  const findings = filesOf(searched).flatMap((path) => {
    const text = readFileSync(join(repositoryRoot, path), "utf8");
    return phrasesIn(text, extname(path) === ".md").map((finding) => Object.assign(finding, { path }));
  });
  for (const { path, line, text, instead } of findings)
    print(`${path}:${line}: "${text}"; write: ${instead}`);
  return findings.length === 0 ? 0 : 1;
});

function filesOf(patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: repositoryRoot, exclude: excluded })
    .filter((path) => statSync(join(repositoryRoot, path)).isFile())
    .toSorted();
}
