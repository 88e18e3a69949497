// docker-compose.yml gives each process the variables of its schema, and takes none that .env.example does not show.

import { expect, test } from "vitest";
import { textOf } from "./repository.ts";

const compose = textOf("docker-compose.yml");
const settings = textOf("packages/service/src/config.ts");
/** Settings of packages/service, by what an app's config.ts writes to take them. */
const shared = {
  commonSettings: "commonSettings",
  appUrlSettings: "appUrlSettings",
  withSigningKeys: "signingSettings",
};
/** Of other ways to run: state is in the stores, the engine is the socket's, and Swarm is not what this file starts. */
const notGiven = new Set([
  "DATA_DIR",
  "SERVICE_NAME",
  "SIGNING_KEY",
  "SIGNING_KEYS_FILE",
  "BUILD_CA_BUNDLE",
  "DOCKER_HOST",
  "SCHEDULER_DOCKER_HOST",
  "SCHEDULER",
  "SCHEDULER_NETWORK",
]);

test.each(["api", "stream", "router", "worker"])(
  "%s gets each variable of its schema, and no other",
  (app) => {
    const source = textOf(`apps/${app}/src/config.ts`);
    const taken = Object.entries(shared).filter(([written]) => source.includes(written));
    const wanted = new Set(found(source, /^ {2}([A-Z][A-Z0-9_]+):/gm));
    for (const [, group] of taken) for (const name of settingsOf(group)) wanted.add(name);
    const expected = [...wanted].filter((name) => !notGiven.has(name));
    expect(environmentOf(app).toSorted()).toEqual(expected.toSorted());
  },
);

test("what it takes from the environment is in .env.example", () => {
  const shown = new Set(found(textOf(".env.example"), /^#?([A-Z][A-Z0-9_]+)=/gm));
  const taken = [...found(compose, /(?<!\$)\$\{([A-Z_]+)/g), ...found(compose, /^ +([A-Z_]+):$/gm)];
  expect(taken.length).toBeGreaterThan(0);
  expect(taken.filter((name) => !shown.has(name))).toEqual([]);
});

function settingsOf(group: string): string[] {
  const [body = ""] = found(settings, new RegExp(`const ${group} = z\\.object\\(\\{([^]*?)^\\}`, "gm"));
  return found(body, /^ {2}([A-Z][A-Z0-9_]+):/gm);
}

/** Names in a service's environment, and in the groups that it merges. */
function environmentOf(service: string): string[] {
  const [body = ""] = found(compose, new RegExp(`^  ${service}:\\n([^]*?)^  \\S`, "gm"));
  const [environment = ""] = found(body, /^ {4}environment:\n((?: {6}.*\n)+)/gm);
  const merged = found(environment, /\*([a-z-]+)/g).flatMap((anchor) => {
    const [group = ""] = found(compose, new RegExp(`^x-${anchor}: &${anchor}\\n((?: {2}.*\\n)+)`, "gm"));
    return found(group, /^ {2}([A-Z_]+):/gm);
  });
  return [...merged, ...found(environment, /^ {6}([A-Z_]+):/gm)];
}

function found(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, first]) => first ?? "");
}
