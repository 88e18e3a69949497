// docker-compose.yml gives each process the variables of its schema, and takes none that .env.example does not show.

import { expect, test } from "vitest";
import { publicImages } from "../../scripts/setup/stand-ins.ts";
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

test("its defaults are those that .env.example shows", () => {
  const shown = new Map(
    Array.from(textOf(".env.example").matchAll(/^#?([A-Z][A-Z0-9_]+)=(.*)$/gm), ([, name, value]) => [
      name,
      value,
    ]),
  );
  const defaults = Array.from(compose.matchAll(/\$\{([A-Z_]+):-([^}]*)\}/g), ([, name, value]) => [
    name,
    value,
  ]);
  expect(defaults.length).toBeGreaterThan(0);
  expect(defaults.filter(([name, value]) => shown.get(name) !== value)).toEqual([]);
});

test("the public images that npm run stand-ins pulls are those it names, and those of the Dockerfiles", () => {
  const named = found(compose, /\$\{[A-Z]+_IMAGE:-([a-z]+:[^}]+)\}/g).filter(
    (image) => !image.startsWith("slipway"),
  );
  const ofStack = found(textOf("stacks/Dockerfile"), /^FROM (\S+)$/gm);
  expect(new Set([...named, ...ofStack])).toEqual(new Set(Object.values(publicImages)));
  const ofApps = found(textOf("Dockerfile"), /^ARG \w+=(.*)$/gm);
  expect(new Set(ofApps)).toEqual(new Set([publicImages.NODE_IMAGE]));
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
