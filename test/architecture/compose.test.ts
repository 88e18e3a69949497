// docker-compose.yml and the Dockerfiles use the configuration's variables and images, with their defaults.

import { expect, test } from "vitest";
import { parse } from "yaml";
import { appSpecs } from "@slipway/setup";
import { allVariables, isInEnvFile } from "@slipway/tools/config-docs";
import { publicImages } from "@slipway/tools/stand-ins";
import { textOf } from "./repository.ts";

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const variables = new Map(
  allVariables()
    .filter(isInEnvFile)
    .map((variable) => [variable.name, variable]),
);
const composition = parse(textOf("docker-compose.yml"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const strings = stringsOf(composition);
const interpolation = /(?<!\$)\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g;
const used = strings.flatMap((text) =>
  Array.from(text.matchAll(interpolation), ([, name = "", operator, value]) => ({ name, operator, value })),
);

test("docker-compose.yml uses no variable that .env.example lacks", () => {
  expect(used.length).toBeGreaterThan(0);
  expect(used.filter(({ name }) => !variables.has(name))).toEqual([]);
});

test("docker-compose.yml uses each variable that it alone reads", () => {
  const own = [...variables.values()].filter(({ readers }) => readers.includes("compose"));
  expect(own.filter(({ name }) => !used.some((one) => one.name === name))).toEqual([]);
});

test("the defaults in docker-compose.yml are those of the schemas", () => {
  const defaults = used.filter(({ operator }) => operator === "-");
  expect(defaults.length).toBeGreaterThan(0);
  expect(defaults.filter(({ name, value }) => variables.get(name)?.fallback !== value)).toEqual([]);
});

test.each(["router", "worker"])(
  "a %s of docker-compose.yml runs with the options of npm start that keep its memory small",
  (name) => {
    const own = appSpecs({ WORKERS: "1", DATA_DIR: "/d" }, "json").find(({ kind }) => kind === name);
    const { command, environment } = composition.services[name] ?? {};
    expect(command).toEqual(["node", ...(own?.nodeOptions ?? []), own?.script]);
    const ofMalloc = Object.entries(own?.environment ?? {}).filter(([variable]) =>
      variable.startsWith("MALLOC_"),
    );
    expect(ofMalloc.length).toBeGreaterThan(0);
    expect(environment).toMatchObject(Object.fromEntries(ofMalloc));
  },
);

test("the Dockerfiles use the public images that npm run stand-ins knows", () => {
  const lines = [...textOf("Dockerfile").split("\n"), ...textOf("stacks/Dockerfile").split("\n")];
  expect(lines).toContain(`ARG NODE_IMAGE=${publicImages.NODE_IMAGE}`);
  expect(lines).toContain(`ARG PACKAGES_IMAGE=${publicImages.NODE_IMAGE}`);
  expect(lines).toContain(`FROM ${publicImages.STACK_LOCAL_IMAGE} AS run`);
});

function stringsOf(node: unknown): string[] {
  if (typeof node === "string") return [node];
  if (typeof node !== "object" || node === null) return [];
  return Object.values(node).flatMap(stringsOf);
}
